/** Limits that are nearly reached, so that a test of one needs few requests. */

import type { AttemptLimit, Stores } from '../../packages/server/src/model/ports/stores.ts'
import type { TokenHash } from '../../packages/server/src/runtime/ports.ts'

/** `most` selects the limits by their number; `left` is how many attempts of each remain. */
export type EarlierAttempts = { readonly most: number; readonly left: number }

/**
 * Returns stores in which each counter of the selected limits already has all but `left` attempts when it is first used
 * in its time span. Other counters are empty, so a test still counts in each of the others what it sends.
 */
export function withEarlierAttempts(stores: Stores, { most, left }: EarlierAttempts): Stores {
  const { attempts } = stores
  const ends = new Map<TokenHash, number>()

  async function fill(limit: AttemptLimit, at: number): Promise<void> {
    if (limit.most !== most || (ends.get(limit.hash) ?? 0) > at) return
    ends.set(limit.hash, at + limit.span)
    await Promise.all(Array.from({ length: most - left }, () => attempts.count([limit], at)))
  }

  return {
    ...stores,
    attempts: {
      ...attempts,
      async count(limits, at) {
        for (const limit of limits) await fill(limit, at)
        return attempts.count(limits, at)
      },
    },
  }
}
