/** Reads from a store again what other processes change. */

import type { Seconds } from '@tessera/protocol/brand'

type RepeatedReading = {
  readonly interval: Seconds
  /** Calls the function for each change that is reported. Returns a function that stops this. */
  readonly watch?: ((changed: () => void) => () => void) | undefined
  readonly onFailure: (error: unknown) => void
}

/**
 * Reads at every interval, and when a change is reported. Returns a function that stops this. A reading that fails
 * afterwards is not reported: the store may be closed by then.
 */
export function readRepeatedly(
  read: () => Promise<void>,
  { interval, watch, onFailure }: RepeatedReading,
): () => void {
  let stopped = false
  const look = (): void => {
    read().catch(error => {
      if (!stopped) onFailure(error)
    })
  }
  const timer = setInterval(look, interval * 1000).unref()
  const unwatch = watch?.(look)
  return () => {
    stopped = true
    clearInterval(timer)
    unwatch?.()
  }
}
