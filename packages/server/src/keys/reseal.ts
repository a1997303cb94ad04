/** Seals stored secrets again after a rotation of the master key. Only those that have no expiry; the others end first. */

import type { Json, JsonObject } from '@tessera/protocol/result'
import { type EntryKind, entryKinds, type StoredEntry } from '../model/entry.ts'
import { totpSecretName } from '../model/factor.ts'
import type { DerivedKeys, Sealing } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import { InvalidStoredValue } from '../runtime/ports.ts'
import { createSealing, sealedVersion } from './sealing.ts'
import { sealedName } from './signing-key.ts'
import { reasonOf, type UnopenedValue } from './unopened-value.ts'

const pageSize = 100

export type ResealedStores = Pick<Stores, 'entries' | 'keys' | 'totpSecrets'>

type Path = readonly PropertyKey[]

export type ResealPorts = {
  readonly derived: DerivedKeys
  /** Returns whether the store has a root key of this version, retired or not. */
  readonly hasRootKey: (version: number) => boolean
  /** Returns the places of the secrets of an entry. All other values may look like a secret, and are not. */
  readonly secretPaths: (kind: EntryKind, entry: JsonObject) => readonly Path[]
}

type Resealed = {
  /**
   * The number of values that an earlier root key had sealed; 0 if none is left. One of them may have been changed by
   * another process meanwhile, so the caller runs this until it is 0.
   */
  readonly count: number
  /** Values that can't be opened, whichever root key they name. They are left as they are. */
  readonly unopened: readonly UnopenedValue[]
}

type Found = { count: number; readonly unopened: UnopenedValue[] }

/** Seals the values of one store again. Rejects only if the store does. */
export async function resealStore(
  { entries, keys, totpSecrets }: ResealedStores,
  { derived, hasRootKey, secretPaths }: ResealPorts,
): Promise<Resealed> {
  const found: Found = { count: 0, unopened: [] }
  const isAccepted = (version: number): boolean => derived.ofVersion(version, 'entries') !== undefined

  /** Returns the new bytes; undefined if the bytes stay, because they can't be opened or no earlier root key sealed them. */
  const resealed = (
    sealing: Sealing,
    sealed: Uint8Array,
    name: string,
    value: Omit<UnopenedValue, 'reason'>,
    into = found,
  ): Uint8Array | undefined => {
    const text = opened(sealing, sealed, name)
    if (text === undefined) {
      into.unopened.push({ ...value, reason: reasonOf(sealed, { hasRootKey, isAccepted }) })
      return undefined
    }
    // Processes whose clock is ahead make values of a newer root key than the current one.
    if ((sealedVersion(sealed) ?? 0) >= derived.version()) return undefined
    into.count++
    return sealing.seal(text, name)
  }

  const signing = createSealing({ derived, purpose: 'signing-keys' })
  for (const { kid, alg, sealed } of await keys.all()) {
    const next = resealed(signing, sealed, sealedName({ kid, alg }), { kind: 'signing_keys', id: kid })
    if (next) await keys.reseal(kid, sealed, next)
  }

  const totp = createSealing({ derived, purpose: 'totp' })
  for (let after = '', more = true; more; ) {
    const page = await totpSecrets.page(after, pageSize)
    for (const { sub, sealed } of page) {
      const next = resealed(totp, sealed, totpSecretName(sub), { kind: 'totp_secrets', id: sub })
      if (next) await totpSecrets.reseal(sub, sealed, next)
    }
    after = page.at(-1)?.sub ?? ''
    more = page.length > 0
  }

  const secrets = createSealing({ derived, purpose: 'entries' })
  const resealedEntry = ({ kind, id, entry }: StoredEntry, into: Found): JsonObject =>
    mapSealed(entry, secretPaths(kind, entry), (text, path) => {
      const name = JSON.stringify([kind, id, ...path])
      const value = { kind, id, place: JSON.stringify(path) }
      const next = resealed(secrets, Buffer.from(text, 'base64url'), name, value, into)
      return next ? Buffer.from(next).toString('base64url') : text
    })
  /** Reads the entry again, with the revision that the write depends on. */
  const resealEntry = async (kind: EntryKind, id: string): Promise<Found> => {
    const own: Found = { count: 0, unopened: [] }
    const revision = await entries.revision()
    const stored = await entries.find(kind, id)
    const entry = stored && resealedEntry(stored, own)
    if (entry && own.count > 0) await entries.put({ ...stored, entry }, revision)
    return own
  }
  for (const kind of entryKinds) {
    for (let after: string | undefined, more = true; more; ) {
      const page = await entries.list(kind, { after, limit: pageSize })
      for (const stored of page) {
        const seen: Found = { count: 0, unopened: [] }
        resealedEntry(stored, seen)
        const { count, unopened } = seen.count === 0 ? seen : await resealEntry(kind, stored.id)
        found.count += count
        found.unopened.push(...unopened)
      }
      after = page.at(-1)?.id
      more = page.length > 0
    }
  }
  return found
}

/** Returns undefined for a value that can't be opened: it must not keep the others from being sealed again. */
function opened(sealing: Sealing, sealed: Uint8Array, name: string): string | undefined {
  try {
    return sealing.open(sealed, name)
  } catch (error) {
    if (!(error instanceof InvalidStoredValue)) throw error
    return undefined
  }
}

/** Returns the entry with the text of each `{ "sealed": … }` at one of these paths replaced. */
function mapSealed(
  entry: JsonObject,
  paths: readonly Path[],
  change: (sealed: string, path: Path) => string,
): JsonObject {
  const places = new Set(paths.map(path => JSON.stringify(path)))
  const map = (value: Json, path: Path): Json => {
    if (typeof value !== 'object' || value === null) return value
    if (places.has(JSON.stringify(path))) {
      const { sealed, ...rest } = value as JsonObject
      const isSealed = typeof sealed === 'string' && Object.keys(rest).length === 0
      return isSealed ? { sealed: change(sealed, path) } : value
    }
    if (Array.isArray(value)) return value.map((item, index) => map(item, [...path, index]))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, map(item, [...path, name])]))
  }
  return map(entry, []) as JsonObject
}
