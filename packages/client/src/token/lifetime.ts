/** Durations in responses. */

import type { Seconds } from '@tessera/protocol/brand'

/** Returns undefined if there is no value, and null if it is invalid. Some servers send a string of digits. */
export function lifetime(value: unknown): Seconds | undefined | null {
  if (value === undefined || value === null) return undefined
  const seconds = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof seconds === 'number' && seconds >= 0 && Number.isFinite(seconds) ? seconds : null
}
