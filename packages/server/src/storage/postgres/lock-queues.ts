/**
 * Lets the transactions of this process that take the same advisory lock wait for each other before they take a
 * connection. Otherwise each of them would occupy one while it waits in the database, and other requests would find none.
 */

import { settlesWithin } from '../../runtime/async/promises.ts'
import { StoreUnavailable } from '../../runtime/ports.ts'

/**
 * Runs work when no earlier work with one of these locks runs. Rejects with `StoreUnavailable`, without running it, if it
 * would have to wait too long.
 */
type LockQueues = <Value>(locks: readonly string[], work: () => Promise<Value>) => Promise<Value>

/** @param longest milliseconds that work may wait for each lock. */
export function createLockQueues(longest: number): LockQueues {
  /** For each lock, settles when the work that joined last is over. */
  const last = new Map<string, Promise<unknown>>()

  /** Returns the end of the work before, and a function that ends this one. */
  function join(lock: string): readonly [before: Promise<unknown> | undefined, leave: () => void] {
    const before = last.get(lock)
    const { promise, resolve } = Promise.withResolvers<void>()
    // One that gives up waiting leaves before those in front of it.
    const over = before ? before.then(() => promise) : promise
    last.set(lock, over)
    void over.then(() => {
      if (last.get(lock) === over) last.delete(lock)
    })
    return [before, resolve]
  }

  return async (locks, work) => {
    const left: (() => void)[] = []
    try {
      // In one order, so that no two wait for each other.
      for (const lock of [...new Set(locks)].toSorted()) {
        const [before, leave] = join(lock)
        left.push(leave)
        if (before && !(await settlesWithin(longest, before)))
          throw new StoreUnavailable(`the database is too slow: a lock was in use for ${longest / 1000} s`)
      }
      return await work()
    } finally {
      for (const leave of left) leave()
    }
  }
}
