/** Counted attempts, in memory. */

import type { Seconds } from '@tessera/protocol/brand'
import type { AttemptLimit, Attempts } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export function createAttempts({ attempts }: Tables): Attempts {
  const living = (hash: string, at: Seconds) => {
    const count = attempts.get(hash)
    return count && count.expires_at > at ? count : undefined
  }
  const wait = (limits: readonly AttemptLimit[], at: Seconds): Seconds =>
    Math.max(
      0,
      ...limits.map(({ hash, most }) => {
        const count = living(hash, at)
        return count && count.count >= most ? count.expires_at - at : 0
      }),
    )

  return {
    wait,
    // No `await` in here: nothing comes between looking and counting.
    async count(limits, at) {
      const waiting = wait(limits, at)
      if (waiting > 0) return waiting
      for (const { hash, span } of limits) {
        const { count, expires_at } = living(hash, at) ?? { count: 0, expires_at: at + span }
        attempts.set(hash, { count: count + 1, expires_at })
      }
      return 0
    },
    async forgive(hashes) {
      for (const hash of hashes) {
        const count = attempts.get(hash)
        if (count && count.count > 0) attempts.set(hash, { ...count, count: count.count - 1 })
      }
    },
  }
}
