/** Settings that can't change while a server runs, because its port, store or keys depend on them. */

import { hash } from 'node:crypto'
import type { ConfiguredMasterKey } from '../model/master-key.ts'
import type { Configuration, Storage } from './configuration.ts'
import type { Diagnostic } from './diagnostic.ts'
import { withoutPassword } from './storage-password.ts'

/** Maps each key to the value that must not change. The values are compared and never reported. */
const settled: Readonly<Record<string, (configuration: Configuration) => unknown>> = {
  issuer: ({ issuer }) => issuer,
  host: ({ host }) => host,
  port: ({ port }) => port,
  // Hooks that return the password can't be compared, so the first one remains in use.
  storage: ({ storage: { kind, ...place } }) => [
    kind,
    'file' in place && place.file,
    'url' in place && addressOf(place.url, place.files?.[0]),
  ],
  storage_pool_size: ({ storage }) => storage.kind === 'postgres' && storage.poolSize,
  storage_replica: ({ storage }) =>
    storage.kind === 'postgres' && storage.replica && addressOf(storage.replica, storage.files?.[1]),
  workers: ({ workers }) => workers,
  master_key_file: ({ masterKey }) => bytesOf(masterKey),
  master_key_previous_file: ({ previousMasterKey }) => bytesOf(previousMasterKey),
  masterKey: ({ masterKey }) => serviceOf(masterKey),
  masterKeyPrevious: ({ previousMasterKey }) => serviceOf(previousMasterKey),
  metrics: ({ metrics }) => metrics !== undefined,
  tracing: ({ tracing }) => tracing,
}

const bytesOf = (key: ConfiguredMasterKey | undefined): string | undefined =>
  key?.kind === 'local' ? Buffer.from(key.bytes).toString('base64') : undefined
/** Functions of a key service can't be compared, so the first ones remain in use. */
const serviceOf = (key: ConfiguredMasterKey | undefined): string | undefined =>
  key?.kind === 'service' ? key.service.id : undefined

/** New connections read the password from the file again, so it may change. */
const addressOf = (url: string, file: string | undefined): unknown =>
  file === undefined ? url : [withoutPassword(url), file]

/** Returns an error for each setting that differs. */
export const restartErrors = (running: Configuration, next: Configuration): readonly Diagnostic[] =>
  Object.entries(settled)
    .filter(([, of]) => JSON.stringify(of(running)) !== JSON.stringify(of(next)))
    .map(([path]) => ({
      path,
      problem: 'it has changed, which requires a restart',
      expected: 'the value at startup',
      fix: 'restart the server, or restore the value',
    }))

/**
 * Returns a hash that must be the same in all processes of a server, so that they have the same issuer and store. It is
 * passed on command lines, so it contains no secret.
 */
export const markOfServer = ({ issuer, storage }: Configuration): string =>
  hash('sha256', JSON.stringify([issuer, placeOf(storage)]), 'base64url')

const placeOf = (storage: Storage): string => {
  if (storage.kind === 'memory') return storage.kind
  if (storage.kind === 'sqlite') return storage.file
  return Object.assign(new URL(storage.url), { username: '', password: '' }).href
}
