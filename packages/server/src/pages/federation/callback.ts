/**
 * The callback from an OpenID Connect provider (OpenID Connect Core 1.0 §3.1.2.5, RFC 9207). The state must belong to
 * this browser and this provider, and can be used once. The code is then redeemed, and the local user is determined.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { type Parameters, parseParameters } from '@tessera/protocol/parameters'
import { type Ok, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { AccessEndings } from '../../identity/access-endings.ts'
import type { Forgive } from '../../identity/attempts.ts'
import type { ResolveSubject } from '../../identity/external-identity.ts'
import type { OpenIdProvider } from '../../identity/federation/provider-discovery.ts'
import type { Upstream, UpstreamProof, UpstreamUser } from '../../identity/federation/upstream.ts'
import type {
  UpstreamAuthorization,
  UpstreamStates,
} from '../../identity/federation/upstream-authorization-request.ts'
import type { StoreUpstreamSession } from '../../identity/federation/upstream-session.ts'
import { readForm } from '../../messages/form.ts'
import { isAcr } from '../../model/mfa.ts'
import type { CheckedSubject, Profile } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { Awaitable } from '../../runtime/ports.ts'
import type { BrowserBinding } from '../flow/browser-cookies.ts'
import { type BrowserRequest, type BrowserRequests, notOpened } from '../flow/browser-request.ts'
import type { ConcludeSignIn } from '../flow/conclude-sign-in.ts'
import type { Continuation } from '../flow/continuation.ts'
import type { NotOpened } from '../flow/open-continuation.ts'
import type { FindRequester } from '../flow/requester.ts'
import { identityOf, type LinkPorts, linkIdentity } from './link.ts'
import { createProblemPage, linkAfterRefusal, type ProblemPorts, type UpstreamPage } from './problem.ts'
import { isRecentEnough, requestParametersOf, signInTimesOf } from './upstream-parameters.ts'

type FederationCallbackPorts = ProblemPorts &
  LinkPorts & {
    readonly browserRequests: BrowserRequests
    readonly findRequester: FindRequester
    readonly upstream: Upstream
    readonly upstreamStates: Pick<UpstreamStates, 'proofOf'>
    readonly redeemUpstreamRequest: UpstreamAuthorization['redeemUpstreamRequest']
    readonly browserBinding: BrowserBinding
    readonly resolveSubject: ResolveSubject
    readonly storeUpstreamSession: StoreUpstreamSession
    readonly accessEndings: Pick<AccessEndings, 'latest'>
    readonly profile: Pick<Profile, 'isActive'>
    readonly concludeSignIn: ConcludeSignIn
    /** Returns the path that the provider redirects browsers to. */
    readonly callbackPathOf: (provider: string) => string
  }

type Expected = {
  readonly proof: UpstreamProof
  readonly continuation: Continuation
  readonly linking_sid?: string
  readonly sent_at: Seconds
  readonly forgive: Forgive
}

const limits = {
  state: [64, 'invalid_request'],
  code: [8192, 'invalid_request'],
  iss: [2048, 'invalid_request'],
  error: [256, 'invalid_request'],
  error_description: [4096],
} as const

