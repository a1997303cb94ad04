/** A bounded queue for slow work that strangers can ask for, fair by network: nobody fills it for everybody else. */

import { StoreUnavailable } from '../ports.ts'

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
  /** The networks that one belongs to, the widest first; it alone unless given. */
  readonly networksOf?: (from: string) => readonly string[]
  /** Milliseconds that work may wait, at most. */
  readonly longest?: number
  /** Called for each work that is turned away. */
  readonly onFull?: () => void
}

type Waiter = { readonly begin: () => void; readonly turnAway: () => void }

/** The work of one network that waits: its own, or that of narrower networks. `lanes` are in the order in which they are served; none is empty. */
type Lane = { size: number; readonly waiters: Waiter[]; readonly lanes: Map<string, Lane> }

const emptyLane = (): Lane => ({ size: 0, waiters: [], lanes: new Map() })

/**
 * Networks take turns, and within each the narrower ones: who holds many narrow networks of a wide one has the turns of
 * one. Where the queue is full, a network that has less waiting than another takes the place of what came last from the
 * network with the most.
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
    if (all.size >= waiting && !makeRoom(path)) return turnedAway()
    return new Promise((resolve, reject) => {
      const late =
        longest === undefined
          ? undefined
          : setTimeout(() => {
              if (remove(all, path, waiter)) waiter.turnAway()
            }, longest)
      const waiter: Waiter = {
        begin() {
          clearTimeout(late)
          resolve()
        },
        turnAway() {
          clearTimeout(late)
          turnedAway().catch(reject)
        },
      }
      add(all, path, waiter)
    })
  }

  /** Turns away what has least right to its place, if that has less than this network. */
  function makeRoom(path: readonly string[]): boolean {
    const passed: string[] = []
    let lane = all
    for (const name of path) {
      const mine = lane.lanes.get(name)
      const longest = longestOf(lane)
      // Two more: taking the place of an equal would only exchange who is turned away.
      if (longest && longest[1].size >= (mine?.size ?? 0) + 2 && longest[1] !== mine) {
        take(all, [...passed, longest[0]], 'last')?.turnAway()
        return true
      }
      if (!mine) return false
      passed.push(name)
      lane = mine
    }
    return false
  }

  async function turnedAway(): Promise<never> {
    onFull?.()
    throw new QueueFull('too much of this work waits')
  }

  /** Hands the place on, so that nobody slips in between. */
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

/** Takes out whose turn it is (`first`), or who came last of the longest lanes (`last`), beneath the named lanes. */
function take(lane: Lane, path: readonly string[], which: 'first' | 'last'): Waiter | undefined {
  const [named, ...narrower] = path
  const byItself = which === 'first' ? lane.waiters.shift() : lane.waiters.pop()
  const name = named ?? (which === 'first' ? lane.lanes.keys().next().value : longestOf(lane)?.[0])
  const next = name === undefined ? undefined : lane.lanes.get(name)
  const taken = byItself ?? (next && take(next, narrower, which))
  if (taken === undefined) return undefined
  lane.size -= 1
  if (name !== undefined && next) {
    // To the end: the others come first now.
    if (which === 'first' || next.size === 0) lane.lanes.delete(name)
    if (which === 'first' && next.size > 0) lane.lanes.set(name, next)
  }
  return taken
}

/** Takes out this one, wherever it waits. Returns whether it still waited. */
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
