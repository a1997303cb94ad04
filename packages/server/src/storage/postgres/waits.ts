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

/** The weight of the newest duration in the average. */
const weight = 0.2

/** @param now milliseconds from a fixed point. */
export function createWaits(poolSize: number, now = (): number => performance.now()): Waits {
  /** How long a statement or transaction has a connection, in milliseconds. */
  let average = 0
  return {
    require({ waiting, reads }) {
      const wait = (waiting / poolSize) * average
      if (wait > (reads ? longest.read : longest.write))
        throw new StoreUnavailable(
          `the database is too slow: ${waiting} statements wait for a connection, about ${Math.round(wait / 1000)} s`,
        )
    },
    begin() {
      const begun = now()
      return () => {
        average += weight * (now() - begun - average)
      }
    },
  }
}
