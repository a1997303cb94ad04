/** Email to users with stored accounts, and the links in these emails. */

import type { Configuration } from '../configuration/configuration.ts'
import { isLoopback } from '../configuration/issuer.ts'
import {
  type CountMail,
  type CountPasswordReset,
  createMailCounter,
  createNotificationCounter,
} from '../identity/attempt-limits.ts'
import { createSealing } from '../keys/sealing.ts'
import type { Mail, SendMail } from '../model/mail.ts'
import { createDevMailbox } from '../operations/mail/dev-mailbox.ts'
import { createMailQueue } from '../operations/mail/mail-queue.ts'
import { createSmtp } from '../operations/mail/smtp.ts'
import { createAccountMail, type SendAccountMail } from '../pages/flow/account-mail.ts'
import { createMailLinks, type MailLinks } from '../pages/flow/mail-link.ts'
import type { Paths } from '../pages/flow/page-paths.ts'
import { createNotifyOwner, type NotifyOwner } from '../pages/flow/security-notification.ts'
import { createMails } from '../pages/ui/mails.ts'
import type { Render } from '../pages/ui/templates.ts'
import type { ChooseLanguage } from '../pages/ui/texts.ts'
import { receiverLimit } from '../runtime/async/claim-loop.ts'
import { settlesWithin } from '../runtime/async/promises.ts'
import type { IssuerContext } from './issuer-context.ts'
import type { Services } from './services.ts'

export type MailServices = {
  readonly mailLinks: MailLinks
  readonly countMail: CountMail
  readonly countPasswordReset: CountPasswordReset
  readonly sendAccountMail: SendAccountMail
  readonly notifyOwner: NotifyOwner
  /** Emails that are shown instead of sent during development. */
  readonly devMails: () => readonly Mail[]
  /** Sends emails that are due, for a few seconds at most. */
  readonly deliver: () => Promise<void>
  /** Resolves when no email is being sent. */
  readonly settled: () => Promise<void>
  /** Sends as many emails as possible within a few seconds. */
  readonly close: () => Promise<void>
}

export function createMailServices(
  configuration: Configuration,
  { context, attempts, signIn: { users, findFactors } }: Services,
  view: { readonly paths: Paths; readonly render: Render; readonly chooseLanguage: ChooseLanguage },
): MailServices {
  const { issuer, branding } = configuration
  const { stores, derived, clock, random, log } = context
  const { paths, render, chooseLanguage } = view
  const { send, mails } = createMailTransport(configuration, context)
  const sealing = createSealing({ derived, purpose: 'mail' })
  const queue = send && createMailQueue({ stores, sealing, send, clock, random, log })
  const sendAccountMail = createAccountMail({
    issuer,
    paths,
    compose: createMails({ render, chooseLanguage, branding }),
    enqueue: queue?.send ?? (() => {}),
  })
  return {
    mailLinks: createMailLinks({ stores, derived, clock, random }),
    ...createMailCounter({ countAttempt: attempts.countAttempt }),
    sendAccountMail,
    notifyOwner: createNotifyOwner({
      users,
      findFactors,
      stores,
      countNotification: createNotificationCounter({ countAttempt: attempts.countAttempt }),
      sendAccountMail,
    }),
    devMails: mails ?? (() => []),
    deliver: async () => void (queue && (await settlesWithin(receiverLimit, queue.deliver()))),
    settled: async () => queue?.settled(),
    close: async () => queue?.close(),
  }
}

/** Returns the mail transport: a submission server or, for an issuer on loopback, the console and a page. */
function createMailTransport(
  { mail, issuer }: Configuration,
  { sendMail, print }: IssuerContext,
): { readonly send?: SendMail; readonly mails?: () => readonly Mail[] } {
  if (sendMail) return { send: sendMail }
  if (mail) return { send: createSmtp(mail) }
  return isLoopback(new URL(issuer).hostname) ? createDevMailbox({ print }) : {}
}
