/** What a page says of a second factor that was refused. */

import type { Refusal } from '@tessera/protocol/result'
import type { FactorProblem } from '../ui/mfa-pages.ts'
import type { PageContext } from '../ui/render.ts'
import { tooMany } from './form-problem.ts'

const problems: Readonly<Record<string, FactorProblem>> = {
  totp_used: 'used',
  totp_enrolment_invalid: 'expired',
  passkey_challenge_invalid: 'expired',
}

export function factorProblem({ reason, retry_after }: Refusal): {
  readonly problem: FactorProblem
  readonly context: PageContext
} {
  return retry_after === undefined
    ? { problem: problems[reason] ?? 'wrong', context: { status: 400 } }
    : tooMany(retry_after)
}
