/** Measures time so that pauses of the process count, such as those of a frozen tab or a suspended machine. */

import type { Seconds } from '@tessera/protocol/brand'

/**
 * Returns a function that returns the seconds since this call, by the clock that shows more: the monotonic clock may stop
 * while the machine is suspended, and the wall clock may be set back.
 */
export function startStopwatch(now: () => Seconds): () => Seconds {
  const [wall, monotonic] = [now(), performance.now()]
  return () => Math.max(now() - wall, (performance.now() - monotonic) / 1000)
}
