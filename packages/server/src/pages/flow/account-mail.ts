/** Mail about accounts: composed in the language of the page that caused it, and sent behind the answer. */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import type { OutgoingMail } from '../../model/mail.ts'
import type { PagePath } from '../../model/routes.ts'
import type { ComposeMail, Letter, MailKind } from '../ui/mails.ts'
import type { Paths } from './page-paths.ts'

export type LetterTo = {
  readonly to: string
  readonly kind: MailKind
  /** The page that it leads to, and what that page is given. */
  readonly path: PagePath
  readonly link?: string
  readonly standing?: Letter['standing']
}

/** As long as the link that it carries. */
const linkLasts: Seconds = 3600
const noticeLasts: Seconds = 3 * 86_400

/** Undefined: there is nothing to be sent, which nobody can tell from the response. `onLost`: it could not be kept. */
export type SendLetter = (
  request: HttpRequest,
  letter: () => Promise<LetterTo | undefined>,
  onLost?: () => Promise<void>,
) => void

export const createLetters =
  ({
    issuer,
    paths,
    compose,
    post,
  }: {
    issuer: string
    paths: Paths
    compose: ComposeMail
    post: (compose: () => Promise<OutgoingMail | undefined>, onLost?: () => Promise<void>) => void
  }): SendLetter =>
  (request, letter, onLost) =>
    post(async () => {
      const wanted = await letter()
      if (!wanted) return undefined
      const { to, kind, path, link, standing } = wanted
      const url = new URL(paths(path), issuer)
      if (link !== undefined) url.searchParams.set('link', link)
      const mail = await compose(request, kind, {
        ...{ to, link: url.href, site: url.host },
        ...(standing && { standing }),
      })
      return { ...mail, lasts: link === undefined ? noticeLasts : linkLasts }
    }, onLost)
