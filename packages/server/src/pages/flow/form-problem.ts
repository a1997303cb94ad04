/** The message of a form that is shown again with a problem, and the status of the response. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Refusal } from '@tessera/protocol/result'
import type { FieldProblem } from '../ui/field-pages.ts'
import type { FactorProblem } from '../ui/mfa-pages.ts'
import type { PageContext } from '../ui/render.ts'

/** Too many attempts (RFC 6585 §4): the page gives the wait in minutes, the response in seconds. */
export const tooManyAttempts = (wait: Seconds) => ({
  problem: { waitMinutes: Math.ceil(wait / 60) },
  context: { status: 429, headers: { 'retry-after': String(wait) } },
})

export type FormProblem = FieldProblem | { readonly wait: Seconds }

/** Returns the problem of a form with named fields. Undefined: it is shown for the first time. */
export function fieldProblem(problem: FormProblem | undefined): {
  readonly text?: FieldProblem
  readonly context: PageContext
} {
  if (problem === undefined) return { context: {} }
  if (typeof problem === 'object' && 'wait' in problem) {
    const { problem: text, context } = tooManyAttempts(problem.wait)
    return { text, context }
  }
  return { text: problem, context: { status: 400 } }
}

const factorProblems: Readonly<Record<string, FactorProblem>> = {
  totp_used: 'used',
  totp_enrolment_invalid: 'expired',
  passkey_challenge_invalid: 'expired',
}

/** Returns the problem of the form for a second factor. */
export function factorProblem({ reason, retry_after }: Refusal): {
  readonly problem: FactorProblem
  readonly context: PageContext
} {
  return retry_after === undefined
    ? { problem: factorProblems[reason] ?? 'wrong', context: { status: 400 } }
    : tooManyAttempts(retry_after)
}
