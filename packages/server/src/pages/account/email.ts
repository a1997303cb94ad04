/** The page on which users change their email address. The new one takes effect once it is verified, and the old one is notified. */

import type { Endpoint } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import type { CountMail } from '../../identity/attempt-limits.ts'
import { isEmail } from '../../identity/email-address.ts'
import { identityKey, type StoredUser } from '../../model/stored-user.ts'
import type { Users } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { SendAccountMail } from '../flow/account-mail.ts'
import type { MailLinks } from '../flow/mail-link.ts'
import { type AccountPagePorts, backTo, storedUserPage } from './account-page.ts'

type EmailPorts = AccountPagePorts & {
  readonly users: Pick<Users, 'findByVerifiedEmail'>
  readonly countMail: CountMail
  readonly mailLinks: MailLinks
  readonly sendAccountMail: SendAccountMail
}

/**
 * `GET` and `POST /account/email`: requires a recent sign-in, because the address can be used to reset the password.
 */
export function createEmailEndpoint(ports: EmailPorts): Endpoint {
  return storedUserPage(ports, {
    path: '/account/email',
    section: 'profile',
    guard: { strict: true },
    form: ({ email = '' }) => ({ kind: 'changeEmail', fields: ['email'], values: { email } }),
    async act(page, form, again) {
      const { request, owner: stored, frame } = page
      const email = form.get('email')?.trim() ?? ''
      if (!isEmail(email)) return again('email_malformed', { email })
      const count = await ports.countMail('new_address', networkOf(request), email)
      if ('wait' in count) {
        page.logRefusal(refuse('slow_down', 'mail_asked_too_often'))
        return again(count, { email })
      }
      if (count.send) ports.sendAccountMail(request, () => mailTo(stored, email), count.forgive)
      return ports.pages.notice(request, { kind: 'mailSent', links: backTo(page) }, frame)
    },
  })

  /** Resolves to undefined if the address belongs to another user; the page looks the same. */
  async function mailTo(user: StoredUser, email: string) {
    const owner = await ports.users.findByVerifiedEmail(email, user.tenant)
    if (owner !== undefined && owner.sub !== user.sub) return undefined
    const verified = user.email_verified_at !== undefined && user.email_key === identityKey(email)
    if (verified) return undefined
    const link = ports.mailLinks.seal({ kind: 'confirm_email', sub: user.sub, email }, user)
    return { to: email, sub: user.sub, kind: 'confirmEmail', path: '/email/confirm', link } as const
  }
}
