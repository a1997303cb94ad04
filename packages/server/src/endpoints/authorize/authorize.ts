/**
 * The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core 1.0 §3.1.2): read → validate → choose the next page →
 * redirect to it or respond to the client. Pages return to the callback with the sealed request.
 */

import { parseDisplay } from '@tessera/protocol/display'
import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { narrowTo } from '../../authorization-request/agreed-request.ts'
import type {
  ResponseTarget,
  ValidatedAuthorizationRequest,
} from '../../authorization-request/authorization-request.ts'
import { parseRequest, requestLimits } from '../../authorization-request/parameter-limits.ts'
import type { AuthorizationRequestResolution } from '../../authorization-request/resolution.ts'
import { serializeRequest } from '../../authorization-request/serialized-request.ts'
import type { ValidateAuthorizationRequest } from '../../authorization-request/validation.ts'
import { readForm } from '../../messages/form.ts'
import { logIgnoredParameters } from '../../messages/ignored.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Consent, Session } from '../../model/authorization.ts'
import type { Client } from '../../model/client.ts'
import { type ConsentPolicyHook, rememberedScope } from '../../model/consent.ts'
import type { CheckedHook } from '../../model/hook.ts'
import { answeredAcr } from '../../model/mfa.ts'
import type { Stores } from '../../model/ports/stores.ts'
import { asksEachTime, mayRememberConsent } from '../../model/redirect.ts'
import type { Resources } from '../../model/resource.ts'
import type { Step } from '../../model/steps.ts'
import type { Profile } from '../../model/user.ts'
import type { BrowserSessions } from '../../pages/flow/browser-session.ts'
import type { BrowserState } from '../../pages/flow/browser-state.ts'
import type { Continuations, Progress } from '../../pages/flow/continuation.ts'
import type { Csrf } from '../../pages/flow/csrf.ts'
import { type NextPrompt, nextPrompt, signedInSince } from '../../pages/flow/next-prompt.ts'
import { createContinuationOpener } from '../../pages/flow/open-continuation.ts'
import { readPageQuery } from '../../pages/flow/page-form.ts'
import type { Paths } from '../../pages/flow/page-paths.ts'
import type { LackingSecondFactor } from '../../pages/flow/second-factor.ts'
import type { Shorten } from '../../pages/flow/shorten.ts'
import { networkOf } from '../../runtime/network.ts'
import type { SubjectIdentifiers } from '../../tokens/subject-identifier.ts'
import { type IssuePorts, issueResponse } from './issue-response.ts'
import {
  createResponder,
  type Responder,
  type ResponderPorts,
  type ResponseOptions,
} from './send-response.ts'
import { mayRedirect } from './trusted-target.ts'

type AuthorizePorts = ResponderPorts &
  IssuePorts & {
    readonly resolution: Pick<AuthorizationRequestResolution, 'resolve' | 'originProblem'>
    readonly validate: ValidateAuthorizationRequest
    readonly continuations: Continuations
    readonly shorten: Shorten
    readonly sessions: BrowserSessions
    readonly csrf: Pick<Csrf, 'holds'>
    readonly browserState: BrowserState
    readonly lackingSecondFactor: LackingSecondFactor
    readonly profile: Profile
    readonly subjects: SubjectIdentifiers
    readonly stores: Pick<Stores, 'codes' | 'consents' | 'sessions' | 'authorizations' | 'commit'>
    readonly resources: Resources
    readonly consentPolicy?: CheckedHook<ConsentPolicyHook>
    readonly paths: Paths
  }

/** `GET` and `POST /connect/authorize`. */
export function createAuthorizeEndpoint(ports: AuthorizePorts): Endpoint {
  const responder = createResponder(ports)
  return async request => {
    const read = readRequest(request)
    if (!read.ok) return responder.refuse(request, read, undefined, { step: 'parse' })
    const resolved = await ports.resolution.resolve(read.value, networkOf(request))
    const page = pageOf(read.value)
    const refuseTo = createRefuseTo(request, read.value, responder, ports)
    if (!resolved.ok) return refuseTo(resolved, resolved.target, page)
    const { parameters: counting, pushed, signed, mixed } = resolved.value
    const validated = await ports.validate(counting)
    if (!validated.ok) return refuseTo(validated, validated.target, page, counting)
    const kept = serializeRequest(counting)
    if (!kept.ok) return refuseTo(kept, validated.value.target, page, counting)
    const parameters = kept.value
    const { client, hint, ignored } = validated.value
    logIgnoredParameters(ports.log, 'authorize', request, client, ignored)
    const asked_at = ports.clock.now()
    const progress = { asked_at, pushed, signed_since: signed ? asked_at : undefined, mixed, hint }
    // Browsers don't send our SameSite=Lax cookies with a form post from the client's page. Redirect, because they send
    // them with the GET.
    if (request.method === 'POST')
      return redirectToPage(
        request,
        '/connect/authorize/callback',
        validated.value.client,
        parameters,
        progress,
        ports,
      )
    return decide(request, validated.value, parameters, progress, responder, ports)
  }
}

