/** Seals stored secrets again after a rotation of the master key. Only those that have no expiry; the others end first. */

import type { Json, JsonObject } from '@tessera/protocol/result'
import { type EntryKind, entryKinds } from '../model/entry.ts'
import { totpSecretName } from '../model/factor.ts'
import type { DerivedKeys, Sealing } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import { createSealing, sealedVersion } from './sealing.ts'
import { sealedName } from './signing-key.ts'

const pageSize = 100

type ResealedStores = Pick<Stores, 'entries' | 'keys' | 'totpSecrets'>

/**
 * Resolves to the number of values that an earlier root key had sealed; 0 if none is left. One of them may have been
 * changed by another process meanwhile, so the caller runs this until it is 0.
 */
export async function resealStore(
  { entries, keys, totpSecrets }: ResealedStores,
  derived: DerivedKeys,
): Promise<number> {
  let count = 0
  /** Returns the new bytes; undefined if the current root key sealed them. */
  const resealed = (sealing: Sealing, sealed: Uint8Array, name: string): Uint8Array | undefined => {
    if (sealedVersion(sealed) === derived.version()) return undefined
    count++
    return sealing.seal(sealing.open(sealed, name), name)
  }

  const signing = createSealing({ derived, purpose: 'signing-keys' })
  for (const { kid, alg, sealed } of await keys.all()) {
    const next = resealed(signing, sealed, sealedName({ kid, alg }))
    if (next) await keys.reseal(kid, sealed, next)
  }

  const totp = createSealing({ derived, purpose: 'totp' })
  for (let after = '', more = true; more; ) {
    const page = await totpSecrets.page(after, pageSize)
    for (const { sub, sealed } of page) {
      const next = resealed(totp, sealed, totpSecretName(sub))
      if (next) await totpSecrets.reseal(sub, sealed, next)
    }
    after = page.at(-1)?.sub ?? ''
    more = page.length > 0
  }

  const secrets = createSealing({ derived, purpose: 'entries' })
  const resealEntry = async (kind: EntryKind, id: string): Promise<void> => {
    const revision = await entries.revision()
    const stored = await entries.find(kind, id)
    if (!stored) return
    const entry = mapSealed(stored.entry, [kind, id], (text, name) => {
      const next = resealed(secrets, Buffer.from(text, 'base64url'), name)
      return next ? Buffer.from(next).toString('base64url') : text
    })
    await entries.put({ ...stored, entry: entry as JsonObject }, revision)
  }
  for (const kind of entryKinds) {
    for (let after: string | undefined, more = true; more; ) {
      const page = await entries.list(kind, { after, limit: pageSize })
      for (const { id, entry } of page) if (hasOld(entry, derived)) await resealEntry(kind, id)
      after = page.at(-1)?.id
      more = page.length > 0
    }
  }
  return count
}

/** Replaces each `{ "sealed": … }` of an entry. The name of a secret is its place. */
function mapSealed(
  value: Json,
  place: readonly (string | number)[],
  change: (sealed: string, name: string) => string,
): Json {
  if (Array.isArray(value)) return value.map((item, index) => mapSealed(item, [...place, index], change))
  if (typeof value !== 'object' || value === null) return value
  const { sealed, ...rest } = value as JsonObject
  if (typeof sealed === 'string' && Object.keys(rest).length === 0)
    return { sealed: change(sealed, JSON.stringify(place)) }
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, mapSealed(item, [...place, name], change)]),
  )
}

function hasOld(entry: Json, derived: DerivedKeys): boolean {
  let found = false
  mapSealed(entry, [], sealed => {
    found ||= sealedVersion(Buffer.from(sealed, 'base64url')) !== derived.version()
    return sealed
  })
  return found
}
