/**
 * Limits the number of requests in progress to what the machine can handle. While the event loop has idle time, there
 * is no limit. Otherwise the limit is the number of requests that it completes in a tenth of a second. Further requests
 * wait with their bodies unread and their connections paused, which costs next to nothing. A request that waits too
 * long is refused.
 */

import { createOwnTime } from './own-time.ts'

export type Admission = {
  /** Returns whether a request would start immediately. */
  readonly isOpen: () => boolean
  /** Counts a request that the caller starts. Call it only if `isOpen`. */
  readonly begin: () => void
  /** Calls either `start`, now or later, or `refuse`. */
  readonly enter: (waiter: Waiter) => void
  /** Call it once for each request that was started. */
  readonly leave: () => void
  readonly underWay: () => number
  readonly waiting: () => number
  /** Refuses all waiting requests. */
  readonly close: () => void
}

type Waiter = {
  readonly start: () => void
  readonly refuse: () => void
  /** The connection sent this request before its previous responses. All other requests are started first. */
  readonly ahead: boolean
}

export type AdmissionOptions = {
  /** The first limit while the loop is busy. Enough requests for signatures and writes to be batched. */
  readonly first?: number
  /** Milliseconds that a request may wait. */
  readonly longestMs?: number
  /** Returns milliseconds of the process's own time, so that a busy neighbor does not cause refusals. */
  readonly now?: () => number
  /** Returns the share of that time that the event loop was busy since the last call. */
  readonly busyShare?: () => number
  /** Called when a request is refused; not called again until no request waits. */
  readonly onOverload?: (underWay: number) => void
}

/** Milliseconds. */
const sampleMs = 20
const checkMs = 50
/** Milliseconds that a request may take while the loop is busy. If requests take longer, too many have been started. */
const longestWork = 100
const fewest = 4
const most = 2000
/** If the loop is busy for more than this share of the time, starting more requests makes all of them slower. */
const busyFrom = 0.9

export function createAdmission(options: AdmissionOptions = {}): Admission {
  const { first = 64, longestMs = 750, onOverload = () => {} } = options
  const { now, busyShare } = { ...createOwnTime(), ...options }
  let limit = first
  let underWay = 0
  const others = createWaitingQueue()
  const ahead = createWaitingQueue()
  let overloaded = false
  let starting = false
  let timer: NodeJS.Timeout | undefined
  let checkedAt = 0
  let over = 0
  /** Infinite until it is known. */
  let endedPerMs = Number.POSITIVE_INFINITY
  let sampledAt = Number.NEGATIVE_INFINITY
  let busy = false

  const waiting = (): number => others.size() + ahead.size()

  const isBusy = (): boolean => {
    const at = now()
    if (at - sampledAt >= sampleMs) {
      busy = busyShare() >= busyFrom
      sampledAt = at
    }
    return busy
  }

  const mayStart = (): boolean => underWay < limit || !isBusy()

  const begin = (): void => {
    underWay += 1
  }

  const start = (waiter: Waiter): void => {
    begin()
    waiter.start()
  }

  /**
   * If not all requests can be served in time, the newest are started first, because their clients are the least likely
   * to have given up.
   */
  const isOutrun = (): boolean => waiting() > endedPerMs * longestMs

  const next = (): Waiter => {
    const line = others.size() > 0 ? others : ahead
    return isOutrun() ? line.takeNewest() : line.takeOldest()
  }

  const startNext = (): void => {
    // A request that ends immediately calls `leave` from within.
    if (starting) return
    starting = true
    while (waiting() > 0 && mayStart()) start(next())
    starting = false
    if (waiting() === 0) overloaded = false
  }

  const refuseOverdue = (line: WaitingQueue): void => {
    const since = now() - longestMs
    while (line.size() > 0 && line.oldestSince() <= since) {
      if (!overloaded) onOverload(underWay)
      overloaded = true
      line.takeOldest().refuse()
    }
  }

  /**
   * Derives the duration of a request from the numbers of requests in progress and of completed ones (Little's law).
   */
  const adapt = (): void => {
    const at = now()
    const elapsed = at - checkedAt
    // The process hardly ran, so the few completed requests say nothing about its speed.
    if (elapsed < sampleMs) return
    const took = (underWay * elapsed) / Math.max(over, 0.5)
    // With a limit of zero, nothing would be served and the oldest requests would starve.
    const newest = Math.max(over, 1) / elapsed
    endedPerMs = endedPerMs === Number.POSITIVE_INFINITY ? newest : (endedPerMs * 7 + newest) / 8
    checkedAt = at
    over = 0
    if (took > longestWork) limit = Math.max(fewest, limit * Math.max(0.5, longestWork / took))
    else if (took < longestWork / 2) limit = Math.min(most, limit * 1.1)
  }

  const check = (): void => {
    adapt()
    refuseOverdue(others)
    refuseOverdue(ahead)
    startNext()
    timer = undefined
    if (waiting() > 0) checkLater()
  }

  const checkLater = (): void => {
    timer = setTimeout(check, checkMs)
  }

  const isOpen = (): boolean => waiting() === 0 && mayStart()

  return {
    isOpen,
    begin,
    enter(waiter) {
      if (isOpen()) start(waiter)
      else {
        const line = waiter.ahead ? ahead : others
        line.add(waiter, now())
        if (timer !== undefined) return
        checkedAt = now()
        over = 0
        checkLater()
      }
    },
    leave() {
      underWay -= 1
      over += 1
      if (waiting() > 0) startNext()
    },
    underWay: () => underWay,
    waiting,
    close() {
      clearTimeout(timer)
      while (waiting() > 0) next().refuse()
    },
  }
}

type WaitingQueue = {
  readonly size: () => number
  readonly add: (waiter: Waiter, since: number) => void
  readonly oldestSince: () => number
  readonly takeOldest: () => Waiter
  readonly takeNewest: () => Waiter
}

function createWaitingQueue(): WaitingQueue {
  /** The oldest first, from `head` on. */
  let line: (readonly [waiter: Waiter, since: number])[] = []
  let head = 0
  return {
    size: () => line.length - head,
    add(waiter, since) {
      line.push([waiter, since])
    },
    oldestSince: () => line[head]![1],
    takeOldest() {
      const [waiter] = line[head]!
      head += 1
      if (head === line.length || head > 1024) {
        line = line.slice(head)
        head = 0
      }
      return waiter
    },
    takeNewest: () => line.pop()![0],
  }
}
