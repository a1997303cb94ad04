/**
 * The second factor's page: it stands between a right password and a session, and raises a session that a request asks
 * more of (RFC 9470 §5). Who has no factor where one is required sets one up here.
 */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { SecondFactorNeed } from '../../identity/mfa-policy.ts'
import type { Passkeys } from '../../identity/passkeys.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Clients } from '../../model/client.ts'
import type { FactorMethod } from '../../model/mfa.ts'
import type { Users } from '../../model/user.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { Continuation, Continuations } from '../flow/continuation.ts'
import type { Csrf } from '../flow/csrf.ts'
import type { Enrolling, FactorEnrolment } from '../flow/enrol-factor.ts'
import { factorProblem } from '../flow/factor-problem.ts'
import { createContinuationOpener } from '../flow/open-continuation.ts'
import { readPage } from '../flow/page-form.ts'
import type { Paths } from '../flow/page-paths.ts'
import type { ProveFactor } from '../flow/prove-factor.ts'
import { refusedBy } from '../flow/refused-by-user.ts'
import { createPageRefuser, logRefusal } from '../flow/refused-page.ts'
import { type FindRequester, formContextOf, type Requester } from '../flow/requester.ts'
import type { Resume } from '../flow/resume.ts'
import type { LackingSecondFactor } from '../flow/second-factor.ts'
import { planSecondFactor, type SecondFactorPlan } from '../flow/second-factor-plan.ts'
import { userName } from '../flow/view-model.ts'
import type { SecondFactorMethod, SecondFactorPage } from '../ui/mfa-pages.ts'
import type { Pages } from '../ui/pages.ts'
import type { PageContext } from '../ui/render.ts'
import { type AdvancePorts, createAdvance, type Gain, type Waiting, whoWaits } from './advance.ts'

export type SecondFactorPorts = AdvancePorts & {
  readonly continuations: Continuations
  readonly clients: Pick<Clients, 'find'>
  readonly findRequester: FindRequester
  readonly lackingSecondFactor: LackingSecondFactor
  readonly proveFactor: ProveFactor
  readonly factorEnrolment: FactorEnrolment
  readonly passkeys: Passkeys
  readonly users: Pick<Users, 'find'>
  readonly csrf: Csrf
  readonly paths: Paths
  readonly resume: Resume
  readonly pages: Pages
  readonly clock: Clock
  readonly log: Log
}

/** A user at this page: who they are, what they lack, and what the page asks of them. */
type Visit = {
  readonly request: HttpRequest
  readonly continuation: Continuation
  readonly requester: Requester
  readonly waiting: Waiting
  readonly need: SecondFactorNeed
  readonly plan: SecondFactorPlan
}

type Failed = { readonly refusal: Refusal; readonly form: Parameters }

/**
 * To set up a factor, the rest of the sign-in must be as fresh as for changing anything else of the account. It counts
 * from when it took place here: a provider may have seen the user long before.
 */
const recently = 600

