/**
 * Limits how long a worker starts and stops. One that starts slowly may still become ready, so that is only reported. One
 * that stops too slowly would keep the server from ending.
 */

type DeadlineOptions = {
  /** Called once if a worker is not ready after `startLimit`. */
  readonly onSlowStart: (worker: number, milliseconds: number) => void
  /** Called if a worker has not ended in time. */
  readonly onSlowStop: (worker: number, milliseconds: number) => void
}

type Deadlines = {
  readonly starting: (worker: number) => void
  readonly ready: (worker: number) => void
  /** The worker must end within these milliseconds. Replaces an earlier limit. */
  readonly stopping: (worker: number, milliseconds: number) => void
  readonly ended: (worker: number) => void
}

/** Milliseconds. */
const startLimit = 60_000

export function createDeadlines({ onSlowStart, onSlowStop }: DeadlineOptions): Deadlines {
  const timers = new Map<number, NodeJS.Timeout>()

  const clear = (worker: number): void => {
    clearTimeout(timers.get(worker))
    timers.delete(worker)
  }
  const set = (worker: number, milliseconds: number, then: DeadlineOptions['onSlowStop']): void => {
    clear(worker)
    timers.set(worker, setTimeout(then, milliseconds, worker, milliseconds))
  }

  return {
    starting: worker => set(worker, startLimit, onSlowStart),
    ready: clear,
    stopping: (worker, milliseconds) => set(worker, milliseconds, onSlowStop),
    ended: clear,
  }
}
