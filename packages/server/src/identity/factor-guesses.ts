/** Limits on guessing codes of second factors: ten wrong ones in ten minutes, fifty in a day, for each user (RFC 4226 §7.3). */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { CountAttempt } from './attempts.ts'

/** Counts a guess before it is checked. The value takes it back: it was right. */
export type CountFactorGuess = (sub: string) => Promise<Result<() => Promise<void>>>

const minutes = 60
const day = 86_400

/** Refuses `access_denied` with how long to wait. */
export const createFactorGuessCounter =
  ({ countAttempt }: { countAttempt: CountAttempt }): CountFactorGuess =>
  async sub => {
    const counted = await countAttempt([
      { key: JSON.stringify(['second factor in minutes', sub]), most: 10, span: 10 * minutes },
      { key: JSON.stringify(['second factor in a day', sub]), most: 50, span: day },
    ])
    if (counted.ok) return ok(counted.forgive)
    const retry_after = counted.wait
    return refuse('access_denied', 'second_factor_guessed_too_often', { retry_after, log: { sub } })
  }
