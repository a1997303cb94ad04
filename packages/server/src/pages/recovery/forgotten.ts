/**
 * The page for users who forgot their password. The response is the same for any name, and mail is sent only to a
 * verified address.
 */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import type { CountMail } from '../../identity/attempt-limits.ts'
import { isStored, type PasswordAccount, type PasswordAccounts } from '../../identity/password-accounts.ts'
import { networkOf } from '../../runtime/network.ts'
import type { SendAccountMail } from '../flow/account-mail.ts'
import type { BrowserRequests, PageRequest } from '../flow/browser-request.ts'
import type { Continuations } from '../flow/continuation.ts'
import { fieldProblem } from '../flow/form-problem.ts'
import type { MailLinks } from '../flow/mail-link.ts'
import { type FindRequester, pageContextOf, type Requester } from '../flow/requester.ts'
import type { Pages } from '../ui/pages.ts'

type ForgottenPorts = {
  readonly browserRequests: BrowserRequests
  readonly accounts: Pick<PasswordAccounts, 'findNamed'>
  readonly continuations: Continuations
  readonly findRequester: FindRequester
  readonly countMail: CountMail
  readonly mailLinks: MailLinks
  readonly sendAccountMail: SendAccountMail
  readonly pages: Pages
}

type ForgottenPage = PageRequest & { readonly requester: Requester; readonly sealed: string | undefined }

/** `GET` and `POST /password/forgotten`: `username`, which may be an email address; `continue` names the tenant. */
export function createForgottenEndpoint(ports: ForgottenPorts): Endpoint {
  const { pages, accounts, continuations } = ports

  return ports.browserRequests.page('recovery', async opened => {
    const { request, form } = opened
    const sealed = form.get('continue')
    // It contains the tenant, however old it is.
    const continuation =
      (await continuations.open(sealed)) ?? (await continuations.inspect(sealed))?.restarted
    const found = continuation && (await ports.findRequester(continuation))
    if (sealed !== undefined && !found?.ok) {
      return opened.refuse(refuse('invalid_request', 'continuation_invalid'))
    }
    const requester: Requester = found?.ok ? found.value : { ui_locales: [] }
    const page = { ...opened, requester, sealed }
    const typed = form.get('username') ?? ''
    if (!page.posted || typed === '') return show(page)
    let user: PasswordAccount | undefined
    // All names of one account share a count.
    const count = await ports.countMail('new_password', networkOf(request), async () => {
      user = await accounts.findNamed(typed, requester.tenant)
      return user?.sub ?? typed
    })
    if ('wait' in count) {
      page.logRefusal(refuse('slow_down', 'mail_asked_too_often'))
      return show(page, count.wait)
    }
    if (count.send) ports.sendAccountMail(request, () => mailTo(user), count.forgive)
    return pages.notice(request, { kind: 'mailSent', links: backTo(page) }, pageContextOf(requester))
  })

  function backTo({ link, sealed }: ForgottenPage) {
    const href = sealed === undefined ? link('/account') : link('/login', sealed)
    return [{ to: 'backToSignIn', href }] as const
  }

  async function mailTo(user: PasswordAccount | undefined) {
    if (user?.email === undefined || user.email_verified_at === undefined || user.disabled_at !== undefined)
      return undefined
    const { sub } = user
    const round = isStored(user) ? undefined : await ports.mailLinks.roundOf(sub)
    const link = ports.mailLinks.seal({ kind: 'reset_password', sub, ...(round && { round }) }, user)
    return { to: user.email, sub, kind: 'resetPassword', path: '/password/reset', link } as const
  }

  function show(page: ForgottenPage, wait?: number): Promise<HttpResponse> {
    const { text, context } = fieldProblem(wait === undefined ? undefined : { wait })
    return pages.fields(
      page.request,
      {
        kind: 'forgotten',
        form: page.pageForm('/password/forgotten', page.sealed),
        fields: ['username'],
        problem: text,
        links: backTo(page),
      },
      { ...page.formContext(page.requester), ...context },
    )
  }
}
