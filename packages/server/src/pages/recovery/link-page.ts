/** A page behind a mailed link about a user: GET shows a form, and POST carries out the action once. */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Awaitable } from '../../runtime/ports.ts'
import type { BrowserRequests, PageRequest } from '../flow/browser-request.ts'
import type { LinkedUser, LinkOf, MailLink, MailLinks } from '../flow/mail-link.ts'
import type { Pages } from '../ui/pages.ts'

export type LinkPagePorts<User extends LinkedUser> = {
  readonly browserRequests: BrowserRequests
  readonly accounts: { readonly find: (sub: string) => Awaitable<User | undefined> }
  readonly mailLinks: MailLinks
  readonly pages: Pages
}

type UserLink = Exclude<MailLink['kind'], 'sign_up'>

/** The request of a valid link. */
export type LinkPage<Kind extends UserLink, User extends LinkedUser> = PageRequest & {
  readonly linkText: string
  readonly opened: LinkOf<Kind>
  readonly user: User
}

type LinkPageSteps<Kind extends UserLink, User extends LinkedUser> = {
  readonly show: (page: LinkPage<Kind, User>) => Promise<HttpResponse>
  /** Refuses if another request was faster and the link is no longer valid. */
  readonly act: (page: LinkPage<Kind, User>) => Promise<Result<Promise<HttpResponse>>>
}

export const linkPage = <Kind extends UserLink, User extends LinkedUser>(
  kind: Kind,
  { browserRequests, accounts, mailLinks, pages }: LinkPagePorts<User>,
  { show, act }: LinkPageSteps<Kind, User>,
): Endpoint =>
  browserRequests.page('recovery', async page => {
    const invalid = (refusal: Refusal): Promise<HttpResponse> => {
      page.logRefusal(refusal)
      return pages.notice(page.request, { kind: 'linkInvalid' }, { status: 400 })
    }
    const linkText = page.form.get('link') ?? ''
    const opened = mailLinks.open(linkText, kind)
    const user = opened && (await accounts.find((opened as LinkOf<UserLink>).sub))
    if (!opened || !user || user.disabled_at !== undefined || !mailLinks.holds(opened, user)) {
      return invalid(refuse('invalid_request', 'mail_link_invalid'))
    }
    const linkPage = { ...page, linkText, opened, user }
    if (!page.posted) return show(linkPage)
    const acted = await act(linkPage)
    return acted.ok ? acted.value : invalid(acted)
  })
