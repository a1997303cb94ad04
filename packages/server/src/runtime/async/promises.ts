/** Ways to run asynchronous work: one after the other, shared by simultaneous calls, and with a deadline. */

import type { Awaitable } from '../ports.ts'

type Serial = {
  /** Runs the work once all earlier work has settled. Settles as the work does. */
  <Value>(work: () => Promise<Value>): Promise<Value>
  /** Resolves when all earlier work has settled. */
  readonly settled: () => Promise<void>
}

/** Returns a function that runs one piece of work at a time, in the order of the calls. A failure does not stop later work. */
export function serial(): Serial {
  let last: Promise<unknown> = Promise.resolve()
  const run = <Value>(work: () => Promise<Value>): Promise<Value> => {
    const running = last.then(work)
    last = running.catch(() => {})
    return running
  }
  return Object.assign(run, {
    async settled() {
      await last
    },
  })
}

type SingleFlight<Arguments extends readonly unknown[], Value> = {
  (...given: Arguments): Promise<Value>
  /** Returns the run for a key that is in progress. */
  readonly current: (key?: Arguments[0]) => Promise<Value> | undefined
}

/**
 * Lets calls share one run while it is in progress. The first argument is the key: only calls with the same key share a
 * run. The other arguments are those of the call that started it.
 */
export function singleFlight<Arguments extends readonly unknown[], Value>(
  work: (...given: Arguments) => Promise<Value>,
): SingleFlight<Arguments, Value> {
  const runs = new Map<Arguments[0], Promise<Value>>()
  const run = (...given: Arguments): Promise<Value> => {
    const key = given[0]
    const before = runs.get(key)
    if (before) return before
    const begun = work(...given).finally(() => runs.delete(key))
    runs.set(key, begun)
    return begun
  }
  return Object.assign(run, { current: (key?: Arguments[0]) => runs.get(key) })
}

/**
 * Returns the promise that is kept for a key, or starts the work and keeps its promise. A rejected one is not kept, so that
 * the next call tries again.
 */
export function keptOrStarted<Key, Value>(
  kept: Map<Key, Promise<Value>>,
  key: Key,
  work: (key: Key) => Promise<Value>,
): Promise<Value> {
  const before = kept.get(key)
  if (before) return before
  const started = work(key)
  kept.set(key, started)
  started.catch(() => kept.delete(key))
  return started
}

type Lazy<Value> = {
  (): Promise<Value>
  /** Returns the promise of the work that has begun or is done. */
  readonly begun: () => Promise<Value> | undefined
}

/**
 * Returns a function that starts the work at the first call, and keeps its promise. A rejected one is not kept, so that the
 * next call tries again: a file may have been unreadable for a moment.
 */
export function lazily<Value>(work: () => Promise<Value>): Lazy<Value> {
  const kept = new Map<'work', Promise<Value>>()
  return Object.assign(() => keptOrStarted(kept, 'work', work), { begun: () => kept.get('work') })
}

/** Resolves to whether the work settled in time; work that did not continues. Rejects if the work rejects in time. */
export async function settlesWithin(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => {
    timer = setTimeout(resolve, milliseconds, false)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Runs the work for each item, at most `most` at the same time. Rejects if one fails; the others continue. */
export async function forEachOf<Item>(
  items: Iterable<Item>,
  most: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]()
  const run = async (): Promise<void> => {
    for (let next = left.next(); !next.done; next = left.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: most }, run))
}

/** Applies `use` synchronously if the value is not a promise. */
export const applied = <Found, Value>(
  found: Awaitable<Found>,
  use: (found: Found) => Value,
): Awaitable<Value> => (found instanceof Promise ? found.then(use) : use(found))
