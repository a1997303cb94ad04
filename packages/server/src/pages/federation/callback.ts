/**
 * Takes a browser back from an OpenID Connect provider (OpenID Connect Core 1.0 §3.1.2.5, RFC 9207): its state is of this
 * browser, of this provider and of one use; then the code is redeemed, and the user here is found.
 */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type Parameters, parseParameters } from '@tessera/protocol/parameters'
import { type Ok, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { ResolveSubject } from '../../identity/external-identity.ts'
import type { OpenIdProvider } from '../../identity/federation/provider-discovery.ts'
import type { Upstream, UpstreamProof, UpstreamUser } from '../../identity/federation/upstream.ts'
import type {
  UpstreamAuthorization,
  UpstreamStates,
} from '../../identity/federation/upstream-authorization-request.ts'
import type { StoreUpstreamSession } from '../../identity/federation/upstream-session.ts'
import { readForm } from '../../messages/form.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Clients } from '../../model/client.ts'
import { isAcr } from '../../model/mfa.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Profile, Subject } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { BrowserMark } from '../flow/browser-mark.ts'
import type { ConcludeSignIn } from '../flow/conclude-sign-in.ts'
import type { Continuation } from '../flow/continuation.ts'
import { createContinuationOpener, type NotOpened } from '../flow/open-continuation.ts'
import { createPageRefuser, logRefusal } from '../flow/refused-page.ts'
import type { FindRequester, Requester } from '../flow/requester.ts'
import { identityOf, type LinkPorts, linkIdentity } from './link.ts'
import { createProblemPage, type ProblemPorts, wayOut } from './problem.ts'
import { authTimeOf, isNewEnough, requestParametersOf } from './upstream-parameters.ts'

export type FederationCallbackPorts = ProblemPorts &
  LinkPorts & {
    readonly findRequester: FindRequester
    readonly clients: Pick<Clients, 'find'>
    readonly upstream: Upstream
    readonly upstreamStates: Pick<UpstreamStates, 'proofOf'>
    readonly redeemUpstreamRequest: UpstreamAuthorization['redeemUpstreamRequest']
    readonly browserMark: BrowserMark
    readonly resolveSubject: ResolveSubject
    readonly storeUpstreamSession: StoreUpstreamSession
    readonly profile: Pick<Profile, 'isActive'>
    readonly concludeSignIn: ConcludeSignIn
    readonly stores: Pick<Stores, 'identityLinks'>
    readonly clock: Clock
    /** Where the provider sends browsers back to, as a path. */
    readonly callbackPathOf: (provider: string) => string
  }

type Expected = {
  readonly proof: UpstreamProof
  readonly continuation: Continuation
  readonly linking_sid?: string
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
  const refusePage = createPageRefuser('federation', ports)
  const openContinuation = createContinuationOpener('federation', 'sign_in', ports)
  const problem = createProblemPage(ports)

  return async request => {
    const posted = request.method === 'POST'
    const read = posted ? readForm(request, limits) : parseParameters(request.query, limits)
    if (!read.ok) return refusePage(request, read)
    const answer = answerOf(read.value)
    // A provider's form post comes without our SameSite=Lax cookies; the GET that follows brings them.
    if (posted) return redirectResponse(request, `${ports.callbackPathOf(provider.name)}?${answer}`)
    const expected = await takeExpected(request, answer)
    if (!expected.ok) return expected.respond ? expected.respond() : refusePage(request, expected)
    const { proof, continuation, linking_sid } = expected.value
    const requester = await ports.findRequester(continuation)
    // What no longer holds is told by the endpoint that the request came from.
    if (!requester.ok) return redirectResponse(request, ports.resume(continuation))
    const user = await ports.upstream.complete(provider, answer, proof)
    if (!user.ok) return fail(request, user, continuation, requester.value, linking_sid)
    if (linking_sid !== undefined) return link(request, user.value, linking_sid)
    const subject = await subjectOf(request, user.value, continuation, requester.value)
    if (!subject.ok) return fail(request, subject, continuation, requester.value)
    const { tenant, client, requested_acr } = requester.value
    return ports.concludeSignIn(request, {
      subject: subject.value,
      tenant,
      client,
      requested_acr,
      continuation,
    })
  }

  /** What this browser was sent with; used up from here on, whatever comes of it. */
  async function takeExpected(
    request: HttpRequest,
    answer: URLSearchParams,
  ): Promise<Ok<Expected> | (Refusal & Partial<NotOpened>)> {
    const proof = ports.upstreamStates.proofOf(answer.get('state') ?? undefined)
    if (!proof) return invalid('upstream_state_malformed')
    const mark = ports.browserMark.read(request)
    if (!mark) return invalid('upstream_browser_unknown')
    const sent = await ports.redeemUpstreamRequest(proof.state, mark, networkOf(request))
    if (!sent) return invalid('upstream_state_unknown')
    // RFC 9700 §4.4: what one provider was asked for is not taken from another.
    if (sent.provider !== provider.name) return invalid('upstream_mixed_up')
    const opened = await openContinuation(request, sent.continuation)
    const { linking_sid } = sent
    return opened.ok
      ? ok({ proof, continuation: opened.value, ...(linking_sid !== undefined && { linking_sid }) })
      : opened
  }

  /** Who refused there goes another way, if there is one, or back to a client that is vouched for; else a page tells of it. */
  function fail(
    request: HttpRequest,
    refusal: Refusal,
    continuation: Continuation,
    requester: Requester,
    linking?: string,
  ): HttpResponse | Promise<HttpResponse> {
    if (linking !== undefined) return failLink(request, refusal)
    const isRefused = refusal.reason === 'upstream_access_denied'
    const way = isRefused ? wayOut(request, continuation, requester, ports) : undefined
    if (way !== undefined) {
      logRefusal(ports.log, 'federation', request, refusal)
      return redirectResponse(request, way)
    }
    return problem(request, refusal, provider, continuation, requester)
  }

  async function link(request: HttpRequest, user: UpstreamUser, asking: string): Promise<HttpResponse> {
    const linked = await linkIdentity(request, identityOf(provider, user), asking, ports)
    return linked.ok
      ? redirectResponse(request, ports.paths('/account/connections'))
      : failLink(request, linked)
  }

  function failLink(request: HttpRequest, refusal: Refusal): Promise<HttpResponse> {
    logRefusal(ports.log, 'federation', request, {
      ...refusal,
      log: { provider: provider.name, ...refusal.log },
    })
    const taken = refusal.reason === 'identity_linked_elsewhere'
    return ports.pages.federationProblem(
      request,
      {
        provider: provider.display_name ?? provider.name,
        kind: taken ? 'taken' : 'failed',
        back: ports.paths('/account/connections'),
      },
      { status: taken ? 409 : 502 },
    )
  }

  async function subjectOf(
    request: HttpRequest,
    user: UpstreamUser,
    continuation: Continuation,
    requester: Requester,
  ): Promise<Result<Subject>> {
    const { claims, amr, acr } = user
    const { name } = provider
    if (!isNewEnough(user, requestParametersOf(requester, continuation), continuation)) {
      return refuse('server_error', 'upstream_sign_in_too_old', { log: { provider: name } })
    }
    const identity = identityOf(provider, user)
    const local = await ports.resolveSubject(identity, requester.tenant)
    if (!local.ok) return local
    const { sub, record, linked } = local.value
    if (linked) ports.tellOwner(request, sub, 'identity_linked')
    const subject: Subject = {
      ...{ sub, idp: name, amr, claims },
      ...(record?.tenant !== undefined && { tenant: record.tenant }),
      ...(record?.epoch !== undefined && { epoch: record.epoch }),
      // What this server's own classes mean is not for others to say.
      ...(acr !== undefined && !isAcr(acr) && { acr }),
      auth_time: authTimeOf(user, clock),
    }
    const client_id = requester.client?.client_id
    if (!(await ports.profile.isActive({ subject, ...(client_id !== undefined && { client_id }) }))) {
      return refuse('access_denied', 'user_inactive', { log: { provider: name, sub } })
    }
    const upstream = await ports.storeUpstreamSession(identity, user)
    return ok({ ...subject, ...(upstream !== undefined && { upstream }) })
  }
}

/** Only what the code flow knows. */
const answerOf = (parameters: Parameters): URLSearchParams =>
  new URLSearchParams(
    ['state', 'code', 'iss', 'error', 'error_description'].flatMap(name => {
      const value = parameters.get(name)
      return value === undefined ? [] : [[name, value]]
    }),
  )

const invalid = (reason: string): Refusal => refuse('invalid_request', reason)
