/** The master key. Other secrets are derived from it (HKDF, RFC 5869), or sealed with a key that is. */

import { createHmac, randomBytes } from 'node:crypto'
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
import type { DerivedKeys, MasterKey } from '../model/keys.ts'
import type { Settings } from '../model/ports/stores.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import { mastersOf, openRootKeys, rootKeysSetting } from './root-key-set.ts'
import { createRootKeys, type RootKeys } from './root-keys.ts'
import { createSealing } from './sealing.ts'

const keyBytes = 32
/** The setting that identifies the master key that the store was created with. */
export const masterKeyCheck = 'master_key_check'

/** Returns a master key from a file or a variable. @param bytes 32 bytes. */
export function localMasterKey(bytes: Uint8Array): MasterKey {
  const derived = createDerivedKeys(bytes)
  const sealing = createSealing({ derived, purpose: 'wrap-root-keys' })
  return {
    id: checkValueOf(derived),
    bytes,
    wrap: async key => sealing.seal(Buffer.from(key).toString('base64url'), wrappedName),
    unwrap: async wrapped => new Uint8Array(Buffer.from(sealing.open(wrapped, wrappedName), 'base64url')),
  }
}

const wrappedName = 'root keys'

/** Returns the keys derived from a master key that was never rotated. @param masterKey 32 bytes. */
export const createDerivedKeys = (masterKey: Uint8Array): DerivedKeys =>
  createRootKeys([{ version: 1, key: masterKey, active_from: 0 }], { now: () => 0 }).derived

type MasterKeyPlace = {
  /** The configured master key. */
  readonly configured: Uint8Array | undefined
  /** The one before, while it is rotated. */
  readonly previous?: Uint8Array | undefined
  readonly storage: { readonly kind: string; readonly file?: string }
  readonly settings: Pick<Settings, 'get' | 'initialise'>
  readonly clock: Clock
  readonly log: Log
}

export type Unlocked = {
  readonly rootKeys: RootKeys
  /** The master keys of this process, the current one first. */
  readonly masters: readonly [MasterKey, ...MasterKey[]]
}

/**
 * Reads or creates the master key, and opens the root keys with it. Rejects if there is no master key, or if the store
 * does not accept it.
 */
export async function unlock({ settings, previous, clock, ...place }: MasterKeyPlace): Promise<Unlocked> {
  const { log } = place
  // Read before the key file, because a new store's file is created before its setting.
  const begun = (await settings.get(masterKeyCheck)) !== undefined
  const stored = await settings.get(rootKeysSetting)
  const current = localMasterKey(resolveMasterKey({ ...place, begun }))
  const masters: Unlocked['masters'] = previous ? [current, localMasterKey(previous)] : [current]
  if (stored !== undefined) {
    const keys = await openRootKeys(stored, masters)
    if (!keys) throw new Error(replacedMasterKey)
    if (!mastersOf(stored).includes(current.id)) log.warn('master_key_not_rotated', { advice: rotateAdvice })
    return { rootKeys: createRootKeys(keys, clock), masters }
  }
  const kept = await settings.initialise(masterKeyCheck, current.id)
  const fitting = masters.find(({ id }) => equalInConstantTime(Buffer.from(kept), Buffer.from(id)))
  if (!fitting?.bytes) throw new Error(anotherMasterKey)
  if (fitting !== current) log.warn('master_key_not_rotated', { advice: rotateAdvice })
  const key = { version: 1, key: fitting.bytes, active_from: 0 }
  return { rootKeys: createRootKeys([key], clock), masters }
}

const rotateAdvice = 'run "tessera keys rotate-master" (docs/guides/keys.md)'
const anotherMasterKey =
  'the master key is not the one that this store was created with: configure that key, or set it as TESSERA_MASTER_KEY_PREVIOUS to replace it (docs/guides/keys.md)'
const replacedMasterKey =
  'the master key was replaced by "tessera keys rotate-master", or is that of another store: configure the current one (docs/guides/keys.md)'

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
}: Pick<MasterKeyPlace, 'configured' | 'storage' | 'log'> & { readonly begun: boolean }): Uint8Array {
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

/** Throws if the tenant's store was created with another master key. Otherwise every refresh would fail silently. */
export async function checkMasterKey({
  settings,
  derived,
}: {
  settings: Pick<Settings, 'initialise'>
  derived: DerivedKeys
}): Promise<void> {
  const own = checkValueOf(derived)
  const kept = await settings.initialise(masterKeyCheck, own)
  if (!equalInConstantTime(Buffer.from(kept), Buffer.from(own))) throw new Error(anotherMasterKey)
}

/** Returns the value that identifies the first root key. */
const checkValueOf = (derived: DerivedKeys): string =>
  createHmac('sha256', derived.permanent('master-key-check')).update('tessera').digest('base64url')
