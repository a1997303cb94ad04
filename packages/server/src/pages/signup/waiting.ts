/** What waits while someone signs up: the request that led here, or the account page. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Ok, ok, type Refusal, refuse } from '@tessera/protocol/result'
import { mayUseProvider } from '../../identity/provider-access.ts'
import { localProvider } from '../../model/user.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { Continuation } from '../flow/continuation.ts'
import type { NotOpened, OpenContinuation } from '../flow/open-continuation.ts'
import type { FindRequester, Requester } from '../flow/requester.ts'

export type Waiting = {
  readonly continuation: Continuation
  readonly requester: Requester
}

export type WaitingPorts = {
  readonly findRequester: FindRequester
  readonly offered: { readonly signUpIn: (tenant: string | undefined) => boolean }
  readonly clock: Clock
}

/**
 * Refuses what `openContinuation` refuses, what no longer holds, `local_login_disabled` for a client that has no use for accounts
 * that are kept here, and `sign_up_not_offered` in a tenant where nobody signs up.
 */
export async function waitingFor(
  request: HttpRequest,
  form: Parameters,
  {
    openContinuation,
    findRequester,
    offered,
    clock,
  }: WaitingPorts & { readonly openContinuation: OpenContinuation },
): Promise<Ok<Waiting> | (Refusal & Partial<NotOpened>)> {
  const sealed = form.get('continue')
  const account: Continuation = { kind: 'account', to: '/account', asked_at: clock.now(), prior_handle: null }
  const opened = sealed === undefined ? ok(account) : await openContinuation(request, sealed)
  if (!opened.ok) return opened
  const continuation = opened.value
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
