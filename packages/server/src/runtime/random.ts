/** Unpredictable bytes as slices of a pool: at a fraction of a system call's price each. */

import { randomFillSync } from 'node:crypto'
import type { Random } from './ports.ts'

const poolBytes = 8192

export function createRandom(): Random {
  const pool = Buffer.allocUnsafe(poolBytes)
  let used = pool.length
  return {
    bytes(count) {
      if (used + count > pool.length) {
        randomFillSync(pool)
        used = 0
      }
      used += count
      // A copy: what is handed out is never filled again.
      return Uint8Array.prototype.slice.call(pool, used - count, used)
    },
  }
}
