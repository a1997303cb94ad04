/**
 * The root keys as they are stored: encrypted with a random key, which each accepted master key wraps. While the master
 * key is rotated, the old one and the new one are accepted, so that nodes with either can start.
 */

import { randomBytes } from 'node:crypto'
import type { MasterKey } from '../model/keys.ts'
import { createRootKeys, type RootKey } from './root-keys.ts'
import { createSealing } from './sealing.ts'

/** The setting with the stored set. Without it, the master key is the only root key. */
export const rootKeysSetting = 'root_keys'

type Stored = {
  /** The newest version of a root key, for nodes that can't open the set. */
  readonly newest: number
  readonly wraps: readonly { readonly master: string; readonly key: string }[]
  readonly sealed: string
}

type SealedKey = Omit<RootKey, 'key'> & { readonly key: string }

const keyBytes = 32

/** Resolves to the text of the setting. */
export async function sealRootKeys(keys: readonly RootKey[], masters: readonly MasterKey[]): Promise<string> {
  const wrapping = new Uint8Array(randomBytes(keyBytes))
  const wraps = await Promise.all(
    masters.map(async master => ({ master: master.id, key: encode(await master.wrap(wrapping)) })),
  )
  const rows: readonly SealedKey[] = keys.map(key => ({ ...key, key: encode(key.key) }))
  const stored: Stored = {
    newest: Math.max(...keys.map(({ version }) => version)),
    wraps,
    sealed: encode(sealingWith(wrapping).seal(JSON.stringify(rows), sealedName)),
  }
  return JSON.stringify(stored)
}

/**
 * Resolves to the root keys; undefined if the set is for none of these master keys. Rejects if a master key can't unwrap
 * its own set.
 */
export async function openRootKeys(
  text: string,
  masters: readonly MasterKey[],
): Promise<readonly RootKey[] | undefined> {
  const { wraps, sealed } = JSON.parse(text) as Stored
  for (const master of masters) {
    const wrap = wraps.find(one => one.master === master.id)
    if (!wrap) continue
    const wrapping = await master.unwrap(decode(wrap.key))
    const rows = JSON.parse(sealingWith(wrapping).open(decode(sealed), sealedName)) as readonly SealedKey[]
    return rows.map(row => ({ ...row, key: decode(row.key) }))
  }
  return undefined
}

/** Returns the ids of the master keys that open the set. */
export const mastersOf = (text: string): readonly string[] =>
  (JSON.parse(text) as Stored).wraps.map(({ master }) => master)

/** Returns the newest version in a set, which may be one that this process can't open. */
export const newestVersionOf = (text: string): number => (JSON.parse(text) as Stored).newest

const sealedName = 'root keys'
const sealingWith = (key: Uint8Array) => {
  const { derived } = createRootKeys([{ version: 1, key, active_from: 0 }], { now: () => 0 })
  return createSealing({ derived, purpose: 'root-keys' })
}
const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const decode = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))
