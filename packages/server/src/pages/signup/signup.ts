/**
 * The sign-up page (OpenID Connect Initiating User Registration 1.0 leads here). If addresses are verified first, the
 * page is the same whether an address has an account or not, and only the mail differs. Otherwise users choose a name,
 * and the page says if it is taken.
 */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import { isUsername } from '../../identity/accounts.ts'
import type { CountMail } from '../../identity/attempt-limits.ts'
import { doCounted } from '../../identity/attempts.ts'
import { isEmail } from '../../identity/email-address.ts'
import type { AccountSettings } from '../../model/account.ts'
import { hashHandle, newId } from '../../model/handle.ts'
import type { Users } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { Random } from '../../runtime/ports.ts'
import type { SendAccountMail } from '../flow/account-mail.ts'
import type { BrowserRequests, PageRequest } from '../flow/browser-request.ts'
import { type FormProblem, fieldProblem } from '../flow/form-problem.ts'
import type { MailLinks } from '../flow/mail-link.ts'
import { browserOf } from '../flow/page-form.ts'
import { pageContextOf } from '../flow/requester.ts'
import type { FieldName, FieldProblem } from '../ui/field-pages.ts'
import type { Pages } from '../ui/pages.ts'
import { createNewAccounts, type NewAccountPorts } from './new-account.ts'
import { findWaiting, fitsIntoMail, type Waiting, type WaitingPorts } from './waiting.ts'

type SignUpPorts = WaitingPorts &
  NewAccountPorts & {
    readonly browserRequests: BrowserRequests
    readonly accountSettings: AccountSettings
    readonly users: Pick<Users, 'isNameTaken' | 'findByVerifiedEmail'>
    readonly countMail: CountMail
    readonly mailLinks: MailLinks
    readonly sendAccountMail: SendAccountMail
    readonly pages: Pages
    readonly random: Random
  }

type SignUpPage = PageRequest & Waiting

/** `GET` and `POST /register`: `email`; or `username`, `email`, `full_name` and `new_password`. */
export function createSignUpEndpoint(ports: SignUpPorts): Endpoint {
  const { accountSettings, pages } = ports
  const newAccounts = createNewAccounts(ports)
  const { emailVerification } = accountSettings
  const addressFirst = emailVerification === 'required'
  const { min_length } = accountSettings.passwordPolicy
  const fields: readonly FieldName[] = addressFirst
    ? ['email']
    : [
        'username',
        ...(emailVerification === 'optional' ? (['email'] as const) : []),
        'full_name',
        'new_password',
      ]

  return ports.browserRequests.page('signup', async opened => {
    const waiting = await findWaiting(opened, ports)
    if (!waiting.ok) return waiting.respond()
    const page = { ...opened, ...waiting.value }
    if (!page.posted) return show(page, {})
    return addressFirst ? invite(page) : add(page)
  })

  async function invite(page: SignUpPage): Promise<HttpResponse> {
    const { request, form, continuation, requester } = page
    const email = form.get('email')?.trim() ?? ''
    if (!isEmail(email)) return show(page, { email }, 'email_malformed')
    const count = await ports.countMail('sign_up', networkOf(request), email)
    if ('wait' in count) return tooMany(page, { email }, count.wait)
    if (count.send) ports.sendAccountMail(request, () => invitation(email, page), count.forgive)
    const links = [{ to: 'goOn', href: page.resumeLink(continuation) }] as const
    return pages.notice(request, { kind: 'mailSent', links }, pageContextOf(requester))
  }

  async function invitation(email: string, { form, continuation, requester: { tenant } }: SignUpPage) {
    const taken =
      (await ports.users.findByVerifiedEmail(email, tenant)) !== undefined ||
      (await ports.users.isNameTaken(email, tenant))
    if (taken) return { to: email, kind: 'alreadyHere', path: '/account' } as const
    const link = ports.mailLinks.seal({
      kind: 'sign_up',
      sub: newId<string>(ports.random),
      email,
      browser: hashHandle(browserOf(form)),
      tenant,
      continuation: fitsIntoMail(continuation) ? continuation : undefined,
    })
    return { to: email, kind: 'signUp', path: '/register/complete', link } as const
  }

  async function add(page: SignUpPage): Promise<HttpResponse> {
    const { request, form } = page
    const { tenant } = page.requester
    const from = networkOf(request)
    const values = {
      username: form.get('username')?.trim() ?? '',
      email: form.get('email')?.trim() ?? '',
      full_name: form.get('full_name')?.trim() ?? '',
    }
    const again = (problem: FieldProblem) => show(page, values, problem)
    const { username, full_name } = values
    const email = fields.includes('email') ? values.email : undefined
    if (!isUsername(username)) return again('username_malformed')
    if (email !== undefined && !isEmail(email)) return again('email_malformed')
    const count = await ports.countMail('sign_up', from, values.email || username)
    if ('wait' in count) return tooMany(page, values, count.wait)
    const password = form.get('new_password') ?? ''
    const added = await doCounted(
      count.forgive,
      () => newAccounts.add({ username, full_name, password, from, email, tenant }),
      () => true,
    )
    if (!added.ok) {
      await count.unsent()
      page.logRefusal(added.refusal)
      return again(added.problem === 'too_short' ? { min_length } : added.problem)
    }
    const { user } = added
    if (email !== undefined && user.stored && count.send) {
      const link = ports.mailLinks.seal({ kind: 'confirm_email', sub: user.sub, email }, user.stored)
      const { sub } = user
      const mail = { to: email, sub, kind: 'confirmEmail', path: '/email/confirm', link } as const
      ports.sendAccountMail(request, async () => mail, count.forgive)
    }
    return newAccounts.signIn(request, user, page)
  }

  function tooMany(
    page: SignUpPage,
    values: Partial<Record<FieldName, string>>,
    wait: number,
  ): Promise<HttpResponse> {
    page.logRefusal(refuse('slow_down', 'mail_asked_too_often'))
    return show(page, values, { wait })
  }

  function show(
    page: SignUpPage,
    values: Partial<Record<FieldName, string>>,
    problem?: FormProblem,
  ): Promise<HttpResponse> {
    const { continuation, requester } = page
    const { login_hint } = requester
    const { text, context } = fieldProblem(problem)
    return pages.fields(
      page.request,
      {
        kind: addressFirst ? 'signUpAddress' : 'signUp',
        form: page.pageForm('/register', continuation),
        fields,
        min_length,
        values: { ...(login_hint !== undefined && { [fields[0] ?? 'email']: login_hint }), ...values },
        problem: text,
        links: [{ to: 'signIn', href: page.link('/login', continuation) }],
      },
      // Submitting an address leads to the page that says that a mail was sent.
      { ...page.formContext(requester, addressFirst ? undefined : continuation), ...context },
    )
  }
}
