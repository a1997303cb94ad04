/** `prompt` (OpenID Connect Core 1.0 §3.1.2.1; Initiating User Registration via OpenID Connect 1.0 §4). */

import { ok, type Result, refuse } from '@tessera/protocol/result'

const prompts = ['none', 'login', 'consent', 'select_account', 'create'] as const
export type Prompt = (typeof prompts)[number]

/** Returns the supported values. `create` requires that users can sign up. */
export const promptsOffered = ({ signUp }: { readonly signUp: boolean }): readonly Prompt[] =>
  prompts.filter(prompt => signUp || prompt !== 'create')

/** Refuses `invalid_request` for unsupported values, and for `none` or `create` combined with others. */
export function parsePrompt(
  text: string | undefined,
  offered: readonly Prompt[],
): Result<ReadonlySet<Prompt>> {
  const named = (text ?? '').split(' ').filter(value => value !== '')
  const known = offered.filter(value => named.includes(value))
  if (named.some(value => !known.some(prompt => prompt === value))) {
    return refuse('invalid_request', 'prompt_unknown', { description: 'Unsupported prompt mode' })
  }
  if (known.includes('none') && known.length > 1) {
    return refuse('invalid_request', 'prompt_none_with_others', {
      description: 'prompt=none can not be combined with other values',
    })
  }
  if (known.includes('create') && known.length > 1) {
    return refuse('invalid_request', 'prompt_create_with_others', {
      description: 'prompt=create can not be combined with other values',
    })
  }
  return ok(new Set(known))
}
