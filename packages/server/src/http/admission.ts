/**
 * Bounds how many requests are worked on at once by what the machine does: as long as the event loop has idle time there is
 * no bound; once it has none, as many as it gets through in a tenth of a second. A request beyond that waits with
 * its body unread and its connection not read any further, so waiting costs next to nothing. One that waits too long is refused.
 */

import { createOwnTime } from './own-time.ts'

export type Admission = {
  /** Whether the next one would be started at once. */
  readonly isOpen: () => boolean
  /** Counts one that is started by the caller; only while `isOpen`. */
  readonly begin: () => void
  /** Calls `start`, now or later, or `refuse`: never both. */
  readonly enter: (waiter: Waiter) => void
  /** To be called once for each that was started. */
  readonly leave: () => void
  readonly underWay: () => number
  readonly waiting: () => number
  /** Refuses all that wait. */
  readonly close: () => void
}

type Waiter = {
  readonly start: () => void
  readonly refuse: () => void
  /** From a connection that sends ahead of its responses: all others go first. */
  readonly ahead: boolean
}

export type AdmissionOptions = {
  /** As many start at first, however busy the loop is: enough for signatures and writes to be made together. */
  readonly first?: number
  /** Milliseconds that one may wait. */
  readonly longestMs?: number
  /** Milliseconds of the process's own time, so that a busy neighbor has nothing refused. */
  readonly now?: () => number
  /** The share of that time that the event loop was busy since it was asked last. */
  readonly busyShare?: () => number
  /** Called when one was refused, once until none waits. */
  readonly onOverload?: (underWay: number) => void
}

/** Milliseconds. */
const sampleMs = 20
const lookMs = 50
/** Milliseconds that a request may take from start to end while the loop is busy. If requests take longer, too many are started. */
const longestWork = 100
const fewest = 4
const most = 2000
/** With less idle time than this share, starting more only makes all of them slower. */
const busyFrom = 0.9

export function createAdmission(options: AdmissionOptions = {}): Admission {
  const { first = 64, longestMs = 750, onOverload = () => {} } = options
  const { now, busyShare } = { ...createOwnTime(), ...options }
  let limit = first
  let underWay = 0
  const others = createWaitingLine()
  const ahead = createWaitingLine()
  let overloaded = false
  let starting = false
  let timer: NodeJS.Timeout | undefined
  let lookedAt = 0
  let over = 0
  /** Until it is known, nobody is outrun. */
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

  /** When not all can be served in time, the newest go first: their clients are the least likely to have given up. */
  const isOutrun = (): boolean => waiting() > endedPerMs * longestMs

  const next = (): Waiter => {
    const line = others.size() > 0 ? others : ahead
    return isOutrun() ? line.takeNewest() : line.takeOldest()
  }

  const startNext = (): void => {
    // One that is over at once calls `leave` from within.
    if (starting) return
    starting = true
    while (waiting() > 0 && mayStart()) start(next())
    starting = false
    if (waiting() === 0) overloaded = false
  }

  const refuseOverdue = (line: WaitingLine): void => {
    const since = now() - longestMs
    while (line.size() > 0 && line.oldestSince() <= since) {
      if (!overloaded) onOverload(underWay)
      overloaded = true
      line.takeOldest().refuse()
    }
  }

  /** Derives the duration of a request from how many are under way and how many ended (Little's law). */
  const adapt = (): void => {
    const at = now()
    const elapsed = at - lookedAt
    // The process hardly ran, so that nothing follows from how little it got done.
    if (elapsed < sampleMs) return
    const took = (underWay * elapsed) / Math.max(over, 0.5)
    // Less than one would say that nothing is ever served, and the oldest would starve.
    const newest = Math.max(over, 1) / elapsed
    endedPerMs = endedPerMs === Number.POSITIVE_INFINITY ? newest : (endedPerMs * 7 + newest) / 8
    lookedAt = at
    over = 0
    if (took > longestWork) limit = Math.max(fewest, limit * Math.max(0.5, longestWork / took))
    else if (took < longestWork / 2) limit = Math.min(most, limit * 1.1)
  }

  const look = (): void => {
    adapt()
    refuseOverdue(others)
    refuseOverdue(ahead)
    startNext()
    timer = undefined
    if (waiting() > 0) lookLater()
  }

  const lookLater = (): void => {
    timer = setTimeout(look, lookMs)
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
        lookedAt = now()
        over = 0
        lookLater()
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

type WaitingLine = {
  readonly size: () => number
  readonly add: (waiter: Waiter, since: number) => void
  readonly oldestSince: () => number
  readonly takeOldest: () => Waiter
  readonly takeNewest: () => Waiter
}

function createWaitingLine(): WaitingLine {
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
