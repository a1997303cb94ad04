/**
 * Notices that the event loop stood still: a paused VM, a stopped process, a long collection of garbage, a machine that
 * slept. Requests that waited in the sockets meanwhile are stale: their clients may have succeeded at another node.
 */

export type Stalls = {
  /** Whether what arrives now may have waited through a stall. */
  readonly waited: () => boolean
  /** Whether the loop stood still long enough for clients to have given up, though not for a refusal. */
  readonly paused: () => boolean
  /** To be called for each connection that is accepted: a backlog of them belongs to the stall. */
  readonly accepted: () => void
  readonly stop: () => void
}

export type StallOptions = {
  /** Milliseconds; a longer stall has everything refused that waited. */
  readonly longestMs?: number
  /** Milliseconds from a fixed point, which no change of the wall clock moves. */
  readonly now?: () => number
  /** Milliseconds by the wall clock, which alone goes on while a machine sleeps. */
  readonly wall?: () => number
  readonly onStall?: (milliseconds: number) => void
}

const beatMs = 250
const pauseMs = 500

/** Loop iterations that read what had arrived: the first reads and accepts, the next reads what was accepted. */
const iterations = 4
/** Under a flood of new connections the backlog has no visible end. */
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
  let connections = 0

  const look = (): void => {
    const at = now()
    const atWall = wall()
    // A clock that is set ahead looks the same; then what arrives within a few turns is refused in vain.
    const gap = Math.max(at - last, atWall - lastWall)
    last = at
    lastWall = atWall
    if (gap > pauseMs) pausedUntil = at + beatMs
    if (gap > longestMs && !waking) wake(at, gap)
  }

  const wake = (at: number, gap: number): void => {
    waking = true
    let turns = 0
    let seen = connections
    const turn = (): void => {
      turns += 1
      const quiet = connections === seen
      seen = connections
      if ((turns < iterations || !quiet) && now() - at < longestWakingMs) setImmediate(turn)
      else {
        waking = false
        last = now()
        lastWall = wall()
      }
    }
    setImmediate(turn)
    onStall(gap)
  }

  const timer = setInterval(look, beatMs)
  timer.unref()
  const lookIfLate = (): void => {
    if (now() - last > pauseMs || Math.abs(wall() - lastWall) > pauseMs) look()
  }
  // Requests of one loop iteration share a look at the clocks, which costs more than most other steps of taking a request.
  let looked = false
  const forget = (): void => {
    looked = false
  }
  return {
    waited() {
      if (!looked) {
        looked = true
        setImmediate(forget)
        lookIfLate()
      }
      return waking
    },
    paused: () => last < pausedUntil,
    accepted() {
      connections += 1
    },
    stop: () => clearInterval(timer),
  }
}
