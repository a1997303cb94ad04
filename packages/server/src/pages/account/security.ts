/** The page of the user's second factors and passkeys: what there is, adding, renaming and removing. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Refusal, refuse } from '@tessera/protocol/result'
import { type Factors, type FindFactors, hasFactor } from '../../identity/factors.ts'
import type { PolicyFor } from '../../identity/mfa-policy.ts'
import { mostPasskeys } from '../../identity/passkeys.ts'
import type { RecoveryCodeBook } from '../../identity/recovery-codes.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import { type FactorMethod, factorMethods, raised } from '../../model/mfa.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Users } from '../../model/user.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { AccountVisit, EnterAccount } from '../flow/account-session.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import type { Csrf } from '../flow/csrf.ts'
import type { Enrolling, FactorEnrolment } from '../flow/enrol-factor.ts'
import { factorProblem } from '../flow/factor-problem.ts'
import { readPage } from '../flow/page-form.ts'
import type { Paths } from '../flow/page-paths.ts'
import { createPageRefuser, logRefusal } from '../flow/refused-page.ts'
import type { TellOwner } from '../flow/security-notification.ts'
import { userName } from '../flow/view-model.ts'
import type { Pages } from '../ui/pages.ts'

export type SecurityPorts = {
  readonly enterAccount: EnterAccount
  readonly findFactors: FindFactors
  readonly policyFor: PolicyFor
  readonly factorEnrolment: FactorEnrolment
  readonly recoveryCodeBook: RecoveryCodeBook
  readonly sessions: BrowserSessions
  readonly stores: Pick<Stores, 'secondFactors' | 'passkeys'>
  readonly users: Pick<Users, 'find'>
  readonly tellOwner: TellOwner
  readonly csrf: Csrf
  readonly pages: Pages
  readonly paths: Paths
  readonly clock: Clock
  readonly log: Log
}

type Visit = AccountVisit & { readonly request: HttpRequest; readonly factors: Factors }

/**
 * `GET /account/security`, with `add=totp` or `add=passkey` the page to set one up; `POST` with `button`: `enrol`,
 * `passkey_enrol`, `rename`, `remove` or `codes`. Changes ask for a sign-in of late, with a second factor where there is one.
 */
