/** Users who are kept in the store: how they change, sign up, and get back in; and the mail that goes to them. */

import type { Configuration } from '../configuration/configuration.ts'
import { isLoopback } from '../configuration/issuer.ts'
import type { SendMail } from '../core/mail.ts'
import type { EndSession } from '../core/session.ts'
import type { Users } from '../core/user.ts'
import { createAccounts } from '../identity/accounts.ts'
import type { CountAttempt } from '../identity/attempts.ts'
import { createMailCounter } from '../identity/mail-limits.ts'
import { createLetters } from '../interaction/account-mail.ts'
import { createMailLinks } from '../interaction/mail-link.ts'
import type { Paths } from '../interaction/paths.ts'
import { createOutbox } from '../mail/outbox.ts'
import { createPost } from '../mail/post.ts'
import { createSmtp } from '../mail/smtp.ts'
import { createMails } from '../ui/mails.ts'
import type { Render } from '../ui/templates.ts'
import type { ChooseLanguage } from '../ui/texts.ts'
import type { Foundation } from './foundation.ts'

type AccountsGround = Foundation & {
  readonly users: Users
  readonly clients: Configuration['clients']
  readonly endSession: EndSession
  readonly hashArgon2id: (password: string) => Promise<string>
}

export const composeAccounts = ({ accounts: settings }: Configuration, ground: AccountsGround) =>
  createAccounts({
    ...{ ...ground, settings },
    isClient: async id => (await ground.clients.find(id)) !== undefined,
  })

export type AccountPagesGround = Foundation & {
  readonly issuer: string
  readonly paths: Paths
  readonly render: Render
  readonly chooseLanguage: ChooseLanguage
  readonly countAttempt: CountAttempt
}

/** Which pages there are hangs on who may send mail and on who checks passwords. */
export function composeAccountPages(configuration: Configuration, ground: AccountPagesGround) {
  const { accounts: settings, validators } = configuration
  const { send, mails } = composeSending(configuration, ground)
  const post = createPost({ ...ground, send: send ?? nowhere })
  // A module that checks local passwords keeps them itself.
  const keepsPasswords = validators.password === undefined
  const reachesUsers = send !== undefined
  return {
    accountSettings: settings,
    mailLinks: createMailLinks(ground),
    countMail: createMailCounter(ground),
    sendLetter: createLetters({
      ...ground,
      compose: createMails(ground),
      post: reachesUsers ? post.send : () => {},
    }),
    offered: {
      signUp: settings.signUp && keepsPasswords && (reachesUsers || settings.emailVerification === 'off'),
      passwordReset: settings.passwordReset && keepsPasswords && reachesUsers,
      mail: reachesUsers,
    },
    /** What was sent while developing; undefined where mail is sent. */
    outboxMails: mails,
    mailSettled: post.settled,
  }
}

const nowhere: SendMail = async () => {}

function composeSending(
  { mail, issuer }: Configuration,
  { sendMail, print }: Foundation,
): { readonly send?: SendMail; readonly mails?: ReturnType<typeof createOutbox>['mails'] } {
  if (sendMail) return { send: sendMail }
  if (mail) return { send: createSmtp(mail) }
  return isLoopback(new URL(issuer).hostname) ? createOutbox({ print }) : {}
}
