/**
 * Refuses statements that would wait too long for a connection of the pool. A request needs several, so with a slow
 * database it would otherwise take effect long after its client gave up, and the client's retry would look like a replay.
 */

import { StoreUnavailable } from '../../runtime/ports.ts'

type Waits = {
  /** Throws `StoreUnavailable` if a statement would wait too long behind the others that wait. */
  readonly require: (statement: { readonly waiting: number; readonly reads: boolean }) => void
  /** Call it when a connection is taken, and the returned function when it is free again. */
  readonly begin: () => () => void
}

/** Milliseconds. A request reads before it writes, and what it has read should not be in vain. */
const longest = { read: 2000, write: 5000 } as const

/** How many statements of each connection are judged: more than are delayed if this process stalls. */
const judged = 3

/** @param now milliseconds from a fixed point. */
export function createWaits(poolSize: number, now = (): number => performance.now()): Waits {
  /** How long the newest statements and transactions had a connection, in milliseconds. */
  const durations: number[] = []
  const most = judged * poolSize
  return {
    require({ waiting, reads }) {
      if (waiting === 0 || durations.length < most) return
      // The shortest one: others waited for a lock, or for this process, and say nothing about those that wait now.
      const wait = (waiting / poolSize) * Math.min(...durations)
      if (wait > (reads ? longest.read : longest.write))
        throw new StoreUnavailable(
          `the database is too slow: ${waiting} statements wait for a connection, about ${Math.round(wait / 1000)} s`,
        )
    },
    begin() {
      const begun = now()
      return () => {
        durations.push(now() - begun)
        if (durations.length > most) durations.shift()
      }
    },
  }
}
