/**
 * Detects stalls of the event loop: a paused VM, a stopped process, a long garbage collection, a suspended machine.
 * Requests that waited in the sockets are stale: their clients may have succeeded at another node.
 */

type Stalls = {
  /** Returns whether requests that arrive now may have waited through a stall. */
  readonly waited: () => boolean
  /**
   * Returns whether the loop stalled long enough that clients may have given up, but not long enough to refuse
   * requests.
   */
  readonly paused: () => boolean
  /** Returns whether the loop stalled long enough that the end of a connection may be unread. */
  readonly hesitated: () => boolean
  /** Call it for each accepted connection: connections that queued up during a stall count as part of it. */
  readonly accepted: () => void
  readonly stop: () => void
}

type StallOptions = {
  /** Milliseconds. After a longer stall, all waiting requests are refused. */
  readonly longestMs?: number
  /** Returns milliseconds from a fixed point, independent of the wall clock. */
  readonly now?: () => number
  /** Returns milliseconds by the wall clock, which continues while the machine sleeps. */
  readonly wall?: () => number
  readonly onStall?: (milliseconds: number) => void
}

const beatMs = 50
/** Shorter than any client waits before it continues elsewhere. */
const hesitationMs = 100
const pauseMs = 500
/** Milliseconds within which requests that arrived during a pause are read. */
const readMs = 250

/** Loop iterations that read what had arrived: the first reads and accepts, the next reads what was accepted. */
const iterations = 4
/** During a flood of new connections, the end of the backlog can't be detected. */
const longestWakingMs = 1000

export function watchStalls({
  longestMs = 2000,
  now = () => performance.now(),
  wall = () => Date.now(),
  onStall = () => {},
}: StallOptions = {}): Stalls {
  let last = now()
  let lastWall = wall()
  let waking = false
  let pausedUntil = 0
  let hesitatedUntil = 0
  let connections = 0

  const check = (): void => {
    const at = now()
    const atWall = wall()
    // Setting the clock ahead looks the same, and then requests of a few ticks are refused unnecessarily.
    const gap = Math.max(at - last, atWall - lastWall)
    last = at
    lastWall = atWall
    if (gap > hesitationMs) hesitatedUntil = at + readMs
    if (gap > pauseMs) pausedUntil = at + readMs
    if (gap > longestMs && !waking) wake(at, gap)
  }

  const wake = (at: number, gap: number): void => {
    waking = true
    let ticks = 0
    let seen = connections
    const tick = (): void => {
      ticks += 1
      const quiet = connections === seen
      seen = connections
      if ((ticks < iterations || !quiet) && now() - at < longestWakingMs) setImmediate(tick)
      else {
        waking = false
        last = now()
        lastWall = wall()
      }
    }
    setImmediate(tick)
    onStall(gap)
  }

  const timer = setInterval(check, beatMs)
  timer.unref()
  const checkIfLate = (): void => {
    if (now() - last > hesitationMs || Math.abs(wall() - lastWall) > hesitationMs) check()
  }
  // Requests of one tick share a reading of the clocks, which costs more than most other steps.
  let checked = false
  const forget = (): void => {
    checked = false
  }
  return {
    waited() {
      if (!checked) {
        checked = true
        setImmediate(forget)
        checkIfLate()
      }
      return waking
    },
    paused: () => last < pausedUntil,
    hesitated: () => last < hesitatedUntil,
    accepted() {
      connections += 1
    },
    stop: () => clearInterval(timer),
  }
}
