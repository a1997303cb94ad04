/** The page on which users change their address: the new one counts once it is verified, and the old one is told. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Log } from '../../core/runtime.ts'
import { identityKey, type StoredUser } from '../../core/stored-user.ts'
import type { Users } from '../../core/user.ts'
import { type Accounts, isEmail } from '../../identity/accounts.ts'
import { networkOf } from '../../identity/attempts.ts'
import type { CountMail } from '../../identity/mail-limits.ts'
import type { AccountVisit, EnterAccount } from '../../interaction/account.ts'
import type { SendLetter } from '../../interaction/account-mail.ts'
import type { Csrf } from '../../interaction/csrf.ts'
import { readPageForm } from '../../interaction/form.ts'
import type { MailLinks } from '../../interaction/mail-link.ts'
import type { Paths } from '../../interaction/paths.ts'
import { createPageRefuser } from '../../interaction/refused-page.ts'
import type { FieldProblem } from '../../ui/field-pages.ts'
import type { Pages } from '../../ui/pages.ts'

export type EmailPorts = {
  readonly enterAccount: EnterAccount
  readonly accounts: Accounts
  readonly users: Pick<Users, 'findByVerifiedEmail'>
  readonly countMail: CountMail
  readonly mailLinks: MailLinks
  readonly sendLetter: SendLetter
  readonly csrf: Csrf
  readonly pages: Pages
  readonly paths: Paths
  readonly log: Log
}

/** `GET` and `POST /account/email`: asks for a recent sign-in, since an address is a way to a new password. */
export function createEmailEndpoint(ports: EmailPorts): Endpoint {
  const { accounts, pages, paths } = ports
  const refusePage = createPageRefuser('account', ports)

  return async request => {
    const visit = await ports.enterAccount(request, 'profile', { strict: true })
    if (!visit.ok) return visit.response
    const user = await accounts.find(visit.session.sub)
    if (!user) return pages.notice(request, { kind: 'notHere' }, { navigation: visit.navigation })
    if (request.method !== 'POST') return show(request, visit, user.email ?? '')
    const form = readPageForm(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const email = form.value.get('email')?.trim() ?? ''
    if (!isEmail(email)) return show(request, visit, email, 'email_malformed')
    const count = await ports.countMail('new_address', networkOf(request), email)
    if (typeof count === 'object') {
      return show(request, visit, email, { waitMinutes: Math.ceil(count.wait / 60) })
    }
    if (count === 'send') ports.sendLetter(request, () => letterTo(user, email))
    return pages.notice(request, { kind: 'mailSent' }, { navigation: visit.navigation })
  }

  /** None where the address is another user's: the page says the same. */
  async function letterTo(user: StoredUser, email: string) {
    const owner = await ports.users.findByVerifiedEmail(email, user.tenant)
    if (owner !== undefined && owner.sub !== user.sub) return undefined
    const verified = user.email_verified_at !== undefined && user.email_key === identityKey(email)
    if (verified) return undefined
    const link = ports.mailLinks.seal({ kind: 'confirm_email', sub: user.sub, email }, user)
    return { to: email, kind: 'confirmEmail', path: '/email/confirm', link } as const
  }

  function show(
    request: HttpRequest,
    { navigation }: AccountVisit,
    email: string,
    problem?: FieldProblem,
  ): Promise<HttpResponse> {
    const { token, cookie } = ports.csrf.token(request)
    return pages.fields(
      request,
      {
        kind: 'changeEmail',
        form: { action: paths('/account/email'), csrf: token },
        ...{ fields: ['email'], values: { email } },
        ...(problem && { problem }),
      },
      { navigation, cookies: [cookie], ...(problem && { status: typeof problem === 'object' ? 429 : 400 }) },
    )
  }
}