/** `GET` and `POST /mfa`. */
export function createSecondFactorEndpoint(ports: SecondFactorPorts): Endpoint {
  const { continuations, paths, clock } = ports
  const refusePage = createPageRefuser('mfa', ports)
  const openContinuation = createContinuationOpener('mfa', 'elsewhere', ports)
  const advance = createAdvance(ports)

  return async request => {
    const form = readPage(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const opened = await openContinuation(request, form.value.get('continue'))
    if (!opened.ok) return opened.respond()
    const continuation = opened.value
    const requester = await ports.findRequester(continuation)
    const waiting = requester.ok ? await whoWaits(request, continuation, ports) : undefined
    // Nobody waits any more: what comes next is decided where the request came from.
    if (!requester.ok || !waiting) return resume(request, continuation)
    if (request.method === 'POST' && form.value.get('button') === 'cancel') {
      return cancel(request, continuation, waiting)
    }
    const { client, requested_acr: asked } = requester.value
    const need = await ports.lackingSecondFactor(request, waiting.proven, {
      ...(client && { client }),
      asked,
    })
    const at = { request, continuation, requester: requester.value, waiting }
    // A policy or a factor changed meanwhile.
    if (!need) return advance({ ...at, gain: { amr: [], acr: '1' } })
    const plan = planSecondFactor(need, waiting.proven)
    if (plan.kind === 'enrol' && waiting.proven.created_at + recently <= clock.now()) {
      const onward = request.method === 'POST' ? { ...continuation, by_form: true as const } : continuation
      return redirectResponse(request, paths('/login', continuations.seal(onward)))
    }
    const visit = { ...at, need, plan }
    return request.method === 'POST' ? answer(visit, form.value) : show(visit, form.value)
  }

  function resume(request: HttpRequest, continuation: Continuation, cookie?: string): HttpResponse {
    return redirectResponse(request, ports.resume(continuation), [cookie])
  }

  async function cancel(
    request: HttpRequest,
    continuation: Continuation,
    waiting: Waiting,
  ): Promise<HttpResponse> {
    const ended = waiting.kind === 'pending' ? await ports.pendingSignIns.take(request) : undefined
    return resume(request, refusedBy(request, continuation, 'login', ports.csrf), ended?.cookie)
  }

  async function answer(visit: Visit, form: Parameters): Promise<HttpResponse> {
    const { request, waiting, plan, need } = visit
    const { sub } = waiting.proven
    const method = methodOf(plan, form)
    const asked = plan.kind === 'prove' ? ['verify', 'passkey'] : ['enrol', 'passkey_enrol']
    if (method === undefined || !asked.includes(form.get('button') ?? '')) {
      return refusePage(request, refuse('invalid_request', 'button_unknown'))
    }
    const outcome =
      plan.kind === 'prove'
        ? await ports.proveFactor(request, sub, method, form)
        : await ports.factorEnrolment.finish(request, await enrolling(waiting), method as FactorMethod, form)
    if (!outcome.ok) {
      const log = { client_id: visit.requester.client?.client_id, ...outcome.log }
      logRefusal(ports.log, 'mfa', request, { ...outcome, log })
      return show(visit, form, { refusal: outcome, form })
    }
    const gain: Gain = outcome.value
    const remember = plan.kind === 'prove' && form.get('remember') === 'yes' ? need.policy : undefined
    return advance({ ...visit, gain, ...(remember && { remember }) })
  }

  /** @param chosen the query or form that may name a method. */
  async function show(visit: Visit, chosen: Parameters, failed?: Failed): Promise<HttpResponse> {
    const { request, requester, plan } = visit
    const { token, cookie } = ports.csrf.token(request)
    const problem = failed && factorProblem(failed.refusal)
    const context: PageContext = {
      ...formContextOf(requester, visit.continuation, cookie),
      ...problem?.context,
    }
    const sealed = continuations.seal(visit.continuation)
    const method = methodOf(plan, chosen) ?? plan.methods[0]
    const shared = {
      form: { action: paths('/mfa'), continue: sealed, csrf: token },
      ...(problem && { problem: problem.problem }),
      others: plan.methods
        .filter(other => other !== method)
        .map(other => ({ method: other, href: `${paths('/mfa', sealed)}&method=${other}` })),
    }
    return plan.kind === 'prove'
      ? showProof(visit, method ?? 'recovery_code', shared, context, token)
      : showEnrolment(visit, method as FactorMethod, shared, context, { browser: token, form: failed?.form })
  }

  async function showProof(
    { request, waiting, need }: Visit,
    method: SecondFactorMethod,
    shared: Shared,
    context: PageContext,
    browser: string,
  ): Promise<HttpResponse> {
    const { sub } = waiting.proven
    const ceremony = method === 'passkey' ? await ports.passkeys.request({ browser, sub }) : undefined
    const rememberDays = need.policy.remember_browser_days
    return ports.pages.mfa.secondFactor(
      request,
      { ...shared, method, ...(ceremony && { ceremony }), ...(rememberDays > 0 && { rememberDays }) },
      context,
    )
  }

  async function showEnrolment(
    { request, waiting }: Visit,
    method: FactorMethod,
    shared: Shared,
    context: PageContext,
    page: { readonly browser: string; readonly form: Parameters | undefined },
  ): Promise<HttpResponse> {
    const begun = await ports.factorEnrolment.begin(await enrolling(waiting), method, page)
    return ports.pages.mfa.enrolment(request, { ...shared, method, required: true, ...begun }, context)
  }

  async function enrolling({ proven }: Waiting): Promise<Enrolling> {
    return { sub: proven.sub, username: await userName(proven, ports.users) }
  }
}

/** What both kinds of page show. */
type Shared = Pick<SecondFactorPage, 'form' | 'others' | 'problem'>

const methodOf = (plan: SecondFactorPlan, chosen: Parameters): SecondFactorMethod | undefined =>
  plan.methods.find(method => method === chosen.get('method'))
