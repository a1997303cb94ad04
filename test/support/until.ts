/** Waits in tests. Each wait has a limit, and its error names what did not happen. */

import { setTimeout as sleep } from 'node:timers/promises'

/** In milliseconds. */
export type Waiting = { readonly within?: number; readonly every?: number }

type Truthy<Value> = Exclude<Value, false | 0 | '' | null | undefined>

/** Long enough for a busy machine: reaching it is a failure, not a measurement. */
const waitLimit = 30_000

/**
 * Resolves to what `condition` returns once that is truthy; polls every 20 ms. Rejects after 30 s with what was
 * awaited. Tests wait only with this and `inTime`.
 */
export async function until<Value>(
  what: string,
  condition: () => Value | Promise<Value>,
  { within = waitLimit, every = 20 }: Waiting = {},
): Promise<Truthy<Value>> {
  const end = performance.now() + within
  for (;;) {
    const left = Math.max(1, end - performance.now())
    const value = await inTime(what, Promise.resolve(condition()), { within: left })
    if (value) return value as Truthy<Value>
    if (performance.now() >= end) throw lateness(what, within)
    await sleep(every)
  }
}

/** Settles as `promise` does. Rejects if that takes longer than 30 s, with what was awaited. */
export async function inTime<Value>(
  what: string,
  promise: Promise<Value>,
  { within = waitLimit }: Pick<Waiting, 'within'> = {},
): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(lateness(what, within)), within)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

const lateness = (what: string, within: number): Error =>
  new Error(`waited ${Math.round(within / 1000)} s in vain: ${what}`)
