/** Locks of a transaction that no row stands for: where something is counted before it is added. */

import { createHash } from 'node:crypto'

/** A script that takes them, in one order for all, so that no two wait for each other. */
export function lockAll(locks: readonly string[]): string {
  const numbers = locks.map(lock => createHash('sha256').update(lock).digest().readBigInt64BE())
  return [...new Set(numbers)]
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map(number => `select pg_advisory_xact_lock(${number})`)
    .join('; ')
}
