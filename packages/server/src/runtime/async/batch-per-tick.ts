/**
 * Runs everything that was queued during one event-loop tick back to back, so that CPU caches stay warm. See
 * docs/decisions/0013-batch-per-tick.md.
 */

/** Milliseconds. The rest runs in the next tick, so that new clients and `/healthz` probes don't wait for it. */
const longestBatch = 8

/**
 * Milliseconds. libuv accepts one connection in each iteration of the loop. A batch therefore waits until an iteration
 * has accepted none. Otherwise new connections would wait in the kernel until their clients gave up. Work gets at least
 * a third of the time, however many connections arrive.
 */
const longestAccepting = 16

let accepted = 0

/** Records that the process accepted a connection. Batches then wait until the queued connections are accepted too. */
export const connectionAccepted = (): void => {
  accepted += 1
}

/** Returns a function that queues an item for `work`. A single item waits for some microseconds. */
export function batchPerTick<Item>(work: (item: Item) => void): (item: Item) => void {
  let queued: Item[] = []
  let scheduled = false
  let seen = accepted
  let acceptingSince: number | undefined

  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    setImmediate(run)
  }

  /** Costs one comparison if no connection arrived. */
  const isAccepting = (): boolean => {
    if (accepted === seen) {
      acceptingSince = undefined
      return false
    }
    seen = accepted
    const now = performance.now()
    acceptingSince ??= now
    if (now - acceptingSince < longestAccepting) return true
    acceptingSince = undefined
    return false
  }

  function run(): void {
    scheduled = false
    if (isAccepting()) {
      schedule()
      return
    }
    const items = queued
    queued = []
    const end = performance.now() + longestBatch
    let done = 0
    for (const item of items) {
      work(item)
      done += 1
      if (done < items.length && performance.now() > end) {
        queued = [...items.slice(done), ...queued]
        schedule()
        return
      }
    }
  }

  return item => {
    queued.push(item)
    schedule()
  }
}
