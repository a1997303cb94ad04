/** Counts the requests in progress of all routers that share it, and limits them: further requests get 503. */

export type Load = {
  /** Returns whether one more request would exceed the limit. */
  readonly isFull: () => boolean
  readonly underWay: () => number
  readonly enter: () => void
  readonly leave: () => void
}

/** A part of a load, with its own count. */
export type Part = Load & {
  /** Resolves when none of its requests is in progress. */
  readonly unused: () => Promise<void>
}

export type LoadOptions = {
  /** Maximum number of requests in progress; 2000 by default. */
  readonly mostRequests?: number
  /** Called when the limit is reached; not called again until the load has halved. */
  readonly onOverload?: (underWay: number) => void
}

export function createLoad({ mostRequests = 2000, onOverload = () => {} }: LoadOptions = {}): Load {
  let underWay = 0
  let overloaded = false
  return {
    isFull() {
      if (underWay < mostRequests) return false
      if (!overloaded) onOverload(underWay)
      overloaded = true
      return true
    },
    underWay: () => underWay,
    enter() {
      underWay += 1
    },
    leave() {
      underWay -= 1
      if (underWay <= mostRequests / 2) overloaded = false
    },
  }
}

export function createPart(whole: Load): Part {
  let underWay = 0
  let whenUnused: readonly (() => void)[] = []
  return {
    isFull: whole.isFull,
    underWay: () => underWay,
    enter() {
      underWay += 1
      whole.enter()
    },
    leave() {
      underWay -= 1
      whole.leave()
      if (underWay > 0 || whenUnused.length === 0) return
      for (const resolve of whenUnused) resolve()
      whenUnused = []
    },
    async unused() {
      // A request can leave and enter again between two of its steps.
      while (underWay > 0)
        await new Promise<void>(resolve => {
          whenUnused = [...whenUnused, resolve]
        })
    },
  }
}
