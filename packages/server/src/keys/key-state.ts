/** The state of a key: it signs, will sign, or only verifies. */

import type { Seconds } from '@tessera/protocol/brand'
import { signingAlgorithms } from '../model/client.ts'
import type { SigningKey, VerificationKey } from '../model/keys.ts'
import { signingKeyOf } from './rotation.ts'
import type { OpenedKey } from './signing-key.ts'

export type KeyInfo = {
  readonly kid: string
  readonly alg: string
  /** `verification`: a key of another server, which only verifies. */
  readonly state: 'signing' | 'announced' | 'retained' | 'verification'
  readonly created_at: Seconds
  readonly active_from: Seconds
  /** When a key that only verifies is removed. */
  readonly until?: Seconds | undefined
}

/** @param ring all keys of the issuer, which decide on the state of one. */
export function infoOf(key: OpenedKey, ring: readonly OpenedKey[], now: Seconds): KeyInfo {
  const { kid, alg, created_at, active_from, until } = key
  return { kid, alg, state: stateOf(key, ring, now), created_at, active_from, until }
}

function stateOf(key: OpenedKey, ring: readonly OpenedKey[], now: Seconds): KeyInfo['state'] {
  if (key.verifies_only) return 'verification'
  if (signingKeyOf(ring, key.alg, now) === key) return 'signing'
  // A key never signs if a later key becomes active before it.
  const willSign = key.active_from > now && signingKeyOf(ring, key.alg, key.active_from) === key
  return willSign ? 'announced' : 'retained'
}

/** A stored key may have an algorithm that this runtime, or an older version of this server, does not have. */
export const isVerifiable = (key: OpenedKey): key is OpenedKey & VerificationKey =>
  (signingAlgorithms as readonly string[]).includes(key.alg) && key.publicKey !== undefined

export const canSign = (key: OpenedKey): key is OpenedKey & SigningKey & VerificationKey =>
  !key.verifies_only && isVerifiable(key)
