/** A bounded queue for slow work that strangers can ask for, fair by network: nobody fills it for everybody else. */

import { StoreUnavailable } from './runtime.ts'

/** The work was not begun, since too much of it waits. The response is 503. */
export class QueueFull extends StoreUnavailable {}

export type FairQueue = {
  /** Runs the work when its turn comes. Rejects with `QueueFull` if it can't be begun. */
  readonly run: <Value>(from: string, work: () => Promise<Value>) => Promise<Value>
}

export type FairQueueOptions = {
  /** How many run at once. */
  readonly concurrent: number
  /** How many more may wait. */
  readonly waiting: number
  /** Called for each work that is turned away. */
  readonly onFull?: () => void
}

type Waiter = { readonly begin: () => void; readonly turnAway: () => void }

/**
 * Networks take turns. Where the queue is full, a network that has less waiting than another takes the place of what
 * came last from the network with the most.
 */
export function createFairQueue({ concurrent, waiting, onFull }: FairQueueOptions): FairQueue {
  /** In the order in which their turns come; none is empty. */
  const lanes = new Map<string, Waiter[]>()
  let count = 0
  let running = 0

  function enqueue(from: string): Promise<void> {
    if (count >= waiting && !makeRoom(lanes.get(from)?.length ?? 0)) return turnedAway()
    count += 1
    return new Promise((begin, reject) => {
      const waiter = { begin, turnAway: () => turnedAway().catch(reject) }
      const lane = lanes.get(from)
      if (lane) lane.push(waiter)
      else lanes.set(from, [waiter])
    })
  }

  function makeRoom(mine: number): boolean {
    const [longest] = [...lanes].toSorted(([, a], [, b]) => b.length - a.length)
    // Two more: taking the place of an equal would only exchange who is turned away.
    if (!longest || longest[1].length < mine + 2) return false
    const [from, lane] = longest
    lane.pop()?.turnAway()
    count -= 1
    if (lane.length === 0) lanes.delete(from)
    return true
  }

  async function turnedAway(): Promise<never> {
    onFull?.()
    throw new QueueFull('too much of this work waits')
  }

  /** Hands the place on, so that nobody slips in between. */
  function release(): void {
    const [first] = lanes
    if (!first) {
      running -= 1
      return
    }
    const [from, lane] = first
    const next = lane.shift()
    count -= 1
    lanes.delete(from)
    if (lane.length > 0) lanes.set(from, lane)
    next?.begin()
  }

  return {
    async run(from, work) {
      if (running < concurrent) running += 1
      else await enqueue(from)
      try {
        return await work()
      } finally {
        release()
      }
    },
  }
}
