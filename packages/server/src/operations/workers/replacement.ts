/** When a worker that ended is replaced: later each time while its successors end soon, but soon while no worker serves. */

export type Replacement = {
  /** Starts a successor later; returns in how many milliseconds. `lived`: how long the worker that ended lived. */
  readonly plan: (worker: number, lived: number) => number
  readonly cancel: () => void
}

export type ReplacementOptions = {
  readonly start: (worker: number) => void
  /** Whether another worker serves. */
  readonly isServed: () => boolean
}

/** Milliseconds. */
const firstDelay = 100
const longestDelay = 10_000
/** While no worker serves, nobody is answered: what fails may be the database, which may be back at any time. */
const longestDelayUnserved = 500
/** A worker that lived for as long as this did not fail at its start. */
const settled = 60_000

export function createReplacement({ start, isServed }: ReplacementOptions): Replacement {
  /** How many in a row did not live for long. */
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
      // Those that were put off while others served.
      if (!isServed()) for (const other of timers.keys()) if (other !== worker) startIn(other, delay)
      return delay
    },
    cancel() {
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
    },
  }
}
