/**
 * A clock that counts only the time in which the process ran or was idle. On a busy machine, other processes use the
 * rest, and requests that queue up meanwhile say nothing about the load of this process.
 */

import { performance } from 'node:perf_hooks'

type OwnTime = {
  /** Returns milliseconds from a fixed point. */
  readonly now: () => number
  /** Returns the share of its own time that the event loop was busy since the last call. */
  readonly busyShare: () => number
}

/** All values are in milliseconds from a fixed point. */
type TimeSources = {
  readonly wall: () => number
  /** CPU time of the process. */
  readonly cpu: () => number
  /** Time that the event loop was idle. */
  readonly idle: () => number
}

/** Reading the CPU time is a system call. */
const readEveryMs = 5

/**
 * The smallest share of all time that counts as the process's own, because a loop that waits for a disk can't be
 * distinguished from one that gets no processor time. A limit of 750 ms is therefore at most 3 s.
 */
const leastShare = 0.25

export function createOwnTime({ wall, cpu, idle }: TimeSources = processTimes): OwnTime {
  const read = () => ({ wall: wall(), cpu: cpu(), idle: idle() })
  let before = read()
  let own = 0
  let askedAt = { own, idle: before.idle }

  const now = (): number => {
    if (wall() - before.wall < readEveryMs) return own
    const current = read()
    const passed = current.wall - before.wall
    const had = current.cpu - before.cpu + current.idle - before.idle
    own += Math.min(passed, Math.max(passed * leastShare, had))
    before = current
    return own
  }

  return {
    now,
    busyShare() {
      const passed = now() - askedAt.own
      const idled = before.idle - askedAt.idle
      askedAt = { own, idle: before.idle }
      return passed > 0 ? Math.max(0, 1 - idled / passed) : 1
    },
  }
}

const processTimes: TimeSources = {
  wall: () => performance.now(),
  cpu() {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
  idle: () => performance.eventLoopUtilization().idle,
}
