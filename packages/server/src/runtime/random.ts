/** Takes unpredictable bytes from a pool, which costs a fraction of a system call each. */

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
      // A copy, so that returned bytes don't change.
      return Uint8Array.prototype.slice.call(pool, used - count, used)
    },
  }
}
