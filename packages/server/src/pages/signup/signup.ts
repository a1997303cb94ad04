/**
 * Making an account (OpenID Connect Initiating User Registration 1.0 leads here). Where addresses are verified first, the
 * page says the same whether an address has an account or not; the mail differs. Else users choose a name, and are told
 * when it is taken.
 */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { refuse } from '@tessera/protocol/result'
import { isEmail, isUsername } from '../../identity/accounts.ts'
import type { CountMail } from '../../identity/attempt-limits.ts'
import { doCounted } from '../../identity/attempts.ts'
import type { AccountSettings } from '../../model/account.ts'
import type { Clients } from '../../model/client.ts'
import { hashHandle, newId } from '../../model/handle.ts'
import type { Users } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { Clock, Log, Random } from '../../runtime/ports.ts'
import type { SendLetter } from '../flow/account-mail.ts'
import type { Continuation, Continuations } from '../flow/continuation.ts'
import type { Csrf } from '../flow/csrf.ts'
import { type FormProblem, fieldProblem } from '../flow/form-problem.ts'
import type { MailLinks } from '../flow/mail-link.ts'
import { createContinuationOpener } from '../flow/open-continuation.ts'
import { browserOf, readPage } from '../flow/page-form.ts'
import type { Paths } from '../flow/page-paths.ts'
import { createPageRefuser, logRefusal } from '../flow/refused-page.ts'
import { formContextOf, pageContextOf } from '../flow/requester.ts'
import type { Resume } from '../flow/resume.ts'
import type { FieldName, FieldProblem } from '../ui/field-pages.ts'
import type { Pages } from '../ui/pages.ts'
import { fitsIntoMail, type Waiting, type WaitingPorts, waitingFor } from './waiting.ts'
import type { Welcome, WelcomePorts } from './welcome.ts'
import { createWelcome } from './welcome.ts'

export type SignUpPorts = WaitingPorts &
  WelcomePorts & {
    readonly accountSettings: AccountSettings
    readonly users: Pick<Users, 'isNameTaken' | 'findByVerifiedEmail'>
    readonly countMail: CountMail
    readonly continuations: Continuations
    readonly clients: Pick<Clients, 'find'>
    readonly mailLinks: MailLinks
    readonly sendLetter: SendLetter
    readonly resume: Resume
    readonly csrf: Csrf
    readonly pages: Pages
    readonly paths: Paths
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
  }

