/**
 * The page for users who forgot their password. The response is the same for any name, and mail is sent only to a
 * verified address.
 */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import type { CountPasswordReset } from '../../identity/attempt-limits.ts'
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
  readonly countPasswordReset: CountPasswordReset
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
    const count = await ports.countPasswordReset(networkOf(request), typed, async () => {
      user = await accounts.findNamed(typed, requester.tenant)
      return user && { sub: user.sub, address: addressOf(user) }
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
    const address = user && addressOf(user)
    if (user === undefined || address === undefined) return undefined
    const { sub } = user
    const round = isStored(user) ? undefined : await ports.mailLinks.roundOf(sub)
    const link = ports.mailLinks.seal({ kind: 'reset_password', sub, ...(round && { round }) }, user)
    return { to: address, sub, kind: 'resetPassword', path: '/password/reset', link } as const
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

/** Returns the address that gets a mail with a new password; undefined if none does. */
const addressOf = ({ email, email_verified_at, disabled_at }: PasswordAccount): string | undefined =>
  email_verified_at === undefined || disabled_at !== undefined ? undefined : email
