/** Decides when keys are added and removed, from the stored keys (OpenID Connect Core 1.0 §10.1.1). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Client, SigningAlgorithm } from '../model/client.ts'

export type RotationPolicy = {
  /** How long a key signs. */
  readonly rotate: Seconds
  /** How long a new key is published before it signs. */
  readonly announce: Seconds
  /** How long a replaced key remains published; longer than the lifetime of any token. */
  readonly retain: Seconds
}

const day = 86_400
export const defaultPolicy: RotationPolicy = { rotate: 90 * day, announce: 14 * day, retain: 14 * day }

/** More than the tolerated difference between a node's clock and the database's. */
const confirmedWithin: Seconds = 900

type TokenLifetimes = Pick<Client, 'access_token_lifetime' | 'identity_token_lifetime'>

/**
 * Returns the default policy, with a longer `retain` if a token can live longer. A day is added for nodes that read a
 * new key late.
 */
export function policyFor(clients: Iterable<TokenLifetimes>): RotationPolicy {
  const lifetimes = [...clients].flatMap(client => [
    client.access_token_lifetime,
    client.identity_token_lifetime,
  ])
  const longest = lifetimes.reduce((longer, lifetime) => Math.max(longer, lifetime), 0)
  return { ...defaultPolicy, retain: Math.max(defaultPolicy.retain, longest + day) }
}

export type KeyTimes = {
  readonly kid: string
  readonly alg: string
  readonly created_at: Seconds
  readonly active_from: Seconds
  /** Imported to verify tokens of another server. It never signs. */
  readonly verifies_only?: boolean
  /** When it is removed, if it only verifies. */
  readonly until?: Seconds | undefined
}

// All functions take keys in the order of the store, oldest first. As soon as a key is active, it replaces all earlier
// ones, including announced keys that never signed: after an urgent rotation none of them is trusted.

/** Returns the newest key of an algorithm, whether it is active, signs or only verifies. */
export const newestOf = <Key extends KeyTimes>(keys: readonly Key[], alg: string): Key | undefined =>
  keys.findLast(key => key.alg === alg)

/** Returns the key of this algorithm that signs now; undefined only if there is no key. */
export const signingKeyOf = <Key extends KeyTimes>(
  keys: readonly Key[],
  alg: string,
  now: Seconds,
): Key | undefined =>
  keys.findLast(key => signs(key, alg) && key.active_from <= now) ??
  // The first key of an algorithm signs immediately, even if it was created by a node with a fast clock.
  keys.find(key => signs(key, alg))

const signs = (key: KeyTimes, alg: string): boolean => key.alg === alg && !key.verifies_only

export type KeyToAdd = {
  readonly alg: SigningAlgorithm
  readonly active_from: Seconds
  /** The newest key at the time of the decision. The key is added only if that is still the newest one. */
  readonly newestSeen: KeyTimes | undefined
}

/**
 * Returns the keys to add and to remove now. The first key of an algorithm signs immediately. Each later key is
 * published `announce` before its predecessor's time to sign ends. If the server was not running then, the key is
 * published later, and the old key signs until `announce` has passed. Keys of algorithms that are no longer configured
 * remain, because another node may use them.
 * @param passed the time that has certainly passed, so that a clock that is ahead removes no key. Nor does it add one,
 * except the first: a key whose time to sign is years ahead would end the rotation.
 */
export function planRotation(
  keys: readonly KeyTimes[],
  algorithms: readonly SigningAlgorithm[],
  now: Seconds,
  { rotate, announce, retain }: RotationPolicy,
  passed = now,
): { readonly add: readonly KeyToAdd[]; readonly remove: readonly string[] } {
  const isConfirmed = now - passed <= confirmedWithin
  const add = algorithms.flatMap((alg): KeyToAdd[] => {
    const newestSeen = newestOf(keys, alg)
    const last = keys.findLast(key => signs(key, alg))
    if (!last) return [{ alg, active_from: now, newestSeen }]
    const end = last.active_from + rotate
    return isConfirmed && end - announce <= now
      ? [{ alg, active_from: Math.max(end, now + announce), newestSeen }]
      : []
  })
  const remove = keys.filter(
    (key, index) =>
      isRetired(key, keys.slice(index + 1), passed, retain) || isOvertaken(key, keys.slice(index + 1), now),
  )
  return { add, remove: remove.map(key => key.kid) }
}

/**
 * Returns the newest key of each algorithm if it signs later than any rotation now would let it: it was added while a clock
 * was ahead, and no other is added until then.
 */
export const tooFarAhead = <Key extends KeyTimes>(
  keys: readonly Key[],
  algorithms: readonly SigningAlgorithm[],
  now: Seconds,
  { announce }: RotationPolicy,
): readonly Key[] =>
  algorithms.flatMap(alg => {
    const last = keys.findLast(key => signs(key, alg))
    return last && last.active_from > now + announce + day ? [last] : []
  })

/** Returns whether the key was replaced so long ago that all tokens signed with it have expired. */
function isRetired(key: KeyTimes, later: readonly KeyTimes[], now: Seconds, retain: Seconds): boolean {
  if (key.verifies_only) return key.until !== undefined && key.until <= now
  return later.some(successor => signs(successor, key.alg) && successor.active_from + retain <= now)
}

/**
 * Returns whether a later key replaces this one before it signs, so that it has no tokens. After an urgent rotation,
 * nothing that an attacker signs with it may verify. The day is for a clock that is behind: the key may have signed.
 */
const isOvertaken = (key: KeyTimes, later: readonly KeyTimes[], now: Seconds): boolean =>
  key.active_from > now + day &&
  later.some(successor => signs(successor, key.alg) && successor.active_from < key.active_from)
