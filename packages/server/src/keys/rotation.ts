/** When keys come and go: a pure decision over what is stored (OpenID Connect Core 1.0 §10.1.1). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Client, SigningAlgorithm } from '../model/client.ts'

export type RotationPolicy = {
  /** How long a key signs. */
  readonly rotate: Seconds
  /** How long a new key is published before it signs. */
  readonly announce: Seconds
  /** How long a key stays published after another took its place; longer than any token lives. */
  readonly retain: Seconds
}

const day = 86_400
export const defaultPolicy: RotationPolicy = { rotate: 90 * day, announce: 14 * day, retain: 14 * day }

type TokenLifetimes = Pick<Client, 'access_token_lifetime' | 'identity_token_lifetime'>

/** The default policy, but no key goes before what it signed: with a day for nodes that learn late of a new key. */
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
}

// All functions take keys in the order of the store, the oldest first. A later key replaces all before it as soon as
// it is active, also one that was announced and has never signed: whoever rotates in a hurry trusts none of them.

/** The newest key of an algorithm, active or not. */
export const newestOf = <Key extends KeyTimes>(keys: readonly Key[], alg: string): Key | undefined =>
  keys.findLast(key => key.alg === alg)

/** The key of this algorithm that signs now; undefined only when it has none. */
export const signingKeyOf = <Key extends KeyTimes>(
  keys: readonly Key[],
  alg: string,
  now: Seconds,
): Key | undefined =>
  keys.findLast(key => key.alg === alg && key.active_from <= now) ??
  // Made by a node whose clock is ahead: the first key of an algorithm signs at once.
  keys.find(key => key.alg === alg)

export type KeyToAdd = {
  readonly alg: SigningAlgorithm
  readonly active_from: Seconds
  /** The newest key that was seen when this was decided: whoever adds must still find it newest. */
  readonly newestSeen: KeyTimes | undefined
}

/**
 * What to add and what to remove now. The first key of an algorithm signs at once; each next one is published
 * `announce` before the one before it ends, or, if the server slept through that, `announce` from now: until then the
 * old one goes on signing. Keys of an algorithm that is no longer asked for stay: another node may still sign with them.
 * @param passed the time that has certainly passed: a clock that is ahead takes no key away.
 */
export function planRotation(
  keys: readonly KeyTimes[],
  algorithms: readonly SigningAlgorithm[],
  now: Seconds,
  { rotate, announce, retain }: RotationPolicy,
  passed = now,
): { readonly add: readonly KeyToAdd[]; readonly remove: readonly string[] } {
  const add = algorithms.flatMap((alg): KeyToAdd[] => {
    const newestSeen = newestOf(keys, alg)
    if (!newestSeen) return [{ alg, active_from: now, newestSeen }]
    const end = newestSeen.active_from + rotate
    return end - announce <= now ? [{ alg, active_from: Math.max(end, now + announce), newestSeen }] : []
  })
  const remove = keys.filter((key, index) => isRetired(key, keys.slice(index + 1), passed, retain))
  return { add, remove: remove.map(key => key.kid) }
}

/** Replaced, and long enough ago that no token it signed still lives. */
const isRetired = (key: KeyTimes, later: readonly KeyTimes[], now: Seconds, retain: Seconds): boolean =>
  later.some(successor => successor.alg === key.alg && successor.active_from + retain <= now)
