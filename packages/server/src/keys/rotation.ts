/** When keys come and go: a pure decision over what is stored (OpenID Connect Core 1.0 §10.1.1). */

import type { Seconds } from '@tessera/protocol/brand'
import type { SigningAlgorithm } from '../core/client.ts'

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

export type KeyTimes = {
  readonly kid: string
  readonly alg: string
  readonly created_at: Seconds
  readonly active_from: Seconds
}

/** The key of this algorithm that signs now: of those that are active, the one that became so last. */
export const signingKeyOf = <Key extends KeyTimes>(
  keys: readonly Key[],
  alg: string,
  now: Seconds,
): Key | undefined => newestFirst(keys, alg).find(key => key.active_from <= now)

/** Of one algorithm, the latest to sign first. */
export const newestFirst = <Key extends KeyTimes>(keys: readonly Key[], alg: string): readonly Key[] =>
  keys
    .filter(key => key.alg === alg)
    .toSorted(
      (left, right) =>
        right.active_from - left.active_from ||
        right.created_at - left.created_at ||
        (left.kid < right.kid ? -1 : 1),
    )

export type KeyToAdd = {
  readonly alg: SigningAlgorithm
  readonly active_from: Seconds
  /** The newest key that was seen when this was decided: whoever adds must still find it newest. */
  readonly newestSeen: string | undefined
}

/**
 * What to add and what to remove now. The first key of an algorithm signs at once; each next one is published
 * `announce` before the one before it ends, or, if the server slept through that, `announce` from now: until then the
 * old one goes on signing.
 */
export function planRotation(
  keys: readonly KeyTimes[],
  algorithms: readonly SigningAlgorithm[],
  now: Seconds,
  { rotate, announce, retain }: RotationPolicy,
): { readonly add: readonly KeyToAdd[]; readonly remove: readonly string[] } {
  const add: KeyToAdd[] = []
  for (const alg of algorithms) {
    const [newest] = newestFirst(keys, alg)
    if (!newest) add.push({ alg, active_from: now, newestSeen: undefined })
    else if (newest.active_from + rotate - announce <= now) {
      add.push({
        alg,
        active_from: Math.max(newest.active_from + rotate, now + announce),
        newestSeen: newest.kid,
      })
    }
  }
  return { add, remove: keys.filter(key => isRetired(key, keys, now, retain)).map(key => key.kid) }
}

/** Replaced, and long enough ago that no token it signed still lives. */
function isRetired(key: KeyTimes, keys: readonly KeyTimes[], now: Seconds, retain: Seconds): boolean {
  const ordered = newestFirst(keys, key.alg)
  const successor = ordered[ordered.indexOf(key) - 1]
  return successor !== undefined && successor.active_from + retain <= now
}
