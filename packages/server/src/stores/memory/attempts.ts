/** Counted attempts, in memory. */

import type { Attempts } from '../../core/stores.ts'
import type { Tables } from './tables.ts'

export const createAttempts = ({ attempts }: Tables): Attempts => ({
  // No `await` in here: nothing comes between looking and counting.
  async count(limits, at) {
    const living = (hash: string) => {
      const count = attempts.get(hash)
      return count && count.expires_at > at ? count : undefined
    }
    const waits = limits.map(({ hash, most }) => {
      const count = living(hash)
      return count && count.count >= most ? count.expires_at - at : 0
    })
    const wait = Math.max(0, ...waits)
    if (wait > 0) return wait
    for (const { hash, span } of limits) {
      const { count, expires_at } = living(hash) ?? { count: 0, expires_at: at + span }
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
})
