/** What waits while someone signs up: the request that led here, or the account page. */

import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Clock } from '../../core/runtime.ts'
import { localProvider } from '../../core/user.ts'
import { mayUseProvider } from '../../identity/sign-in.ts'
import type { Continuation, Continuations } from '../../interaction/continuation.ts'
import type { FindRequester, Requester } from '../../interaction/requester.ts'

export type Waiting = {
  readonly continuation: Continuation
  readonly requester: Requester
}

export type WaitingPorts = {
  readonly continuations: Continuations
  readonly findRequester: FindRequester
  readonly offered: { readonly signUpIn: (tenant: string | undefined) => boolean }
  readonly clock: Clock
}

/**
 * Refuses `continuation_invalid`, what no longer holds, `local_login_disabled` for a client that has no use for accounts
 * that are kept here, and `sign_up_not_offered` in a tenant where nobody signs up.
 */
export async function waitingFor(
  form: Parameters,
  { continuations, findRequester, offered, clock }: WaitingPorts,
): Promise<Result<Waiting>> {
  const sealed = form.get('continue')
  const continuation: Continuation | undefined =
    sealed === undefined
      ? { kind: 'account', to: '/account', asked_at: clock.now(), prior_handle: null }
      : continuations.open(sealed)
  if (!continuation) return refuse('invalid_request', 'continuation_invalid')
  const requester = await findRequester(continuation)
  if (!requester.ok) return requester
  if (!mayUseProvider(requester.value.client, localProvider))
    return refuse('invalid_request', 'local_login_disabled')
  if (!offered.signUpIn(requester.value.tenant)) return refuse('invalid_request', 'sign_up_not_offered')
  return ok({ continuation, requester: requester.value })
}

/** How a mail may carry it: where it would make the link longer than mail programs take, the page that waits leads on. */
export const fitsIntoMail = (continuation: Continuation): boolean =>
  JSON.stringify(continuation).length < 1000
