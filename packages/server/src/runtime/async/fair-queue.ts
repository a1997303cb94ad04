/** A bounded queue for slow work that anyone can cause. It is fair by network, so that one network can't fill it for the others. */

import { StoreUnavailable } from '../ports.ts'

/** The work was not started, because too much work is waiting. The response is 503. */
export class QueueFull extends StoreUnavailable {}

type FairQueue = {
  /** Runs the work when a place is free. Rejects with `QueueFull` if the work was not started. */
  readonly run: <Value>(from: string, work: () => Promise<Value>) => Promise<Value>
}

export type FairQueueOptions = {
  /** How many tasks run at the same time. */
  readonly concurrent: number
  /** How many more may wait. */
  readonly waiting: number
  /** Returns the networks that a network belongs to, the widest first. Default: itself. */
  readonly networksOf?: (from: string) => readonly string[]
  /** Maximum milliseconds that work may wait. */
  readonly longest?: number
  /** Called for each rejected task. */
  readonly onFull?: () => void
}

type Waiter = { readonly begin: () => void; readonly reject: () => void }

/** The waiting work of a network: its own, and that of narrower networks. `lanes` is in the order of service, and contains no empty lane. */
type Lane = { size: number; readonly waiters: Waiter[]; readonly lanes: Map<string, Lane> }

const emptyLane = (): Lane => ({ size: 0, waiters: [], lanes: new Map() })

/**
 * Networks take turns, and within each of them the narrower ones: many narrow networks within a wide one share the
 * turns of one network. If the queue is full, new work replaces the latest work of the network that has the most,
 * unless its own network has as much.
 */
export function createFairQueue({
  concurrent,
  waiting,
  networksOf = from => [from],
  longest,
  onFull,
}: FairQueueOptions): FairQueue {
  const all = emptyLane()
  let running = 0

  function enqueue(from: string): Promise<void> {
    const path = networksOf(from)
    if (all.size >= waiting && !makeRoom(path)) return rejected()
    return new Promise((resolve, reject) => {
      const late =
        longest === undefined
          ? undefined
          : setTimeout(() => {
              if (remove(all, path, waiter)) waiter.reject()
            }, longest)
      const waiter: Waiter = {
        begin() {
          clearTimeout(late)
          resolve()
        },
        reject() {
          clearTimeout(late)
          rejected().catch(reject)
        },
      }
      add(all, path, waiter)
    })
  }

  /**
   * Rejects the latest work of the network with the most work, if that has more than this network. Returns whether it
   * did.
   */
  function makeRoom(path: readonly string[]): boolean {
    const passed: string[] = []
    let lane = all
    for (const name of path) {
      const mine = lane.lanes.get(name)
      const longest = longestOf(lane)
      // At least two more, because replacing work of an equal network would have no benefit.
      if (longest && longest[1].size >= (mine?.size ?? 0) + 2 && longest[1] !== mine) {
        take(all, [...passed, longest[0]], 'last')?.reject()
        return true
      }
      if (!mine) return false
      passed.push(name)
      lane = mine
    }
    return false
  }

  async function rejected(): Promise<never> {
    onFull?.()
    throw new QueueFull('too much work is waiting')
  }

  /** Passes the place directly to the next task, so that no other task takes it. */
  function release(): void {
    const next = take(all, [], 'first')
    if (next) next.begin()
    else running -= 1
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

function add(lane: Lane, [name, ...narrower]: readonly string[], waiter: Waiter): void {
  lane.size += 1
  if (name === undefined) {
    lane.waiters.push(waiter)
    return
  }
  const next = lane.lanes.get(name) ?? emptyLane()
  lane.lanes.set(name, next)
  add(next, narrower, waiter)
}

/** Removes the next work (`first`), or the latest of the longest lanes (`last`), below the named lanes. */
function take(lane: Lane, path: readonly string[], which: 'first' | 'last'): Waiter | undefined {
  const [named, ...narrower] = path
  const byItself = which === 'first' ? lane.waiters.shift() : lane.waiters.pop()
  const name = named ?? (which === 'first' ? lane.lanes.keys().next().value : longestOf(lane)?.[0])
  const next = name === undefined ? undefined : lane.lanes.get(name)
  const taken = byItself ?? (next && take(next, narrower, which))
  if (taken === undefined) return undefined
  lane.size -= 1
  if (name !== undefined && next) {
    // Move it to the end, so that the other lanes come first.
    if (which === 'first' || next.size === 0) lane.lanes.delete(name)
    if (which === 'first' && next.size > 0) lane.lanes.set(name, next)
  }
  return taken
}

/** Removes this waiter from its lane. Returns whether it was still waiting. */
function remove(lane: Lane, [name, ...narrower]: readonly string[], waiter: Waiter): boolean {
  if (name === undefined) {
    const index = lane.waiters.indexOf(waiter)
    if (index < 0) return false
    lane.waiters.splice(index, 1)
  } else {
    const next = lane.lanes.get(name)
    if (!next || !remove(next, narrower, waiter)) return false
    if (next.size === 0) lane.lanes.delete(name)
  }
  lane.size -= 1
  return true
}

function longestOf({ lanes }: Lane): readonly [string, Lane] | undefined {
  let longest: readonly [string, Lane] | undefined
  for (const one of lanes) if (!longest || one[1].size > longest[1].size) longest = one
  return longest
}
