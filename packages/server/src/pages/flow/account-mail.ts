/** Mail about accounts: composed in the language of the page that triggered it, and sent after the response. */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import type { OutgoingMail } from '../../model/mail.ts'
import type { PagePath } from '../../model/routes.ts'
import type { ActiveFactors, ComposeMail, MailKind } from '../ui/mails.ts'
import type { Paths } from './page-paths.ts'

export type AccountMail = {
  readonly to: string
  /** Its user. If they are deleted before it is sent, it is deleted with them. */
  readonly sub?: string
  readonly kind: MailKind
  /** The page that the mail links to, and the sealed link that the page receives. */
  readonly path: PagePath
  readonly link?: string
  readonly activeFactors?: ActiveFactors
}

/** A mail with a link expires together with the link. */
const linkLifetime: Seconds = 3600
const notificationLifetime: Seconds = 3 * 86_400

/**
 * Sends a mail. `prepare` resolves to undefined if there is nothing to send; the response does not depend on it.
 * `onLost` is called if the mail could not be queued.
 */
export type SendAccountMail = (
  request: HttpRequest,
  prepare: () => Promise<AccountMail | undefined>,
  onLost?: () => Promise<void>,
) => void

export const createAccountMail =
  ({
    issuer,
    paths,
    compose,
    enqueue,
  }: {
    issuer: string
    paths: Paths
    compose: ComposeMail
    enqueue: (compose: () => Promise<OutgoingMail | undefined>, onLost?: () => Promise<void>) => void
  }): SendAccountMail =>
  (request, prepare, onLost) =>
    enqueue(async () => {
      const prepared = await prepare()
      if (!prepared) return undefined
      const { to, sub, kind, path, link, activeFactors } = prepared
      const url = new URL(paths(path), issuer)
      if (link !== undefined) url.searchParams.set('link', link)
      const mail = await compose(request, kind, { to, link: url.href, site: url.host, activeFactors })
      return { ...mail, sub, lasts: link === undefined ? notificationLifetime : linkLifetime }
    }, onLost)