/** `GET /connect/authorize/callback?continue=…`: the login, consent and other pages return here. */
export function createAuthorizeCallbackEndpoint(ports: AuthorizePorts): Endpoint {
  const responder = createResponder(ports)
  const openContinuation = createContinuationOpener('authorize', 'elsewhere', ports)
  return async request => {
    const query = readPageQuery(request)
    if (!query.ok) return responder.refuse(request, query, undefined, { step: 'parse' })
    const opened = await openContinuation(request, query.value.get('continue'))
    if (!opened.ok) return opened.respond()
    const continuation = opened.value
    if (continuation.kind !== 'authorization') {
      return responder.refuse(request, refuse('invalid_request', 'continuation_invalid'), undefined, {
        step: 'open',
      })
    }
    const { kind: _, parameters, ...progress } = continuation
    const read = parseRequest(parameters)
    if (!read.ok) return responder.refuse(request, read, undefined, { step: 'open' })
    const validated = await ports.validate(read.value, progress.hint)
    const refuseTo = createRefuseTo(request, read.value, responder, ports)
    if (!validated.ok) return refuseTo(validated, validated.target, pageOf(read.value))
    const { client, target } = validated.value
    // The configuration may have changed since the request began.
    const refusal = progress.restarted && ports.resolution.originProblem(client, progress)
    if (refusal) return refuseTo(refusal, target, pageOf(read.value))
    return decide(request, validated.value, parameters, progress, responder, ports)
  }
}

const readRequest = (request: HttpRequest): Result<Parameters> => {
  if (request.method !== 'POST') return parseRequest(request.query)
  return readForm(request, requestLimits)
}

/** Returns a function that refuses before the next page is known. `counting`: the effective parameters, once known. */
const createRefuseTo =
  (request: HttpRequest, sent: Parameters, responder: Responder, ports: AuthorizePorts) =>
  async (
    refusal: Refusal,
    target: ResponseTarget | undefined,
    page: ResponseOptions['page'],
    counting = sent,
  ): Promise<HttpResponse> => {
    const redirects = target && (await mayRedirect(request, target, counting.get('prompt'), ports))
    return responder.refuse(request, refusal, target, { page, redirects })
  }

async function decide(
  request: HttpRequest,
  validated: ValidatedAuthorizationRequest,
  parameters: string,
  arrived: Progress,
  responder: Responder,
  ports: AuthorizePorts,
): Promise<HttpResponse> {
  const { client, target, ui_locales, display } = validated
  const page = { ui_locales, display }
  // Nobody signs in, and nothing is issued, for a response that could not be sent.
  if (target.response_mode.isJwt) await ports.responseJwts.check(client)
  const found = await ports.sessions.read(request)
  const session = found && (await isActive(found, client.client_id, ports)) ? found : undefined
  const session_state =
    session && ports.browserState.sessionState(session, client.client_id, target.redirect_uri)
  // `login_required` must not reveal whether someone is signed in, so it contains no session state.
  const refuseTo = async (refusal: Refusal, step: Step = 'decide') =>
    responder.refuse(request, refusal, target, {
      page,
      step,
      redirects:
        ports.csrf.holds(request, arrived.refused_by) ||
        signedInSince(arrived, session) ||
        (await mayRedirect(request, target, [...validated.prompt].join(' '), ports)),
      session_state: refusal.error === 'login_required' ? undefined : session_state,
    })
  if (arrived.refused) return refuseTo(refusedByUser(arrived.refused))
  const seen =
    arrived.prior_handle === undefined ? { ...arrived, prior_handle: found?.hash ?? null } : arrived
  const earlier = session && (await ports.stores.consents.find(session.sub, client.client_id))
  const progress = withValidConsent(seen, session, earlier)
  const eachTime = asksEachTime(client, target.redirect_uri)
  const remembered =
    earlier && mayRememberConsent(client, target.redirect_uri)
      ? rememberedScope(earlier, client, ports.clock.now())
      : []
  const asksConsent = eachTime || (session && (await consentPolicyRequires(validated, session, ports)))
  const isExpected =
    session &&
    validated.expected_users.every(({ client, subs }) =>
      subs.includes(ports.subjects.subjectFor(client, session.sub)),
    )
  const asked = validated.requested_acr
  const lacks = session && (await ports.lackingSecondFactor(request, session, { client, asked }))
  const lacksSecondFactor = lacks !== undefined
  const state = { progress, session, lacksSecondFactor, asksConsent, remembered, isExpected }
  const next = nextPrompt({ request: validated, ...state })

  const settled = next === 'none' || next === 'consent'
  if (settled && !reachesEssentialAcr(validated, session)) return refuseTo(unmetAcr)
  if (next === 'none' && session) {
    const answered = { ...session, acr: answeredAcr(session, asked.values) }
    const { consented_scope } = progress
    const granted = consented_scope ? narrowTo(validated, consented_scope, ports.resources) : validated
    const issueContext = { session: answered, hasConsent: earlier !== undefined, pushed: progress.pushed }
    const issued = await issueResponse(request, granted, issueContext, ports)
    // The session or the consent ended in the meantime, so decide again without it.
    if (!issued) return decide(request, validated, parameters, progress, responder, ports)
    if (!issued.ok) return refuseTo(issued, 'commit')
    // Session Management 1.0 §2: the client's page watches this cookie for changes of the session.
    const cookies = [ports.browserState.cookieFor(request, session)]
    return responder.send(request, target, { ...issued.value, session_state }, { page, cookies })
  }
  // Only their own `prompt` values lead to these pages, and these can't be combined with `none`.
  if (next === 'create') return redirectToPage(request, '/register', client, parameters, progress, ports)
  const asksAs = { ...progress, asking_sid: session?.sid }
  if (next === 'select_account')
    return redirectToPage(request, '/select-account', client, parameters, asksAs, ports)
  const silent = validated.prompt.has('none') || next === 'other_user'
  if (silent) return refuseTo(silentRefusals[next])
  if (next === 'none' || next === 'login')
    return redirectToPage(request, '/login', client, parameters, progress, ports)
  if (next === 'second_factor') {
    return redirectToPage(
      request,
      '/mfa',
      client,
      parameters,
      { ...progress, stepping_sid: session?.sid },
      ports,
    )
  }
  return redirectToPage(request, '/consent', client, parameters, asksAs, ports)
}

