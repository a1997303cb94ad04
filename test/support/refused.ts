/** Asserts refusals: the error that the client gets, and the reason that the operator finds in the log. */

import assert from 'node:assert/strict'
import type { Answer } from './tessera.ts'

/**
 * Throws unless the response has this `error` and the request's log line this `reason`. One error has many reasons,
 * and only the reason shows that the guard under test refused. A list accepts any of its reasons, where timing decides
 * which guard comes first.
 */
export function assertRefused(
  { json, reason: logged }: Pick<Answer, 'json' | 'reason'>,
  error: string,
  reason: string | readonly string[],
  message?: string,
): void {
  const expected = [reason].flat().find(one => one === logged) ?? reason
  const about = message === undefined ? '' : `: ${message}`
  assert.deepEqual(
    { error: json?.error, reason: logged },
    { error, reason: expected },
    `not refused as expected${about}`,
  )
}
