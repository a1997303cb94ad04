/** How many requests wait for their answer, over all routers that share it: more than so many are answered 503. */

export type Load = {
  /** Whether one more would be too many. */
  readonly isFull: () => boolean
  readonly underWay: () => number
  readonly enter: () => void
  readonly leave: () => void
}

/** A part of a load, with a count of its own. */
export type Part = Load & {
  /** Fulfilled when none of its requests waits. */
  readonly unused: () => Promise<void>
}

export type LoadOptions = {
  /** Requests that may wait for their answer at once; 2000 unless said otherwise. */
  readonly mostRequests?: number
  /** Called when the limit is reached, once until the load has halved. */
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
  let told: readonly (() => void)[] = []
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
      if (underWay > 0 || told.length === 0) return
      for (const tell of told) tell()
      told = []
    },
    async unused() {
      // Who left may have entered again at once, for the next step of the same request.
      while (underWay > 0)
        await new Promise<void>(resolve => {
          told = [...told, resolve]
        })
    },
  }
}
