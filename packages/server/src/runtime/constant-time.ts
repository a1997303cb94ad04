/** Compares secrets. */

import { timingSafeEqual } from 'node:crypto'

/** Returns whether two values are equal, in a time that depends only on their lengths. Texts are compared as UTF-8. */
export function equalInConstantTime(one: string | Uint8Array, other: string | Uint8Array): boolean {
  const [a, b] = [bytesOf(one), bytesOf(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

const bytesOf = (value: string | Uint8Array): Uint8Array =>
  typeof value === 'string' ? Buffer.from(value) : value
