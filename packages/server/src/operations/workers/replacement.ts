/**
 * Schedules the replacement of a worker that ended: with increasing delays while its successors fail early, and with
 * short ones while no worker serves.
 */

export type Replacement = {
  /** Schedules a successor. Returns the delay in milliseconds. `lived`: how long the ended worker ran. */
  readonly plan: (worker: number, lived: number) => number
  readonly cancel: () => void
}

type ReplacementOptions = {
  readonly start: (worker: number) => void
  /** Returns whether another worker serves. */
  readonly isServed: () => boolean
}

/** Milliseconds. */
const firstDelay = 100
const longestDelay = 10_000
/** While no worker serves, there are no responses. If the database is the cause, it may recover at any time. */
const longestDelayUnserved = 500
/** A worker that ran for this long did not fail during startup. */
const settled = 60_000

export function createReplacement({ start, isServed }: ReplacementOptions): Replacement {
  /** The number of successive workers that ended soon after they started. */
  const failures = new Map<number, number>()
  const timers = new Map<number, NodeJS.Timeout>()

  function startIn(worker: number, delay: number): void {
    clearTimeout(timers.get(worker))
    timers.set(
      worker,
      setTimeout(() => {
        timers.delete(worker)
        start(worker)
      }, delay),
    )
  }

  return {
    plan(worker, lived) {
      const count = lived < settled ? (failures.get(worker) ?? 0) + 1 : 1
      failures.set(worker, count)
      const usual = Math.min(longestDelay, firstDelay * 2 ** (count - 1))
      const delay = isServed() ? usual : Math.min(usual, longestDelayUnserved)
      startIn(worker, delay)
      // Start replacements that were delayed while other workers served.
      if (!isServed()) for (const other of timers.keys()) if (other !== worker) startIn(other, delay)
      return delay
    },
    cancel() {
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
    },
  }
}
