/** Mail to users who are kept in the store, and the links in it. */

import type { Configuration } from '../configuration/configuration.ts'
import { isLoopback } from '../configuration/issuer.ts'
import type { CountAttempt } from '../identity/attempts.ts'
import { createMailCounter } from '../identity/mail-limits.ts'
import { createSealing } from '../keys/sealing.ts'
import type { SendMail } from '../model/mail.ts'
import { createOutbox } from '../operations/mail/dev-mailbox.ts'
import { createPost } from '../operations/mail/mail-queue.ts'
import { createSmtp } from '../operations/mail/smtp.ts'
import { createLetters } from '../pages/flow/account-mail.ts'
import { createMailLinks } from '../pages/flow/mail-link.ts'
import type { Paths } from '../pages/flow/page-paths.ts'
import { createMails } from '../pages/ui/mails.ts'
import type { Render } from '../pages/ui/templates.ts'
import type { ChooseLanguage } from '../pages/ui/texts.ts'
import { accountsOffered } from './accounts.ts'
import type { Foundation } from './issuer-context.ts'

export type AccountPagesGround = Foundation & {
  readonly issuer: string
  readonly paths: Paths
  readonly render: Render
  readonly chooseLanguage: ChooseLanguage
  readonly countAttempt: CountAttempt
}

/** Which pages there are hangs on who may send mail and on who checks passwords. */
export function composeAccountPages(configuration: Configuration, ground: AccountPagesGround) {
  const { accounts: settings } = configuration
  const { send, mails } = composeSending(configuration, ground)
  const sealing = createSealing({ derived: ground.derived, purpose: 'mail' })
  const post = send && createPost({ ...ground, sealing, send })
  return {
    accountSettings: settings,
    mailLinks: createMailLinks(ground),
    countMail: createMailCounter(ground),
    sendLetter: createLetters({
      ...ground,
      compose: createMails({ ...ground, branding: configuration.branding }),
      post: post?.send ?? (() => {}),
    }),
    offered: accountsOffered(configuration, ground),
    /** What was sent while developing; undefined where mail is sent. */
    outboxMails: mails,
    deliverMail: async () => post?.deliver(),
    mailSettled: async () => post?.settled(),
  }
}

function composeSending(
  { mail, issuer }: Configuration,
  { sendMail, print }: Foundation,
): { readonly send?: SendMail; readonly mails?: ReturnType<typeof createOutbox>['mails'] } {
  if (sendMail) return { send: sendMail }
  if (mail) return { send: createSmtp(mail) }
  return isLoopback(new URL(issuer).hostname) ? createOutbox({ print }) : {}
}