/** `GET` and `POST /register`: `email`; or `username`, `email`, `full_name` and `new_password`. */
export function createSignUpEndpoint(ports: SignUpPorts): Endpoint {
  const { accountSettings, pages, paths } = ports
  const refusePage = createPageRefuser('signup', ports)
  const openContinuation = createContinuationOpener('signup', 'sign_in', ports)
  const welcome: Welcome = createWelcome(ports)
  const addressFirst = accountSettings.emailVerification === 'required'
  const min_length = accountSettings.passwordPolicy.min_length
  const fields: readonly FieldName[] = addressFirst
    ? ['email']
    : [
        'username',
        ...(accountSettings.emailVerification === 'optional' ? (['email'] as const) : []),
        'full_name',
        'new_password',
      ]

  return async request => {
    const posted = request.method === 'POST'
    const form = readPage(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const waiting = await waitingFor(request, form.value, { ...ports, openContinuation })
    if (!waiting.ok) return waiting.respond ? waiting.respond() : refusePage(request, waiting)
    if (!posted) return show(request, waiting.value, {})
    return addressFirst ? invite(request, waiting.value, form.value) : add(request, waiting.value, form.value)
  }

  async function invite(request: HttpRequest, waiting: Waiting, form: Parameters): Promise<HttpResponse> {
    const email = form.get('email')?.trim() ?? ''
    if (!isEmail(email)) return show(request, waiting, { email }, 'email_malformed')
    const count = await ports.countMail('sign_up', networkOf(request), email)
    if ('wait' in count) return tooOften(request, waiting, { email }, count.wait)
    const { continuation, requester } = waiting
    if (count.send)
      ports.sendLetter(
        request,
        () => invitation(email, continuation, requester.tenant, hashHandle(browserOf(form))),
        count.forgive,
      )
    const links = [{ to: 'goOn', href: ports.resume(continuation) }] as const
    return pages.notice(request, { kind: 'mailSent', links }, pageContextOf(requester))
  }

  async function invitation(
    email: string,
    continuation: Continuation,
    tenant: string | undefined,
    browser: string,
  ) {
    const taken =
      (await ports.users.findByVerifiedEmail(email, tenant)) !== undefined ||
      (await ports.users.isNameTaken(email, tenant))
    if (taken) return { to: email, kind: 'alreadyHere', path: '/account' } as const
    const link = ports.mailLinks.seal({
      ...{ kind: 'sign_up', sub: newId<string>(ports.random), email, browser },
      ...(tenant !== undefined && { tenant }),
      ...(fitsIntoMail(continuation) && { continuation }),
    })
    return { to: email, kind: 'signUp', path: '/register/complete', link } as const
  }

  async function add(request: HttpRequest, waiting: Waiting, form: Parameters): Promise<HttpResponse> {
    const { tenant } = waiting.requester
    const values = {
      username: form.get('username')?.trim() ?? '',
      email: form.get('email')?.trim() ?? '',
      full_name: form.get('full_name')?.trim() ?? '',
    }
    const again = (problem: FieldProblem) => show(request, waiting, values, problem)
    const { username, email, full_name } = values
    if (!isUsername(username)) return again('username_malformed')
    if (fields.includes('email') && !isEmail(email)) return again('email_malformed')
    const count = await ports.countMail('sign_up', networkOf(request), email || username)
    if ('wait' in count) return tooOften(request, waiting, values, count.wait)
    const newcomer = {
      ...{ username, full_name, password: form.get('new_password') ?? '', from: networkOf(request) },
      ...(fields.includes('email') && { email }),
      ...(tenant !== undefined && { tenant }),
    }
    const added = await doCounted(
      count.forgive,
      () => welcome.add(newcomer),
      () => true,
    )
    if (!added.ok) {
      await count.unsent()
      logRefusal(ports.log, 'signup', request, added.refusal)
      return again(added.problem === 'too_short' ? { min_length } : added.problem)
    }
    const { user } = added
    if (fields.includes('email') && count.send) {
      const link = ports.mailLinks.seal({ kind: 'confirm_email', sub: user.sub, email }, user)
      const letter = { to: email, kind: 'confirmEmail', path: '/email/confirm', link } as const
      ports.sendLetter(request, async () => letter, count.forgive)
    }
    return welcome.signIn(request, user, waiting)
  }

  function tooOften(
    request: HttpRequest,
    waiting: Waiting,
    values: Partial<Record<FieldName, string>>,
    wait: number,
  ): Promise<HttpResponse> {
    logRefusal(ports.log, 'signup', request, refuse('slow_down', 'mail_asked_too_often'))
    return show(request, waiting, values, { wait })
  }

  function show(
    request: HttpRequest,
    { continuation, requester }: Waiting,
    values: Partial<Record<FieldName, string>>,
    problem?: FormProblem,
  ): Promise<HttpResponse> {
    const { login_hint } = requester
    const { token, cookie } = ports.csrf.token(request)
    const sealed = ports.continuations.seal(continuation)
    const { said, context } = fieldProblem(problem)
    return pages.fields(
      request,
      {
        kind: addressFirst ? 'signUpAddress' : 'signUp',
        form: { action: paths('/register'), continue: sealed, csrf: token },
        ...{ fields, min_length },
        values: { ...(login_hint !== undefined && { [fields[0] ?? 'email']: login_hint }), ...values },
        ...said,
        links: [{ to: 'signIn', href: paths('/login', sealed) }],
      },
      // The form for an address ends on the page that says that a mail was sent.
      {
        ...(addressFirst ? pageContextOf(requester, cookie) : formContextOf(requester, continuation, cookie)),
        ...context,
      },
    )
  }
}
