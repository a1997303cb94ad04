/** Waits between requests. */

import type { Seconds } from '@tessera/protocol/brand'

/** Resolves after some seconds, or as soon as the signal is aborted. */
export type Sleep = (seconds: Seconds, signal?: AbortSignal) => Promise<void>

/** The longest wait of a timer in milliseconds. A longer one would end immediately. */
const longestTimer = 2 ** 31 - 1

/** Waits with a timer. */
export const sleep: Sleep = (seconds, signal) =>
  new Promise(resolve => {
    if (signal?.aborted) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, Math.min(seconds * 1000, longestTimer))
    signal?.addEventListener('abort', end)
  })
