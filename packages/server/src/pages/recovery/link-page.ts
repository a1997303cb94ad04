/** A page that a mail's link about a user leads to: GET shows a form, POST acts, once. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Accounts } from '../../identity/accounts.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import type { Log } from '../../runtime/ports.ts'
import type { SendLetter } from '../flow/account-mail.ts'
import type { Csrf } from '../flow/csrf.ts'
import type { LinkOf, MailLink, MailLinks } from '../flow/mail-link.ts'
import { readPage } from '../flow/page-form.ts'
import type { Paths } from '../flow/page-paths.ts'
import { createPageRefuser, logRefusal } from '../flow/refused-page.ts'
import type { Pages } from '../ui/pages.ts'

export type LinkPorts = {
  readonly accounts: Accounts
  readonly mailLinks: MailLinks
  readonly sendLetter: SendLetter
  readonly csrf: Csrf
  readonly pages: Pages
  readonly paths: Paths
  readonly log: Log
}

type UserLink = Exclude<MailLink['kind'], 'sign_up'>

/** What a link is about, while it holds. */
type Linked<Kind extends UserLink> = {
  readonly link: string
  readonly linked: LinkOf<Kind>
  readonly user: StoredUser
  readonly form: { readonly csrf: string; readonly cookies: readonly (string | undefined)[] }
}

type LinkSteps<Kind extends UserLink> = {
  readonly show: (request: HttpRequest, linked: Linked<Kind>) => Promise<HttpResponse>
  /** A refusal: someone was faster, and the link holds no longer. */
  readonly act: (
    request: HttpRequest,
    linked: Linked<Kind>,
    form: Parameters,
  ) => Promise<Result<Promise<HttpResponse>>>
}

export function linkPage<Kind extends UserLink>(
  kind: Kind,
  ports: LinkPorts,
  { show, act }: LinkSteps<Kind>,
): Endpoint {
  const refusePage = createPageRefuser('recovery', ports)

  return async request => {
    const posted = request.method === 'POST'
    const form = readPage(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const link = form.value.get('link') ?? ''
    const linked = ports.mailLinks.open(link, kind)
    const user = linked && (await ports.accounts.find((linked as LinkOf<UserLink>).sub))
    if (!linked || !user || user.disabled_at !== undefined || !ports.mailLinks.holds(linked, user))
      return invalid(request, refuse('invalid_request', 'mail_link_invalid'))
    const { token, cookie } = ports.csrf.token(request)
    const whole = { link, linked, user, form: { csrf: token, cookies: [cookie] } }
    if (!posted) return show(request, whole)
    const acted = await act(request, whole, form.value)
    return acted.ok ? acted.value : invalid(request, acted)
  }

  function invalid(request: HttpRequest, refusal: Refusal): Promise<HttpResponse> {
    logRefusal(ports.log, 'recovery', request, refusal)
    return ports.pages.notice(request, { kind: 'linkInvalid' }, { status: 400 })
  }
}
