/** What a page says of a second factor that was refused. */

import type { Refusal } from '@tessera/protocol/result'
import type { FactorProblem } from '../ui/mfa-pages.ts'
import type { PageContext } from '../ui/show.ts'

const problems: Readonly<Record<string, FactorProblem>> = {
  totp_used: 'used',
  totp_enrolment_invalid: 'expired',
  passkey_challenge_invalid: 'expired',
}

export function factorProblem({ reason, retry_after }: Refusal): {
  readonly problem: FactorProblem
  readonly context: PageContext
} {
  if (retry_after === undefined) return { problem: problems[reason] ?? 'wrong', context: { status: 400 } }
  return {
    problem: { waitMinutes: Math.ceil(retry_after / 60) },
    context: { status: 429, headers: { 'retry-after': String(retry_after) } },
  }
}
