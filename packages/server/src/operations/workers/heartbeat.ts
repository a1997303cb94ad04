/** Watches the heartbeats of workers: the primary kills a worker with a blocked event loop, and another one replaces it. */

type HeartbeatOptions = {
  /** Returns the workers to watch: those that serve or drain. */
  readonly watched: () => Iterable<number>
  /** Called when a worker was silent for `limit`; again each second until the worker is no longer watched. */
  readonly onSilence: (worker: number, milliseconds: number) => void
  /** Milliseconds of silence; 10 s by default. */
  readonly limit?: number
  /** Monotonic, in milliseconds. */
  readonly now?: () => number
}

type Heartbeats = {
  readonly heard: (worker: number) => void
  /** Looks for silent workers; `start` calls it each second. */
  readonly check: () => void
  /** Returns a function that stops the checks. */
  readonly start: () => () => void
}

/** Milliseconds between two heartbeats, and between two checks. */
export const heartbeatInterval = 1000
const silenceLimit = 10_000
/**
 * If more milliseconds than this pass between two checks, the primary itself was stalled, for example because the
 * machine was suspended.
 */
const ownStall = 3 * heartbeatInterval

export function createHeartbeats({
  watched,
  onSilence,
  limit = silenceLimit,
  now = () => performance.now(),
}: HeartbeatOptions): Heartbeats {
  const heardAt = new Map<number, number>()
  let checkedAt = now()

  function check(): void {
    const at = now()
    // The workers may have stalled for the same reason, and their heartbeats have not been read yet.
    if (at - checkedAt > ownStall) heardAt.clear()
    checkedAt = at
    const workers = new Set(watched())
    for (const worker of heardAt.keys()) if (!workers.has(worker)) heardAt.delete(worker)
    for (const worker of workers) {
      const last = heardAt.get(worker)
      if (last === undefined) heardAt.set(worker, at)
      else if (at - last > limit) onSilence(worker, Math.round(at - last))
    }
  }

  return {
    heard: worker => void heardAt.set(worker, now()),
    check,
    start() {
      const timer = setInterval(check, heartbeatInterval)
      return () => clearInterval(timer)
    },
  }
}
