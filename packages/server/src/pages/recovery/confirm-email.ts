/**
 * The page behind a mailed link that verifies an address. It has a button, so that opening the link has no effect. It
 * requires a session of the account, because otherwise the recipient could be tricked into verifying the address for a
 * stranger's account.
 */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Accounts } from '../../identity/accounts.ts'
import { identityKey, type StoredUser } from '../../model/stored-user.ts'
import type { Users } from '../../model/user.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import type { SendAccountMail } from '../flow/account-mail.ts'
import type { RequireAccountSession } from '../flow/account-session.ts'
import { type LinkPage, type LinkPagePorts, linkPage } from './link-page.ts'

type ConfirmEmailPorts = Omit<LinkPagePorts<StoredUser>, 'accounts'> & {
  readonly accounts: Accounts
  readonly requireAccountSession: RequireAccountSession
  readonly users: Pick<Users, 'isNameTaken'>
  readonly sendAccountMail: SendAccountMail
  readonly log: Log
}

/** `GET` and `POST /email/confirm?link=…`. Users who are not signed in must sign in first and open the link again. */
export const createConfirmEmailEndpoint = (ports: ConfirmEmailPorts): Endpoint => {
  const confirmPage = linkPage('confirm_email', ports, {
    show: page =>
      ports.pages.fields(
        page.request,
        {
          kind: 'confirmEmail',
          form: page.pageForm('/email/confirm'),
          link: page.linkText,
          fields: ['email'],
          values: { email: page.opened.email },
          fixed: 'email',
        },
        page.formContext(),
      ),
    async act(page) {
      const { sub } = page.user
      const session = await page.readSession()
      return session?.sub === sub
        ? confirm(page, ports)
        : refuse('invalid_request', 'mail_link_of_another_account', { log: { sub } })
    },
  })
  return async request => {
    const page = ports.browserRequests.open('account', request)
    const required = await ports.requireAccountSession(page, 'profile')
    return required.ok ? confirmPage(request) : required.respond()
  }
}

async function confirm(
  page: LinkPage<'confirm_email', StoredUser>,
  ports: ConfirmEmailPorts,
): Promise<Result<Promise<HttpResponse>>> {
  const { request, opened, user } = page
  const { email } = opened
  const { sub, email: old, email_verified_at } = user
  // If the user name is the old address, it becomes the new one.
  const isNamedByAddress = user.email_key === user.username_key && identityKey(email) !== user.username_key
  if (isNamedByAddress && (await ports.users.isNameTaken(email, user.tenant))) {
    return refuse('invalid_request', 'username_taken', { log: { sub } })
  }
  // Changing the address and changing it back would restore the state that the link requires.
  if (!(await ports.mailLinks.redeem(opened))) {
    return refuse('invalid_request', 'mail_link_invalid', { log: { sub } })
  }
  const changed = await ports.accounts.update(user, {
    verifiedEmail: email,
    ...(isNamedByAddress && { username: email }),
  })
  if (!changed.ok) return changed
  ports.log.info('email_verified', { ...requestFields(request), sub })
  if (old !== undefined && email_verified_at !== undefined && identityKey(old) !== identityKey(email)) {
    ports.sendAccountMail(request, async () => ({ to: old, sub, kind: 'emailChanged', path: '/account' }))
  }
  const links = [{ to: 'account', href: page.link('/account') }] as const
  return ok(ports.pages.notice(request, { kind: 'emailConfirmed', links }))
}
