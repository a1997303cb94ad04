/** The page of the user's second factors and passkeys: lists, adds, renames and removes them. */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Refusal, refuse } from '@tessera/protocol/result'
import { type Factors, type FindFactors, hasFactor } from '../../identity/factors.ts'
import type { PolicyFor } from '../../identity/mfa-policy.ts'
import { mostPasskeys } from '../../identity/passkeys.ts'
import type { RecoveryCodeBook } from '../../identity/recovery-codes.ts'
import type { Events } from '../../model/events.ts'
import { type FactorMethod, factorMethods, raised } from '../../model/mfa.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Users } from '../../model/user.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import type { Enrolling, FactorEnrolment } from '../flow/enrol-factor.ts'
import { factorProblem } from '../flow/form-problem.ts'
import type { NotifyOwner } from '../flow/security-notification.ts'
import { userName } from '../flow/view-model.ts'
import type { AccountPage, AccountPagePorts } from './account-page.ts'

type SecurityPorts = AccountPagePorts & {
  readonly findFactors: FindFactors
  readonly policyFor: PolicyFor
  readonly factorEnrolment: FactorEnrolment
  readonly recoveryCodeBook: RecoveryCodeBook
  readonly sessions: Pick<BrowserSessions, 'stepUp'>
  readonly stores: Pick<Stores, 'secondFactors' | 'passkeys'>
  readonly users: Pick<Users, 'find'>
  readonly notifyOwner: NotifyOwner
  readonly clock: Clock
  readonly log: Log
  readonly events: Pick<Events, 'emit'>
}

type SecurityPage = AccountPage & { readonly factors: Factors }

const path = '/account/security'

/**
 * `GET /account/security`, with `add=totp` or `add=passkey` for the page to set one up; `POST` with `button`: `enrol`,
 * `passkey_enrol`, `rename`, `remove` or `codes`. Changes require a recent sign-in, with a second factor if the user
 * has one.
 */
