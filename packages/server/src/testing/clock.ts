/** The clock of a test server: the machine's, until a test moves or stops it. */

import type { Seconds } from '@tessera/protocol/brand'

export type TestClock = {
  /** Returns the server's time in seconds since 1970. */
  readonly now: () => Seconds
  /**
   * Moves the time forward by this many seconds, and resolves when all work that is due by then is done: sessions that
   * expired have ended, clients are notified, keys are rotated. Throws for a negative number: use `set`.
   */
  readonly advance: (seconds: Seconds) => Promise<void>
  /** Sets the time, in either direction, to a `Date` or to seconds since 1970. It continues to run. */
  readonly set: (time: Date | Seconds) => Promise<void>
  /** Stops the time until `reset`, so that claims such as `iat` are exact. `advance` and `set` still move it. */
  readonly freeze: () => void
}

type MovableClock = Pick<TestClock, 'now' | 'freeze'> & {
  readonly move: (seconds: Seconds) => void
  readonly set: (time: Date | Seconds) => void
  /** Follows the machine's clock again. */
  readonly reset: () => void
}

export function createMovableClock(machine: () => number = Date.now): MovableClock {
  const real = (): Seconds => Math.floor(machine() / 1000)
  let ahead: Seconds = 0
  let frozen: Seconds | undefined
  const now = (): Seconds => frozen ?? real() + ahead
  return {
    now,
    move(seconds) {
      if (frozen === undefined) ahead += seconds
      else frozen += seconds
    },
    set(time) {
      const seconds = Math.floor(typeof time === 'number' ? time : time.getTime() / 1000)
      if (!Number.isSafeInteger(seconds) || seconds < 0)
        throw new RangeError(`clock.set: ${String(time)} is neither a Date nor seconds since 1970`)
      if (frozen === undefined) ahead = seconds - real()
      else frozen = seconds
    },
    freeze() {
      frozen = now()
    },
    reset() {
      ahead = 0
      frozen = undefined
    },
  }
}
