/** So many at once, and so many who wait: what is beyond is turned away (RFC 6585 §4 for resources of ours). */

export type Slots = {
  /** Runs this when there is room; undefined when too many wait. */
  readonly run: <Value>(work: () => Promise<Value>) => Promise<Value | undefined>
}

/** How many may wait for each that is under way. */
const patience = 10

export function createSlots(most: number): Slots {
  let underWay = 0
  const waiting: (() => void)[] = []

  return {
    async run(work) {
      if (underWay >= most) {
        if (waiting.length >= most * patience) return undefined
        await new Promise<void>(resolve => waiting.push(resolve))
      } else underWay += 1
      try {
        return await work()
      } finally {
        // The place is handed on, so that nobody slips in between.
        const next = waiting.shift()
        if (next) next()
        else underWay -= 1
      }
    },
  }
}
