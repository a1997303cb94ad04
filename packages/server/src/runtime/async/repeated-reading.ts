/** Reads from a store again what other processes change. */

import type { Seconds } from '@tessera/protocol/brand'

type RepeatedReading = {
  readonly interval: Seconds
  /** Calls the function for each change that is reported. Returns a function that stops this. */
  readonly watch?: ((changed: () => void) => () => void) | undefined
  readonly onFailure: (error: unknown) => void
}

/** Milliseconds until a reading that failed is repeated. Doubles with each failure in a row. */
const firstPause = 1000

/**
 * Reads at every interval, when a change is reported, and soon after a failure, because nothing reports the change again.
 * Returns a function that stops this. A reading that fails afterwards is not reported: the store may be closed by then.
 */
export function readRepeatedly(
  read: () => Promise<void>,
  { interval, watch, onFailure }: RepeatedReading,
): () => void {
  let stopped = false
  let pause = firstPause
  let again: NodeJS.Timeout | undefined
  const look = (): void => {
    clearTimeout(again)
    again = undefined
    read().then(
      () => {
        pause = firstPause
      },
      error => {
        if (stopped) return
        onFailure(error)
        again ??= setTimeout(look, pause).unref()
        pause = Math.min(2 * pause, interval * 1000)
      },
    )
  }
  const timer = setInterval(look, interval * 1000).unref()
  const unwatch = watch?.(look)
  return () => {
    stopped = true
    clearInterval(timer)
    clearTimeout(again)
    unwatch?.()
  }
}
