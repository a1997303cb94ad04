/** Finds the request that is pending while a user signs up, or else the account page. */

import { type Ok, ok, refuse } from '@tessera/protocol/result'
import { mayUseProvider } from '../../identity/provider-access.ts'
import { localProvider } from '../../model/user.ts'
import type { Clock } from '../../runtime/ports.ts'
import { notOpened, type PageRequest } from '../flow/browser-request.ts'
import type { Continuation } from '../flow/continuation.ts'
import type { NotOpened } from '../flow/open-continuation.ts'
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

/** Returns a continuation that leads to the account page. */
export const toAccount = (clock: Clock): Continuation => ({
  kind: 'account',
  to: '/account',
  asked_at: clock.now(),
  prior_handle: null,
})

/**
 * Refuses invalid continuations and requests that are no longer valid, `local_login_disabled` if users of the client can't sign
 * in with accounts of this server, and `sign_up_not_offered` in a tenant without sign-up.
 */
export async function findWaiting(
  page: PageRequest,
  { findRequester, offered, clock }: WaitingPorts,
): Promise<Ok<Waiting> | NotOpened> {
  const sealed = page.form.get('continue')
  const opened = sealed === undefined ? ok(toAccount(clock)) : await page.openContinuation(sealed, 'sign_in')
  if (!opened.ok) return opened
  const continuation = opened.value
  const requester = await findRequester(continuation)
  if (!requester.ok) return notOpened(page, requester)
  const { client, tenant } = requester.value
  if (!mayUseProvider(client, localProvider)) {
    return notOpened(page, refuse('invalid_request', 'local_login_disabled'))
  }
  if (!offered.signUpIn(tenant)) return notOpened(page, refuse('invalid_request', 'sign_up_not_offered'))
  return ok({ continuation, requester: requester.value })
}

/**
 * Returns whether it fits into a mail. A longer one would make the link longer than mail programs accept; the user then
 * continues on the page that is still open.
 */
export const fitsIntoMail = (continuation: Continuation): boolean =>
  JSON.stringify(continuation).length < 1000