/** Returns the page options of a request that was not validated. */
const pageOf = (parameters: Parameters) => ({
  ui_locales: parameters.get('ui_locales')?.split(' ') ?? [],
  display: parseDisplay(parameters.get('display')),
})

const refusedByUser = (where: NonNullable<Progress['refused']>): Refusal =>
  refuse('access_denied', `${where}_refused_by_user`, { description: 'The user refused' })

/** Removes the user's consent if it was given in another session, or has since been revoked or narrowed. */
function withValidConsent(
  progress: Progress,
  session: Session | undefined,
  current: Consent | undefined,
): Progress {
  const { consented_sid, consented_scope, ...others } = progress
  const counts =
    consented_sid === session?.sid && consented_scope?.every(name => current?.scope.includes(name))
  return counts ? progress : others
}

const consentPolicyRequires = (
  { client: { client_id }, consent_scope }: ValidatedAuthorizationRequest,
  { sub, tenant }: Session,
  { consentPolicy }: Pick<AuthorizePorts, 'consentPolicy'>,
) =>
  consentPolicy?.({ client_id, sub, ...(tenant !== undefined && { tenant }), scope: consent_scope }) ?? false

const isActive = (session: Session, client_id: string, { profile }: Pick<AuthorizePorts, 'profile'>) =>
  profile.isActive({ subject: session, client_id })

/**
 * Returns whether the session has the essential `acr`; otherwise, authentication has failed (OpenID Connect Core 1.0
 * §5.5.1.1).
 */
const reachesEssentialAcr = (
  { requested_acr: { essential, values } }: ValidatedAuthorizationRequest,
  session: Session | undefined,
): boolean => !essential || (session !== undefined && values.includes(answeredAcr(session, values)))

/** OpenID Connect Core Error Code unmet_authentication_requirements 1.0 §2. */
const unmetAcr = refuse('unmet_authentication_requirements', 'acr_not_reached', {
  description: 'The requested acr can not be satisfied',
})

/** Errors for requests with `prompt=none` (OpenID Connect Core 1.0 §3.1.2.6). */
const silentRefusals = {
  login: refuse('login_required', 'login_required'),
  second_factor: refuse('interaction_required', 'second_factor_required'),
  none: refuse('login_required', 'login_required'),
  consent: refuse('consent_required', 'consent_required'),
  other_user: refuse('login_required', 'signed_in_as_another_user', {
    description: 'Another user is signed in',
  }),
} as const satisfies Record<Exclude<NextPrompt, 'create' | 'select_account'>, Refusal>

async function redirectToPage(
  request: HttpRequest,
  path: '/login' | '/register' | '/select-account' | '/mfa' | '/consent' | '/connect/authorize/callback',
  client: Client,
  parameters: string,
  progress: Progress,
  { shorten, continuations, paths }: Pick<AuthorizePorts, 'shorten' | 'continuations' | 'paths'>,
): Promise<HttpResponse> {
  const waiting = await shorten(request, client, { ...progress, kind: 'authorization', parameters })
  return redirectResponse(request, paths(path, continuations.seal(waiting)))
}
