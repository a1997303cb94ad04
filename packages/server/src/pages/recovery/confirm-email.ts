/**
 * Where a mail leads that verifies an address: a page with a button, so that opening the link changes nothing. It is for
 * who is signed in to the account: whoever reads the address's mail alone could be made to give it to a stranger's
 * account, and with it all that a verified address opens.
 */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type Result, refuse } from '@tessera/protocol/result'
import { identityKey, type StoredUser } from '../../model/stored-user.ts'
import type { Users } from '../../model/user.ts'
import type { EnterAccount } from '../flow/account-session.ts'
import type { LinkOf } from '../flow/mail-link.ts'
import { type LinkPorts, linkPage } from './link-page.ts'

export type ConfirmEmailPorts = LinkPorts & {
  readonly enterAccount: EnterAccount
  readonly users: Pick<Users, 'isNameTaken'>
}

/** `GET` and `POST /email/confirm?link=…`. Who is not signed in signs in first, and opens the link again. */
export const createConfirmEmailEndpoint = (ports: ConfirmEmailPorts): Endpoint => {
  const page = linkPage('confirm_email', ports, {
    show: (request, { form, link, linked }) =>
      ports.pages.fields(
        request,
        {
          kind: 'confirmEmail',
          form: { ...form, action: ports.paths('/email/confirm') },
          ...{ link, fields: ['email'], values: { email: linked.email }, fixed: 'email' },
        },
        { cookies: form.cookies },
      ),
    async act(request, { linked, user }) {
      const visit = await ports.enterAccount(request, 'profile')
      return visit.ok && visit.session.sub === user.sub
        ? confirm(request, linked, user, ports)
        : refuse('invalid_request', 'mail_link_of_another_account', { log: { sub: user.sub } })
    },
  })
  return async request => {
    const visit = await ports.enterAccount(request, 'profile')
    return visit.ok ? page(request) : visit.response
  }
}

async function confirm(
  request: HttpRequest,
  link: LinkOf<'confirm_email'>,
  user: StoredUser,
  ports: ConfirmEmailPorts,
): Promise<Result<Promise<HttpResponse>>> {
  const { email } = link
  // Whoever is called by their address is called by the new one.
  const named = user.email_key === user.username_key && identityKey(email) !== user.username_key
  if (named && (await ports.users.isNameTaken(email, user.tenant))) {
    return refuse('invalid_request', 'username_taken', { log: { sub: user.sub } })
  }
  // An address that was changed away and back would leave the account as the link saw it.
  if (!(await ports.mailLinks.redeem(link)))
    return refuse('invalid_request', 'mail_link_invalid', { log: { sub: user.sub } })
  const changed = await ports.accounts.update(user, {
    verifiedEmail: email,
    ...(named && { username: email }),
  })
  if (!changed.ok) return changed
  const { sub, email: old, email_verified_at } = user
  ports.log.info('email_verified', { request_id: request.id, sub })
  if (old !== undefined && email_verified_at !== undefined && identityKey(old) !== identityKey(email))
    ports.sendLetter(request, async () => ({ to: old, kind: 'emailChanged', path: '/account' }))
  const links = [{ to: 'account', href: ports.paths('/account') }] as const
  return { ok: true, value: ports.pages.notice(request, { kind: 'emailConfirmed', links }) }
}
