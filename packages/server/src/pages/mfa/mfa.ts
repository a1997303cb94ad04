/**
 * The page for the second factor. It is shown after a correct password and before the session starts, and for step-up
 * of a session if a request requires it (RFC 9470 §5). Users without a factor set one up here if one is required.
 */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { SecondFactorNeed } from '../../identity/mfa-policy.ts'
import type { Passkeys } from '../../identity/passkeys.ts'
import type { FactorMethod } from '../../model/mfa.ts'
import type { Users } from '../../model/user.ts'
import type { Clock } from '../../runtime/ports.ts'
import { isRecent } from '../../runtime/recent.ts'
import type { BrowserRequests, ContinuedPage } from '../flow/browser-request.ts'
import type { Enrolling, FactorEnrolment } from '../flow/enrol-factor.ts'
import { factorProblem } from '../flow/form-problem.ts'
import type { ProveFactor } from '../flow/prove-factor.ts'
import { type LackingSecondFactor, planSecondFactor, type SecondFactorPlan } from '../flow/second-factor.ts'
import { userName } from '../flow/view-model.ts'
import type { SecondFactorMethod, SecondFactorPage } from '../ui/mfa-pages.ts'
import type { PageContext } from '../ui/render.ts'
import { type AdvancePorts, createAdvance, findProven, type Gain, type Proven } from './advance.ts'

type SecondFactorPorts = AdvancePorts & {
  readonly browserRequests: BrowserRequests
  readonly lackingSecondFactor: LackingSecondFactor
  readonly proveFactor: ProveFactor
  readonly factorEnrolment: FactorEnrolment
  readonly passkeys: Passkeys
  readonly users: Pick<Users, 'find'>
  readonly clock: Clock
}

/** A user on this page: what they have proven, what is missing, and what the page asks for. */
type FactorPage = ContinuedPage & {
  readonly proven: Proven
  readonly need: SecondFactorNeed
  readonly plan: SecondFactorPlan
}

type Failed = { readonly refusal: Refusal; readonly form: Parameters }

/**
 * Setting up a factor requires a recent sign-in, like any sensitive change of the account. The time of the sign-in at
 * this server counts, because a provider may have authenticated the user long before.
 */
const recently = 600

/** `GET` and `POST /mfa`. */
export function createSecondFactorEndpoint(ports: SecondFactorPorts): Endpoint {
  const advance = createAdvance(ports)

  return ports.browserRequests.continuedPage('mfa', 'elsewhere', async page => {
    const { request, posted, continuation, requester, form } = page
    const proven = await findProven(page, ports)
    // The sign-in is no longer pending. The request's original endpoint decides which page is next.
    if (!proven) return page.resume(continuation)
    if (posted && form.get('button') === 'cancel') return cancel(page, proven)
    const { client, requested_acr: asked } = requester
    const need = await ports.lackingSecondFactor(request, proven.subject, { client, asked })
    // A policy or a factor changed in the meantime.
    if (!need) return advance({ page, proven, gain: { amr: [], acr: '1' } })
    const plan = planSecondFactor(need, proven.subject)
    if (plan.kind === 'enrol' && !isRecent(proven.subject.created_at, recently, ports.clock.now())) {
      return page.redirect(page.link('/login', posted ? { ...continuation, by_form: true } : continuation))
    }
    const factorPage = { ...page, proven, need, plan }
    return posted ? submit(factorPage) : show(factorPage)
  })

  async function cancel(page: ContinuedPage, { kind }: Proven): Promise<HttpResponse> {
    const ended = kind === 'pending' ? await ports.pendingSignIns.take(page.request) : undefined
    return page.resume(page.refusedByUser(page.continuation, 'login'), [ended?.cookie])
  }

  async function submit(page: FactorPage): Promise<HttpResponse> {
    const { request, form, proven, plan, need } = page
    const { sub } = proven.subject
    const method = methodOf(plan, form)
    const expected = plan.kind === 'prove' ? ['verify', 'passkey'] : ['enrol', 'passkey_enrol']
    if (method === undefined || !expected.includes(form.get('button') ?? '')) {
      return page.refuse(refuse('invalid_request', 'button_unknown'))
    }
    const outcome =
      plan.kind === 'prove'
        ? await ports.proveFactor(request, sub, method, form)
        : await ports.factorEnrolment.finish(request, await enrolling(proven), method as FactorMethod, form)
    if (!outcome.ok) {
      page.logRefusal(outcome, { client_id: page.requester.client?.client_id })
      return show(page, { refusal: outcome, form })
    }
    const gain: Gain = outcome.value
    const remember = plan.kind === 'prove' && form.get('remember') === 'yes' ? need.policy : undefined
    return advance({ page, proven, gain, remember })
  }

  async function show(page: FactorPage, failed?: Failed): Promise<HttpResponse> {
    const { requester, continuation, form, plan } = page
    const problem = failed && factorProblem(failed.refusal)
    const method = methodOf(plan, form) ?? plan.methods[0]
    const link = page.link('/mfa', continuation)
    const shared = {
      form: page.pageForm('/mfa', continuation),
      problem: problem?.problem,
      others: plan.methods
        .filter(other => other !== method)
        .map(other => ({ method: other, href: `${link}&method=${other}` })),
    }
    const context = { ...page.formContext(requester, continuation), ...problem?.context }
    return plan.kind === 'prove'
      ? showProof(page, method ?? 'recovery_code', shared, context)
      : showEnrolment(page, method as FactorMethod, shared, context, failed?.form)
  }

  async function showProof(
    { request, proven, need, csrf }: FactorPage,
    method: SecondFactorMethod,
    shared: Shared,
    context: PageContext,
  ): Promise<HttpResponse> {
    const { sub } = proven.subject
    const browser = csrf().token
    const ceremony = method === 'passkey' ? await ports.passkeys.request({ browser, sub }) : undefined
    const rememberDays = need.policy.remember_browser_days || undefined
    return ports.pages.mfa.secondFactor(request, { ...shared, method, ceremony, rememberDays }, context)
  }

  async function showEnrolment(
    { request, proven, csrf }: FactorPage,
    method: FactorMethod,
    shared: Shared,
    context: PageContext,
    form: Parameters | undefined,
  ): Promise<HttpResponse> {
    const who = await enrolling(proven)
    const begun = await ports.factorEnrolment.begin(who, method, { browser: csrf().token, form })
    return ports.pages.mfa.enrolment(request, { ...shared, method, required: true, ...begun }, context)
  }

  async function enrolling({ subject }: Proven): Promise<Enrolling> {
    return { sub: subject.sub, username: await userName(subject, ports.users) }
  }
}

/** Shared by both kinds of page. */
type Shared = Pick<SecondFactorPage, 'form' | 'others' | 'problem'>

const methodOf = (plan: SecondFactorPlan, chosen: Parameters): SecondFactorMethod | undefined =>
  plan.methods.find(method => method === chosen.get('method'))
