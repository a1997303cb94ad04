/** The master key: everything else that must stay secret is derived from it (HKDF, RFC 5869) or sealed with what is. */

import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { DerivedKeys } from '../model/keys.ts'
import type { Settings } from '../model/ports/stores.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'
import type { Log } from '../runtime/ports.ts'

const keyBytes = 32
/** The setting that tells whether a master key is the one that a store was begun with. */
export const masterKeyCheck = 'master_key_check'

/** @param masterKey 32 bytes. */
export function createDerivedKeys(masterKey: Uint8Array): DerivedKeys {
  const known = new Map<string, Uint8Array>()
  return {
    derive(purpose) {
      const before = known.get(purpose)
      if (before) return before
      const key = new Uint8Array(hkdfSync('sha256', masterKey, 'tessera', purpose, keyBytes))
      known.set(purpose, key)
      return key
    },
  }
}

/** The keys of a tenant's own issuer: nothing made with them is of use at another. No purpose of the server's begins so. */
export const derivedFor = (derived: DerivedKeys, tenant: string): DerivedKeys => ({
  derive: purpose => derived.derive(`tenant:${tenant}:${purpose}`),
})

export type MasterKeyPlace = {
  /** As the operator gave it. */
  readonly configured: Uint8Array | undefined
  readonly storage: { readonly kind: string; readonly file?: string }
  readonly settings: Pick<Settings, 'get' | 'initialise'>
  readonly log: Log
}

/** Finds or makes the master key; throws when there is none, or not the one that the store was begun with. */
export async function unlock({ settings, ...place }: MasterKeyPlace): Promise<DerivedKeys> {
  // Asked before looking for the file: whoever begins a store makes the file first.
  const begun = (await settings.get(masterKeyCheck)) !== undefined
  const derived = createDerivedKeys(resolveMasterKey({ ...place, begun }))
  await checkMasterKey({ settings, derived })
  return derived
}

/**
 * The configured key; else, for the embedded store, one kept in a 0600 file beside the database, made at the first
 * start; else, in memory, a new one. A store that others share needs a configured one: throws.
 * @param begun whether the store has seen a master key: then none is made in place of one that is gone.
 */
export function resolveMasterKey({
  configured,
  storage,
  begun,
  log,
}: Omit<MasterKeyPlace, 'settings'> & { readonly begun: boolean }): Uint8Array {
  if (configured) return configured
  if (storage.kind === 'memory') return randomBytes(keyBytes)
  if (storage.file === undefined) throw new Error('this storage needs a master key: set TESSERA_MASTER_KEY')
  const file = `${storage.file}.key`
  if (begun && !existsSync(file)) {
    throw new Error(
      `${storage.file} was begun with a master key that is not here: set TESSERA_MASTER_KEY, or put back ${file} (docs/guides/keys.md)`,
    )
  }
  const made = makeKeyFile(file)
  if (isReadableByOthers(file)) log.warn('master_key_file_readable_by_others', { file })
  log.warn(made ? 'master_key_made' : 'master_key_beside_database', {
    file,
    advice: 'fine for developing; in production set TESSERA_MASTER_KEY or TESSERA_MASTER_KEY_FILE',
  })
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url')
  if (key.length !== keyBytes) throw new Error(`${file} does not hold a master key of ${keyBytes} bytes`)
  return key
}

/**
 * Made once, also by processes that start together: a whole file appears under its name, or none does, and whoever
 * comes second finds it. Answers whether this call made it.
 */
function makeKeyFile(file: string): boolean {
  if (existsSync(file)) return false
  const draft = `${file}.${randomBytes(8).toString('hex')}.new`
  try {
    writeDurably(draft, `${randomBytes(keyBytes).toString('base64url')}\n`)
    try {
      // Unlike a rename, a link never replaces what is there.
      linkSync(draft, file)
    } finally {
      unlinkSync(draft)
    }
    syncDirectory(dirname(file))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    throw new Error(`a master key can't be kept in ${file} (${code}): set TESSERA_MASTER_KEY`, {
      cause: error,
    })
  }
}

function writeDurably(file: string, text: string): void {
  const descriptor = openSync(file, 'wx', 0o600)
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** The name outlives a power cut only once its directory is written; Windows opens no directories. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Windows keeps permissions elsewhere: its mode bits tell nothing. */
const isReadableByOthers = (file: string): boolean =>
  process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0

/** Throws when the store was begun with another master key: every refresh would fail silently. */
export async function checkMasterKey({
  settings,
  derived,
}: {
  settings: Pick<Settings, 'initialise'>
  derived: DerivedKeys
}): Promise<void> {
  const own = createHmac('sha256', derived.derive('master-key-check')).update('tessera').digest()
  const kept = await settings.initialise(masterKeyCheck, own.toString('base64url'))
  const value = Buffer.from(kept, 'base64url')
  if (equalInConstantTime(value, own)) return
  throw new Error(
    'the master key does not fit this store: start with the key that the store was begun with (docs/guides/keys.md)',
  )
}