/** `GET` and `POST /federation/callback/NAME`. */
export function createFederationCallbackEndpoint(
  provider: OpenIdProvider,
  ports: FederationCallbackPorts,
): Endpoint {
  const { clock } = ports
  const showProblem = createProblemPage(ports)

  return async request => {
    const page = ports.browserRequests.open('federation', request)
    const read = page.posted ? readForm(request, limits) : parseParameters(request.query, limits)
    if (!read.ok) return page.refuse(read)
    const response = responseOf(read.value)
    // Browsers don't send our SameSite=Lax cookies with a form post from the provider's page. Redirect, because they
    // send them with the GET.
    if (page.posted) return page.redirect(`${ports.callbackPathOf(provider.name)}?${response}`)
    const expected = await takeExpected(page, response)
    if (!expected.ok) return expected.respond()
    const { proof, continuation, linking_sid, sent_at, forgive } = expected.value
    const requester = await ports.findRequester(continuation)
    // If the request is no longer valid, its original endpoint shows the error.
    if (!requester.ok) {
      await forgive()
      return page.resume(continuation)
    }
    const signIn = { ...page, continuation, requester: requester.value }
    const user = await ports.upstream.complete(provider, response, proof)
    // Otherwise a stranger could make this server send the provider any number of invented codes.
    if (user.ok || !sentInVain.has(user.reason)) await forgive()
    if (!user.ok) return fail(signIn, user, linking_sid)
    if (linking_sid !== undefined) return link(page, user.value, linking_sid)
    const subject = await subjectOf(signIn, user.value, sent_at)
    if (!subject.ok) return fail(signIn, subject)
    const { tenant, client, requested_acr } = requester.value
    return ports.concludeSignIn(request, {
      subject: subject.value,
      tenant,
      client,
      requested_acr,
      continuation,
    })
  }

  /**
   * Redeems the authorization request with which this browser was sent to the provider. It can't be used again, even if
   * the sign-in fails.
   */
  async function takeExpected(
    page: BrowserRequest,
    response: URLSearchParams,
  ): Promise<Ok<Expected> | NotOpened> {
    const { request } = page
    const invalid = (reason: string) => notOpened(page, refuse('invalid_request', reason))
    const proof = ports.upstreamStates.proofOf(response.get('state') ?? undefined)
    if (!proof) return invalid('upstream_state_malformed')
    const binding = ports.browserBinding.read(request)
    if (!binding) return invalid('upstream_browser_unknown')
    const sent = await ports.redeemUpstreamRequest(proof.state, binding, networkOf(request))
    if (!sent) return invalid('upstream_state_unknown')
    const { forgive } = sent
    // RFC 9700 §4.4: reject a response from a provider other than the one that the request was sent to.
    if (sent.provider !== provider.name) {
      await forgive()
      return invalid('upstream_mixed_up')
    }
    const opened = await page.openContinuation(sent.continuation, 'sign_in')
    if (opened.ok) return ok({ ...sent, proof, continuation: opened.value })
    await forgive()
    return opened
  }

  /**
   * Responds to a sign-in that failed. A user who refused at the provider continues with another option, or returns to
   * the client if it is trusted. Otherwise a page explains the problem.
   */
  function fail(page: UpstreamPage, refusal: Refusal, linking_sid?: string): Awaitable<HttpResponse> {
    if (linking_sid !== undefined) return failLink(page, refusal)
    const isRefused = refusal.reason === 'upstream_access_denied'
    const location = isRefused ? linkAfterRefusal(page, ports) : undefined
    if (location === undefined) return showProblem(page, refusal, provider)
    page.logRefusal(refusal)
    return page.redirect(location)
  }

  async function link(page: BrowserRequest, user: UpstreamUser, linking_sid: string): Promise<HttpResponse> {
    const linked = await linkIdentity(page, identityOf(provider, user), linking_sid, ports)
    return linked.ok ? page.redirect(page.link('/account/connections')) : failLink(page, linked)
  }

  function failLink(page: BrowserRequest, refusal: Refusal): Promise<HttpResponse> {
    page.logRefusal(refusal, { provider: provider.name })
    const taken = refusal.reason === 'identity_linked_elsewhere'
    return ports.pages.federationProblem(
      page.request,
      {
        provider: provider.display_name ?? provider.name,
        kind: taken ? 'taken' : 'failed',
        back: page.link('/account/connections'),
      },
      { status: taken ? 409 : 502 },
    )
  }

  async function subjectOf(
    { request, continuation, requester }: UpstreamPage,
    user: UpstreamUser,
    askedAt: Seconds,
  ): Promise<Result<CheckedSubject>> {
    const { claims, amr, acr } = user
    const { name } = provider
    if (!isRecentEnough(user, requestParametersOf(requester, continuation), continuation)) {
      return refuse('server_error', 'upstream_sign_in_too_old', { log: { provider: name } })
    }
    const identity = identityOf(provider, user)
    const local = await ports.resolveSubject(identity, requester.tenant)
    if (!local.ok) return local
    const { sub, record, linked } = local.value
    const ending = record?.epoch === undefined ? await ports.accessEndings.latest(sub) : undefined
    if (linked) ports.notifyOwner(request, sub, 'identity_linked')
    const subject: CheckedSubject = {
      sub,
      idp: name,
      amr,
      claims,
      ...(record?.tenant !== undefined && { tenant: record.tenant }),
      ...(record?.epoch !== undefined && { epoch: record.epoch }),
      ...(ending !== undefined && { ending }),
      // A provider must not assert an authentication context class that this server defines.
      ...(acr !== undefined && !isAcr(acr) && { acr }),
      ...signInTimesOf(user, clock.now()),
    }
    const client_id = requester.client?.client_id
    if (!(await ports.profile.isActive({ subject, client_id }))) {
      return refuse('access_denied', 'user_inactive', { log: { provider: name, sub } })
    }
    const upstream = await ports.storeUpstreamSession(identity, user, sub, askedAt)
    return upstream.ok ? ok({ ...subject, upstream: upstream.value }) : upstream
  }
}

/** Reasons for which a request to the provider's token endpoint had no use. */
const sentInVain: ReadonlySet<string> = new Set(['upstream_refused_code', 'upstream_answer_invalid'])

/** Returns the parameters of a response of the code flow. */
const responseOf = (parameters: Parameters): URLSearchParams =>
  new URLSearchParams(
    ['state', 'code', 'iss', 'error', 'error_description'].flatMap(name => {
      const value = parameters.get(name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
