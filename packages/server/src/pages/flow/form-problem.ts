/** What a form that is shown again says of what was wrong, and with which status. */

import type { Seconds } from '@tessera/protocol/brand'
import type { FieldProblem } from '../ui/field-pages.ts'
import type { PageContext } from '../ui/render.ts'

/** Too much was tried (RFC 6585 §4): the page says it in minutes, the answer in seconds. */
export const tooMany = (wait: Seconds) => ({
  problem: { waitMinutes: Math.ceil(wait / 60) },
  context: { status: 429, headers: { 'retry-after': String(wait) } },
})

export type FormProblem = FieldProblem | { readonly wait: Seconds }

/** Of a form of named fields; nothing where it is shown for the first time. */
export function fieldProblem(problem: FormProblem | undefined): {
  readonly said: { readonly problem?: FieldProblem }
  readonly context: PageContext
} {
  if (problem === undefined) return { said: {}, context: {} }
  if (typeof problem === 'object' && 'wait' in problem) {
    const { context, ...said } = tooMany(problem.wait)
    return { said, context }
  }
  return { said: { problem }, context: { status: 400 } }
}
