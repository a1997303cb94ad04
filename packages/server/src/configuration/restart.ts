/** What can't change while a server runs, since it holds a port, a store or keys by it. */

import { hash } from 'node:crypto'
import type { Configuration, Storage } from './configuration.ts'
import type { Diagnostic } from './diagnostic.ts'

/** Key → what must stay as it was; only compared, never told. */
const settled: Readonly<Record<string, (configuration: Configuration) => unknown>> = {
  issuer: ({ issuer }) => issuer,
  host: ({ host }) => host,
  port: ({ port }) => port,
  // A hook that tells the password can't be compared: the first one stays.
  storage: ({ storage: { kind, ...place } }) => [
    kind,
    'file' in place && place.file,
    'url' in place && place.url,
  ],
  storage_pool_size: ({ storage }) => storage.kind === 'postgres' && storage.poolSize,
  storage_replica: ({ storage }) => storage.kind === 'postgres' && storage.replica,
  workers: ({ workers }) => workers,
  master_key_file: ({ masterKey }) => masterKey && Buffer.from(masterKey).toString('base64'),
  metrics: ({ metrics }) => metrics !== undefined,
}

/** A error for each that differs. */
export const restartErrors = (running: Configuration, next: Configuration): readonly Diagnostic[] =>
  Object.entries(settled)
    .filter(([, of]) => JSON.stringify(of(running)) !== JSON.stringify(of(next)))
    .map(([path]) => ({
      path,
      problem: "it has changed, and can't while the server runs",
      expected: 'what it was when the server started',
      fix: 'restart the server, or put it back',
    }))

/**
 * The same for all processes of one server, or they would serve for different issuers or keep different stores. It stands on
 * their command lines, so no secret goes into it.
 */
export const markOfServer = ({ issuer, storage }: Configuration): string =>
  hash('sha256', JSON.stringify([issuer, placeOf(storage)]), 'base64url')

const placeOf = (storage: Storage): string => {
  if (storage.kind === 'memory') return storage.kind
  if (storage.kind === 'sqlite') return storage.file
  return Object.assign(new URL(storage.url), { username: '', password: '' }).href
}