export function createSecurityEndpoint(ports: SecurityPorts): Endpoint {
  const refusePage = createPageRefuser('account', ports)
  const here = ports.paths('/account/security')

  return async request => {
    const posted = request.method === 'POST'
    const form = readPage(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const adding = form.value.get('add')
    const visit = await ports.enterAccount(request, 'security', { strict: posted || adding !== undefined })
    if (!visit.ok) return visit.response
    const at = { ...visit, request, factors: await ports.findFactors(visit.session.sub) }
    if (posted) return change(at, form.value)
    const method = (await addable(at)).find(one => one === adding)
    return method === undefined ? show(at) : showEnrolment(at, method)
  }

  async function change(visit: Visit, form: Parameters): Promise<HttpResponse> {
    const { request } = visit
    switch (form.get('button')) {
      case 'enrol':
        return enrol(visit, 'totp', form)
      case 'passkey_enrol':
        return enrol(visit, 'passkey', form)
      case 'rename':
        return rename(visit, form)
      case 'remove':
        return remove(visit, form)
      case 'codes':
        return hasFactor(visit.factors, factorMethods) ? renewCodes(visit) : back(request)
      case 'cancel':
        return back(request)
      default:
        return refusePage(request, refuse('invalid_request', 'button_unknown'))
    }
  }

  function back(request: HttpRequest, cookie?: string): HttpResponse {
    return redirectResponse(request, here, [cookie])
  }

  async function enrol(visit: Visit, method: FactorMethod, form: Parameters): Promise<HttpResponse> {
    const { request, session } = visit
    if (!(await addable(visit)).includes(method)) return back(request)
    const enrolled = await ports.factorEnrolment.finish(request, await enrolling(visit), method, form)
    if (!enrolled.ok) {
      logRefusal(ports.log, 'account', request, enrolled)
      return showEnrolment(visit, method, { refusal: enrolled, form })
    }
    // It was shown to work: the session has proven it too.
    const stepped = await ports.sessions.stepUp(session, raised(session, enrolled.value))
    const { recoveryCodes } = enrolled.value
    if (!recoveryCodes) return back(request, stepped?.cookie)
    return ports.pages.mfa.recoveryCodes(
      request,
      { codes: recoveryCodes, href: here },
      { cookies: [stepped?.cookie] },
    )
  }

  async function rename({ request, session }: Visit, form: Parameters): Promise<HttpResponse> {
    const name = form.get('name')?.trim() ?? ''
    await ports.stores.passkeys.rename(session.sub, form.get('id') ?? '', name)
    return back(request)
  }

  async function remove(visit: Visit, form: Parameters): Promise<HttpResponse> {
    const { request, session } = visit
    const { sub } = session
    const factor = factorOf(form)
    if (!factor) return refusePage(request, refuse('invalid_request', 'factor_not_named'))
    const { mode, methods } = await ports.policyFor(session)
    const removed = await ports.stores.secondFactors.remove(sub, factor, mode === 'required' ? methods : [])
    if (removed === 'last') {
      logRefusal(
        ports.log,
        'account',
        request,
        refuse('access_denied', 'last_factor_required', { log: { sub } }),
      )
      return show(visit, 'lastFactor')
    }
    if (removed === 'removed') {
      ports.log.info('second_factor_removed', { request_id: request.id, sub, method: factor.method })
      ports.tellOwner(request, sub, `${factor.method}_removed`)
    }
    return back(request)
  }

  async function renewCodes({ request, session }: Visit): Promise<HttpResponse> {
    const codes = await ports.recoveryCodeBook.make(session.sub)
    ports.log.info('recovery_codes_made', { request_id: request.id, sub: session.sub })
    ports.tellOwner(request, session.sub, 'recovery_codes_made')
    return ports.pages.mfa.recoveryCodes(request, { codes, href: here })
  }

  /** What the user may add: an app, once, and passkeys up to a number. */
  async function addable({ session, factors }: Visit): Promise<readonly FactorMethod[]> {
    const { mode, methods } = await ports.policyFor(session)
    if (mode === 'off') return []
    const most = { totp: 1, passkey: mostPasskeys }
    return methods.filter(method => factors[method].length < most[method])
  }

  async function enrolling({ session }: Visit): Promise<Enrolling> {
    return { sub: session.sub, username: await userName(session, ports.users) }
  }

  async function showEnrolment(
    visit: Visit,
    method: FactorMethod,
    failed?: { readonly refusal: Refusal; readonly form: Parameters },
  ): Promise<HttpResponse> {
    const { request, csrf, frame } = visit
    const page = { browser: csrf, form: failed?.form }
    const begun = await ports.factorEnrolment.begin(await enrolling(visit), method, page)
    const problem = failed && factorProblem(failed.refusal)
    return ports.pages.mfa.enrolment(
      request,
      {
        ...{ form: { action: here, csrf }, method, required: false, others: [], ...begun },
        ...(problem && { problem: problem.problem }),
      },
      { ...frame, ...problem?.context },
    )
  }

  async function show(visit: Visit, problem?: 'lastFactor'): Promise<HttpResponse> {
    const { request, factors, csrf, frame } = visit
    const now = ports.clock.now()
    const [app] = factors.totp
    return ports.pages.account.security(
      request,
      {
        form: { action: here, csrf },
        ...(app && { app: { addedAgo: now - app.created_at } }),
        passkeys: factors.passkey.map(({ id, name, created_at, last_used_at }) => ({
          ...{ id, name },
          ...(last_used_at === undefined ? { addedAgo: now - created_at } : { usedAgo: now - last_used_at }),
        })),
        recoveryCodes: factors.recoveryCodes,
        adding: (await addable(visit)).map(method => ({ method, href: `${here}?add=${method}` })),
        ...(problem && { problem }),
      },
      { ...frame, ...(problem && { status: 400 }) },
    )
  }
}

/** What a form means to remove: a passkey by its `id`, or the app by its name; one field less never means the other. */
function factorOf(form: Parameters) {
  const id = form.get('id')
  if (id !== undefined) return { method: 'passkey', id } as const
  return form.get('method') === 'totp' ? ({ method: 'totp' } as const) : undefined
}