export function createSecurityEndpoint(ports: SecurityPorts): Endpoint {
  return ports.browserRequests.page('account', async opened => {
    const { posted, form } = opened
    const adding = form.get('add')
    const required = await ports.requireAccountSession(opened, 'security', {
      strict: posted || adding !== undefined,
    })
    if (!required.ok) return required.respond()
    const factors = await ports.findFactors(required.session.sub)
    const page = { ...opened, ...required, factors }
    if (posted) return change(page, form)
    const method = (await addable(page)).find(one => one === adding)
    return method === undefined ? show(page) : showEnrolment(page, method)
  })

  async function change(page: SecurityPage, form: Parameters): Promise<HttpResponse> {
    switch (form.get('button')) {
      case 'enrol':
        return enrol(page, 'totp', form)
      case 'passkey_enrol':
        return enrol(page, 'passkey', form)
      case 'rename':
        return rename(page, form)
      case 'remove':
        return remove(page, form)
      case 'codes':
        return hasFactor(page.factors, factorMethods) ? renewCodes(page) : back(page)
      case 'cancel':
        return back(page)
      default:
        return page.refuse(refuse('invalid_request', 'button_unknown'))
    }
  }

  function back({ redirect, link }: SecurityPage, cookie?: string): HttpResponse {
    return redirect(link(path), [cookie])
  }

  async function enrol(page: SecurityPage, method: FactorMethod, form: Parameters): Promise<HttpResponse> {
    const { request, session } = page
    if (!(await addable(page)).includes(method)) return back(page)
    const enrolled = await ports.factorEnrolment.finish(request, await enrolling(page), method, form)
    if (!enrolled.ok) {
      page.logRefusal(enrolled)
      return showEnrolment(page, method, { refusal: enrolled, form })
    }
    // Setting up a factor also proves it, so the session is raised.
    const stepped = await ports.sessions.stepUp(session, raised(session, enrolled.value))
    const { recoveryCodes: codes } = enrolled.value
    if (!codes) return back(page, stepped?.cookie)
    return ports.pages.mfa.recoveryCodes(
      request,
      { codes, href: page.link(path) },
      { cookies: [stepped?.cookie] },
    )
  }

  async function rename(page: SecurityPage, form: Parameters): Promise<HttpResponse> {
    const name = form.get('name')?.trim() ?? ''
    await ports.stores.passkeys.rename(page.session.sub, form.get('id') ?? '', name)
    return back(page)
  }

  async function remove(page: SecurityPage, form: Parameters): Promise<HttpResponse> {
    const { request, session } = page
    const { sub } = session
    const factor = factorOf(form)
    if (!factor) return page.refuse(refuse('invalid_request', 'factor_not_named'))
    const { mode, methods } = await ports.policyFor(session)
    const removed = await ports.stores.secondFactors.remove(sub, factor, mode === 'required' ? methods : [])
    if (removed === 'last') {
      page.logRefusal(refuse('access_denied', 'last_factor_required', { log: { sub } }))
      return show(page, 'lastFactor')
    }
    if (removed === 'removed') {
      ports.log.info('second_factor_removed', { ...requestFields(request), sub, method: factor.method })
      ports.events.emit('user.factor_removed', { sub, method: factor.method })
      ports.notifyOwner(request, sub, `${factor.method}_removed`)
    }
    return back(page)
  }

  async function renewCodes({ request, session, link }: SecurityPage): Promise<HttpResponse> {
    const codes = await ports.recoveryCodeBook.create(session.sub)
    ports.log.info('recovery_codes_made', { ...requestFields(request), sub: session.sub })
    ports.notifyOwner(request, session.sub, 'recovery_codes_made')
    return ports.pages.mfa.recoveryCodes(request, { codes, href: link(path) })
  }

  /** Returns the factors that the user may add: one app, and passkeys up to a maximum. */
  async function addable({ session, factors }: SecurityPage): Promise<readonly FactorMethod[]> {
    const { mode, methods } = await ports.policyFor(session)
    if (mode === 'off') return []
    const most = { totp: 1, passkey: mostPasskeys }
    return methods.filter(method => factors[method].length < most[method])
  }

  async function enrolling({ session }: AccountPage): Promise<Enrolling> {
    return { sub: session.sub, username: await userName(session, ports.users) }
  }

  async function showEnrolment(
    page: SecurityPage,
    method: FactorMethod,
    failed?: { readonly refusal: Refusal; readonly form: Parameters },
  ): Promise<HttpResponse> {
    const who = await enrolling(page)
    const begun = await ports.factorEnrolment.begin(who, method, {
      browser: page.csrf().token,
      form: failed?.form,
    })
    const problem = failed && factorProblem(failed.refusal)
    return ports.pages.mfa.enrolment(
      page.request,
      {
        form: page.pageForm(path),
        method,
        required: false,
        others: [],
        ...begun,
        problem: problem?.problem,
      },
      { ...page.frame, ...problem?.context },
    )
  }

  async function show(page: SecurityPage, problem?: 'lastFactor'): Promise<HttpResponse> {
    const { factors, link } = page
    const now = ports.clock.now()
    const [app] = factors.totp
    return ports.pages.account.security(
      page.request,
      {
        form: page.pageForm(path),
        app: app && { addedAgo: now - app.created_at },
        passkeys: factors.passkey.map(({ id, name, created_at, last_used_at }) => ({
          id,
          name,
          ...(last_used_at === undefined ? { addedAgo: now - created_at } : { usedAgo: now - last_used_at }),
        })),
        recoveryCodes: factors.recoveryCodes,
        adding: (await addable(page)).map(method => ({ method, href: `${link(path)}?add=${method}` })),
        problem,
      },
      { ...page.frame, status: problem && 400 },
    )
  }
}

/** Returns the factor that a form removes: a passkey by its `id`, or the app by its name. A missing field never selects the other. */
function factorOf(form: Parameters) {
  const id = form.get('id')
  if (id !== undefined) return { method: 'passkey', id } as const
  return form.get('method') === 'totp' ? ({ method: 'totp' } as const) : undefined
}
