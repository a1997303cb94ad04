/**
 * How many requests are worked on at once: as many as keep the processor busy. Beyond that a request waits with its body
 * unread, and its connection is read no further, so that waiting costs next to nothing; what waits too long is refused.
 */

import { performance } from 'node:perf_hooks'

export type Admission = {
  /** Calls `start`, now or later, or `refuse`: never both. */
  readonly enter: (waiter: Waiter) => void
  /** To be called once for each that was started. */
  readonly leave: () => void
  readonly underWay: () => number
  readonly waiting: () => number
  /** Refuses all that wait. */
  readonly close: () => void
}

export type Waiter = { readonly start: () => void; readonly refuse: () => void }

export type AdmissionOptions = {
  /** As many always start: enough for signatures and writes to be made together. */
  readonly always?: number
  /** Milliseconds that one may wait. */
  readonly longestMs?: number
  readonly now?: () => number
  /** The share of its time that the event loop was busy since it was asked last. */
  readonly busyShare?: () => number
  /** Called when one was refused, once until none waits. */
  readonly onOverload?: (underWay: number) => void
}

/** Milliseconds. */
const sampleMs = 20
const lookMs = 50
/** When the oldest waits longer, arrivals outrun us: the newest go first, whose clients are the least likely to have given up. */
const standingMs = 100
/** With less idle time than this share, starting more only makes all of them slower. */
const busyFrom = 0.9

export function createAdmission({
  always = 64,
  longestMs = 500,
  now = () => performance.now(),
  busyShare = createBusyShare(),
  onOverload = () => {},
}: AdmissionOptions = {}): Admission {
  let underWay = 0
  /** The oldest first, from `head` on. */
  let queue: (Waiter & { readonly since: number })[] = []
  let head = 0
  let overloaded = false
  let starting = false
  let timer: NodeJS.Timeout | undefined
  let sampledAt = 0
  let busy = false

  const waiting = (): number => queue.length - head

  const isBusy = (): boolean => {
    const at = now()
    if (at - sampledAt >= sampleMs) {
      busy = busyShare() >= busyFrom
      sampledAt = at
    }
    return busy
  }

  const mayStart = (): boolean => underWay < always || !isBusy()

  const begin = (waiter: Waiter): void => {
    underWay += 1
    waiter.start()
  }

  const oldest = () => {
    const first = queue[head]!
    head += 1
    if (head === queue.length || head > 1024) {
      queue = queue.slice(head)
      head = 0
    }
    return first
  }

  const next = () => (now() - queue[head]!.since > standingMs ? queue.pop()! : oldest())

  const startNext = (): void => {
    // One that is over at once calls `leave` from within.
    if (starting) return
    starting = true
    while (waiting() > 0 && mayStart()) begin(next())
    starting = false
    if (waiting() === 0) overloaded = false
  }

  const look = (): void => {
    timer = undefined
    const limit = now() - longestMs
    while (waiting() > 0 && queue[head]!.since <= limit) {
      if (!overloaded) onOverload(underWay)
      overloaded = true
      oldest().refuse()
    }
    startNext()
    if (waiting() > 0) timer = setTimeout(look, lookMs)
  }

  return {
    enter(waiter) {
      if (waiting() === 0 && mayStart()) {
        begin(waiter)
        return
      }
      queue.push({ ...waiter, since: now() })
      timer ??= setTimeout(look, lookMs)
    },
    leave() {
      underWay -= 1
      if (waiting() > 0) startNext()
    },
    underWay: () => underWay,
    waiting,
    close() {
      clearTimeout(timer)
      while (waiting() > 0) oldest().refuse()
    },
  }
}

function createBusyShare(): () => number {
  let before = performance.eventLoopUtilization()
  return () => {
    const { utilization } = performance.eventLoopUtilization(before)
    before = performance.eventLoopUtilization()
    return utilization
  }
}
