/** `prompt` (OpenID Connect Core 1.0 §3.1.2.1). */

import { ok, type Result, refuse } from '@tessera/protocol/result'

export const prompts = ['none', 'login', 'consent', 'select_account'] as const
export type Prompt = (typeof prompts)[number]

/** Refuses `invalid_request` for an unknown value, and for `none` beside another. */
export function parsePrompt(text: string | undefined): Result<ReadonlySet<Prompt>> {
  const named = (text ?? '').split(' ').filter(value => value !== '')
  const known = prompts.filter(value => named.includes(value))
  if (named.some(value => !known.some(prompt => prompt === value))) {
    return refuse('invalid_request', 'prompt_unknown', { description: 'Unsupported prompt mode' })
  }
  if (known.includes('none') && known.length > 1) {
    return refuse('invalid_request', 'prompt_none_with_others', {
      description: 'prompt=none can not be combined',
    })
  }
  return ok(new Set(known))
}
