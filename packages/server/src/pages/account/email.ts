/** The page on which users change their address: the new one counts once it is verified, and the old one is told. */

import type { Endpoint } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import { isEmail } from '../../identity/accounts.ts'
import type { CountMail } from '../../identity/attempt-limits.ts'
import { identityKey, type StoredUser } from '../../model/stored-user.ts'
import type { Users } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { SendLetter } from '../flow/account-mail.ts'
import type { MailLinks } from '../flow/mail-link.ts'
import { logRefusal } from '../flow/refused-page.ts'
import { backTo, type StoredUserPagePorts, storedUserPage } from './stored-user-page.ts'

export type EmailPorts = StoredUserPagePorts & {
  readonly users: Pick<Users, 'findByVerifiedEmail'>
  readonly countMail: CountMail
  readonly mailLinks: MailLinks
  readonly sendLetter: SendLetter
}

/** `GET` and `POST /account/email`: asks for a recent sign-in, since an address is a way to a new password. */
export function createEmailEndpoint(ports: EmailPorts): Endpoint {
  return storedUserPage(ports, {
    path: '/account/email',
    section: 'profile',
    strict: true,
    form: ({ email = '' }) => ({ kind: 'changeEmail', fields: ['email'], values: { email } }),
    async act({ request, stored, frame }, form, again) {
      const email = form.get('email')?.trim() ?? ''
      if (!isEmail(email)) return again('email_malformed', { email })
      const count = await ports.countMail('new_address', networkOf(request), email)
      if ('wait' in count) {
        logRefusal(ports.log, 'account', request, refuse('slow_down', 'mail_asked_too_often'))
        return again(count, { email })
      }
      if (count.send) ports.sendLetter(request, () => letterTo(stored, email), count.forgive)
      return ports.pages.notice(request, { kind: 'mailSent', links: backTo(ports.paths) }, frame)
    },
  })

  /** None where the address is another user's: the page says the same. */
  async function letterTo(user: StoredUser, email: string) {
    const owner = await ports.users.findByVerifiedEmail(email, user.tenant)
    if (owner !== undefined && owner.sub !== user.sub) return undefined
    const verified = user.email_verified_at !== undefined && user.email_key === identityKey(email)
    if (verified) return undefined
    const link = ports.mailLinks.seal({ kind: 'confirm_email', sub: user.sub, email }, user)
    return { to: email, kind: 'confirmEmail', path: '/email/confirm', link } as const
  }
}
