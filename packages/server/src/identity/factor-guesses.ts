/** Limits on guessing codes of second factors: ten wrong ones in ten minutes, fifty in a day, for each user (RFC 4226 §7.3). */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Clock } from '../core/runtime.ts'
import { createAttempts } from './attempts.ts'

/** Counts a guess before it is checked, so that a thousand at once count as a thousand. The value takes it back: it was right. */
export type CountFactorGuess = (sub: string) => Result<() => void>

const capacity = 50_000
const minutes = 60
const day = 86_400

/** Refuses `access_denied` with how long to wait. */
export function createFactorGuessCounter({ clock }: { clock: Clock }): CountFactorGuess {
  const spans = [
    { most: 10, span: 10 * minutes, capacity },
    { most: 50, span: day, capacity },
  ].map(limits => createAttempts({ clock, limits }))

  return sub => {
    const keys = [sub]
    const waits = spans.flatMap(span => span.wait(keys) ?? [])
    if (waits.length > 0) {
      const retry_after = Math.max(...waits)
      return refuse('access_denied', 'second_factor_guessed_too_often', { retry_after, log: { sub } })
    }
    for (const span of spans) span.failed(keys)
    return ok(() => {
      for (const span of spans) span.forgive(keys)
    })
  }
}
