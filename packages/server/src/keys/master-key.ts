/** The master key. Other secrets are derived from it (HKDF, RFC 5869), or sealed with a key that is. */

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
/** The setting that identifies the master key that the store was created with. */
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

/**
 * Returns the keys derived for a tenant's own issuer, which differ from those of other issuers. The server's own
 * purposes never start with `tenant:`.
 */
export const derivedFor = (derived: DerivedKeys, tenant: string): DerivedKeys => ({
  derive: purpose => derived.derive(`tenant:${tenant}:${purpose}`),
})

type MasterKeyPlace = {
  /** The configured master key. */
  readonly configured: Uint8Array | undefined
  readonly storage: { readonly kind: string; readonly file?: string }
  readonly settings: Pick<Settings, 'get' | 'initialise'>
  readonly log: Log
}

/** Reads or creates the master key. Throws if there is none, or if it is not the one that the store was created with. */
export async function unlock({ settings, ...place }: MasterKeyPlace): Promise<DerivedKeys> {
  // Read before the key file, because a new store's file is created before its setting.
  const begun = (await settings.get(masterKeyCheck)) !== undefined
  const derived = createDerivedKeys(resolveMasterKey({ ...place, begun }))
  await checkMasterKey({ settings, derived })
  return derived
}

/**
 * Returns the configured key. Without one, SQLite uses a 0600 file next to the database, created at the first start,
 * and memory storage uses a new key. Throws for other stores, which need a configured key.
 * @param begun whether the store was already used with a master key; if so, a missing key is not replaced.
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
      `the master key of ${storage.file} is missing: set TESSERA_MASTER_KEY, or restore ${file} (docs/guides/keys.md)`,
    )
  }
  const made = makeKeyFile(file)
  if (isReadableByOthers(file)) log.warn('master_key_file_readable_by_others', { file })
  log.warn(made ? 'master_key_made' : 'master_key_beside_database', {
    file,
    advice: 'for development only; in production set TESSERA_MASTER_KEY or TESSERA_MASTER_KEY_FILE',
  })
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url')
  if (key.length !== keyBytes) throw new Error(`${file} does not contain a master key of ${keyBytes} bytes`)
  return key
}

/**
 * Creates the file and returns true, or returns false if it exists. It is created atomically, so that processes that start
 * at the same time use the same key.
 */
function makeKeyFile(file: string): boolean {
  if (existsSync(file)) return false
  const draft = `${file}.${randomBytes(8).toString('hex')}.new`
  try {
    writeDurably(draft, `${randomBytes(keyBytes).toString('base64url')}\n`)
    try {
      // Unlike a rename, a link never replaces an existing file.
      linkSync(draft, file)
    } finally {
      unlinkSync(draft)
    }
    syncDirectory(dirname(file))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    throw new Error(`the master key can't be written to ${file} (${code}): set TESSERA_MASTER_KEY`, {
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

/** Makes the file name durable. Not possible on Windows, which can't open directories. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Returns whether other users can read the file. On Windows, mode bits do not contain permissions. */
const isReadableByOthers = (file: string): boolean =>
  process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0

/** Throws if the store was created with another master key. Otherwise every refresh would fail silently. */
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
    'the master key is not the one that this store was created with: configure that key (docs/guides/keys.md)',
  )
}
