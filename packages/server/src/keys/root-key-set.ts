/**
 * The root keys as they are stored: encrypted with a random key, which each accepted master key wraps. While the master
 * key is rotated, the old one and the new one are accepted, so that nodes with either can start.
 */

import { randomBytes } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import { isJsonObject, parseJsonObject } from '@tessera/protocol/json'
import type { MasterKey } from '../model/keys.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'
import { MasterKeyError } from './master-key-error.ts'
import { createRootKeys, type RootKey } from './root-keys.ts'
import { createSealing } from './sealing.ts'
import { describeMaster } from './service-master-key.ts'

/** The setting with the stored set. Without it, the master key is the only root key. */
export const rootKeysSetting = 'root_keys'

type Stored = {
  /** The newest version of a root key, for nodes that can't open the set. */
  readonly newest: number
  /** When new values are made with it. */
  readonly newest_from?: Seconds
  readonly wraps: readonly { readonly master: string; readonly key: string }[]
  readonly sealed: string
}

type SealedKey = Omit<RootKey, 'key'> & { readonly key: string }

const keyBytes = 32

/** Returns a random root key, for new values from a time on. */
export const newRootKey = (version: number, active_from: Seconds): RootKey => ({
  version,
  key: new Uint8Array(randomBytes(keyBytes)),
  active_from,
})

/** Resolves to the text of the setting. Rejects if a master key can't unwrap again what it wrapped. */
export async function sealRootKeys(keys: readonly RootKey[], masters: readonly MasterKey[]): Promise<string> {
  const wrapping = new Uint8Array(randomBytes(keyBytes))
  const wraps = await Promise.all(masters.map(master => wrapWith(master, wrapping)))
  const rows: readonly SealedKey[] = keys.map(key => ({ ...key, key: encode(key.key) }))
  const stored: Stored = {
    newest: Math.max(...keys.map(({ version }) => version)),
    newest_from: Math.max(...keys.map(({ active_from }) => active_from)),
    wraps,
    sealed: encode(sealingWith(wrapping).seal(JSON.stringify(rows), sealedName)),
  }
  return JSON.stringify(stored)
}

/** Checks the wrapped key at once: what can't be unwrapped would be lost at the next start. */
async function wrapWith(master: MasterKey, wrapping: Uint8Array): Promise<Stored['wraps'][number]> {
  const wrapped = await master.wrap(wrapping)
  if (!equalInConstantTime(await master.unwrap(wrapped), wrapping)) throw wrongKey(master)
  return { master: master.id, key: encode(wrapped) }
}

const wrongKey = (master: MasterKey): MasterKeyError => {
  const { kind, id } = describeMaster(master.id)
  return new MasterKeyError(
    'master_key_wrong',
    `the root keys can't be opened with the key that the master key ${id} (${kind}) unwrapped (master_key_wrong): it returned another key than it wrapped, or the stored root keys were changed`,
  )
}

/**
 * Resolves to the root keys; undefined if the set is for none of these master keys. Tries all of them, because one may be in
 * a key service that does not respond. Rejects with the error of the first one if none can unwrap the set.
 */
export async function openRootKeys(
  text: string,
  masters: readonly MasterKey[],
): Promise<readonly RootKey[] | undefined> {
  const { wraps, sealed } = read(text)
  const errors: unknown[] = []
  for (const master of masters) {
    const wrap = wraps.find(one => one.master === master.id)
    if (!wrap) continue
    try {
      const wrapping = await master.unwrap(decode(wrap.key))
      return keysIn(decode(sealed), wrapping, master)
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
  return undefined
}

function keysIn(sealed: Uint8Array, wrapping: Uint8Array, master: MasterKey): readonly RootKey[] {
  let text: string
  try {
    text = sealingWith(wrapping).open(sealed, sealedName)
  } catch {
    throw wrongKey(master)
  }
  return (JSON.parse(text) as readonly SealedKey[]).map(row => ({ ...row, key: decode(row.key) }))
}

/** Returns the ids of the master keys that open the set. */
export const mastersOf = (text: string): readonly string[] => read(text).wraps.map(({ master }) => master)

/** Returns the newest version in a set, which may be one that this process can't open. */
export const newestVersionOf = (text: string): number => read(text).newest

/** Returns when new values are made with the newest version; undefined for a set of an earlier version of this server. */
export const newestFromOf = (text: string): Seconds | undefined => read(text).newest_from

/** The text may come from an edited export. @throws MasterKeyError for one that this server did not write. */
function read(text: string): Stored {
  const stored = parseJsonObject(text)
  if (isStored(stored)) return stored
  throw new MasterKeyError(
    'root_keys_malformed',
    'the stored root keys are malformed (root_keys_malformed): they were changed in the store or in an export; restore them from a backup',
  )
}

function isStored(value: unknown): value is Stored {
  if (!isJsonObject(value)) return false
  const { newest, newest_from, wraps, sealed } = value
  return (
    Number.isSafeInteger(newest) &&
    (newest_from === undefined || Number.isSafeInteger(newest_from)) &&
    typeof sealed === 'string' &&
    Array.isArray(wraps) &&
    wraps.every(one => isJsonObject(one) && typeof one.master === 'string' && typeof one.key === 'string')
  )
}

const sealedName = 'root keys'
const sealingWith = (key: Uint8Array) => {
  const { derived } = createRootKeys([{ version: 1, key, active_from: 0 }], { now: () => 0 })
  return createSealing({ derived, purpose: 'root-keys' })
}
const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const decode = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))
