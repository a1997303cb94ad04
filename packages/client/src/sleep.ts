/** Waits between requests. */

import type { Seconds } from '@tessera/protocol/brand'

/** Resolves after some seconds, or as soon as the signal is aborted. */
export type Sleep = (seconds: Seconds, signal?: AbortSignal) => Promise<void>

/** Returns milliseconds for a timer, at most the longest possible: a timer for more, or forever, would end immediately. */
export const timerMilliseconds = (seconds: Seconds): number => Math.min(seconds * 1000, 2 ** 31 - 1)

/** Waits with a timer. */
export const sleep: Sleep = (seconds, signal) =>
  new Promise(resolve => {
    if (signal?.aborted) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, timerMilliseconds(seconds))
    signal?.addEventListener('abort', end)
  })
