/** The page for a sign-in at a provider that failed: try again, sign in another way, or go back to the client. */

import type { HttpResponse } from '@tessera/protocol/http'
import type { Refusal } from '@tessera/protocol/result'
import { isTrusted } from '../../model/client.ts'
import type { IdentityProvider } from '../../model/user.ts'
import type { ContinuedPage } from '../flow/browser-request.ts'
import type { SignInOptions } from '../flow/sign-in-options.ts'
import type { Pages } from '../ui/pages.ts'

export type ProblemPorts = {
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  readonly signInOptions: SignInOptions
  readonly pages: Pages
}

/** A sign-in that waits for a provider, without the form of a page. */
export type UpstreamPage = Omit<ContinuedPage, 'form'>

type ShowProblem = (page: UpstreamPage, refusal: Refusal, provider: IdentityProvider) => Promise<HttpResponse>

/**
 * RFC 9110 §15.6.3, §15.6.4: the error is at an upstream server. For a user who may not sign in, the HTTP request
 * itself was valid.
 */
const statuses: Readonly<Record<string, number>> = {
  temporarily_unavailable: 503,
  access_denied: 403,
  slow_down: 429,
}

export const createProblemPage =
  (ports: ProblemPorts): ShowProblem =>
  (page, refusal, provider) => {
    const { continuation, requester } = page
    page.logRefusal(refusal, { client_id: requester.client?.client_id })
    const { error, retry_after } = refusal
    return ports.pages.federationProblem(
      page.request,
      {
        provider: provider.display_name ?? provider.name,
        kind: error === 'access_denied' ? 'denied' : 'failed',
        again: page.link('/federation/login', { ...continuation, idp: provider.name }),
        others: linkToOptions(page, ports),
        back: page.resumeLink(page.refusedByUser(continuation, 'login')),
      },
      {
        ...page.formContext(requester),
        status: statuses[error] ?? 502,
        headers: retry_after === undefined ? {} : { 'retry-after': String(retry_after) },
      },
    )
  }

/**
 * Returns where to send a user who refused at the provider: to the other sign-in options, or back to the client.
 * Undefined for an untrusted client: the provider may have refused without showing a page, so the user may not have
 * seen the client's name (RFC 9700 §4.11.2).
 */
export function linkAfterRefusal(page: UpstreamPage, ports: ProblemPorts): string | undefined {
  const others = linkToOptions(page, ports)
  if (others !== undefined) return others
  const { client } = page.requester
  const trusted = !client || isTrusted(client)
  return trusted ? page.resumeLink(page.refusedByUser(page.continuation, 'login')) : undefined
}

/** Returns the URL of the login page, if it offers the user a choice. */
function linkToOptions(
  { continuation, requester, link }: UpstreamPage,
  { signInOptions }: ProblemPorts,
): string | undefined {
  const { idp: _, login_hint: __, ...unchosen } = continuation
  const hasChoice = requester.idp === undefined && signInOptions.list(requester).length > 1
  return hasChoice ? link('/login', unchosen) : undefined
}
