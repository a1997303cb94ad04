/** The page for who forgot their password: whatever is typed, the answer is the same, and a mail goes to a verified address only. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import type { CountMail } from '../../identity/attempt-limits.ts'
import type { Stores } from '../../model/ports/stores.ts'
import { identityKey, type StoredUser } from '../../model/stored-user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import type { SendLetter } from '../flow/account-mail.ts'
import type { Continuations } from '../flow/continuation.ts'
import type { Csrf } from '../flow/csrf.ts'
import { fieldProblem } from '../flow/form-problem.ts'
import type { MailLinks } from '../flow/mail-link.ts'
import { readPage } from '../flow/page-form.ts'
import type { Paths } from '../flow/page-paths.ts'
import { createPageRefuser, logRefusal } from '../flow/refused-page.ts'
import { type FindRequester, pageContextOf, type Requester } from '../flow/requester.ts'
import type { Pages } from '../ui/pages.ts'

export type ForgottenPorts = {
  readonly stores: Pick<Stores, 'storedUsers'>
  readonly continuations: Continuations
  readonly findRequester: FindRequester
  readonly countMail: CountMail
  readonly mailLinks: MailLinks
  readonly sendLetter: SendLetter
  readonly csrf: Csrf
  readonly pages: Pages
  readonly paths: Paths
  readonly log: Log
}

/** `GET` and `POST /password/forgotten`: `username`, which may be an address; `continue` says in which tenant. */
export function createForgottenEndpoint(ports: ForgottenPorts): Endpoint {
  const { pages, paths, stores } = ports
  const refusePage = createPageRefuser('recovery', ports)

  return async request => {
    const posted = request.method === 'POST'
    const form = readPage(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const sealed = form.value.get('continue')
    // It says in which tenant to look, however old it is.
    const continuation =
      (await ports.continuations.open(sealed)) ?? (await ports.continuations.look(sealed))?.restarted
    const found = continuation && (await ports.findRequester(continuation))
    if (sealed !== undefined && !found?.ok)
      return refusePage(request, refuse('invalid_request', 'continuation_invalid'))
    const requester: Requester = found?.ok ? found.value : { ui_locales: [] }
    const typed = form.value.get('username') ?? ''
    if (!posted || typed === '') return show(request, requester, sealed)
    const user = await accountOf(typed, requester.tenant)
    // By whichever of their names: what one account is sent is counted together.
    const count = await ports.countMail('new_password', networkOf(request), user?.sub ?? typed)
    if ('wait' in count) {
      logRefusal(ports.log, 'recovery', request, refuse('slow_down', 'mail_asked_too_often'))
      return show(request, requester, sealed, count.wait)
    }
    if (count.send) ports.sendLetter(request, async () => letterTo(user), count.forgive)
    return pages.notice(request, { kind: 'mailSent', links: back(sealed) }, pageContextOf(requester))
  }

  function back(sealed: string | undefined) {
    const href = sealed === undefined ? paths('/account') : paths('/login', sealed)
    return [{ to: 'backToSignIn', href }] as const
  }

  /** Both are asked whichever answers. */
  async function accountOf(typed: string, tenant: string | undefined): Promise<StoredUser | undefined> {
    const key = identityKey(typed)
    const { storedUsers } = stores
    const [byAddress, byName] = await Promise.all([
      storedUsers.findByVerifiedEmail(key, tenant),
      storedUsers.findByName(key, tenant),
    ])
    return byAddress ?? byName
  }

  function letterTo(user: StoredUser | undefined) {
    if (user?.email === undefined || user.email_verified_at === undefined || user.disabled_at !== undefined)
      return undefined
    const link = ports.mailLinks.seal({ kind: 'reset_password', sub: user.sub }, user)
    return { to: user.email, kind: 'resetPassword', path: '/password/reset', link } as const
  }

  function show(
    request: HttpRequest,
    requester: Requester,
    sealed: string | undefined,
    wait?: number,
  ): Promise<HttpResponse> {
    const { token, cookie } = ports.csrf.token(request)
    const { said, context } = fieldProblem(wait === undefined ? undefined : { wait })
    return pages.fields(
      request,
      {
        kind: 'forgotten',
        form: {
          action: paths('/password/forgotten'),
          csrf: token,
          ...(sealed !== undefined && { continue: sealed }),
        },
        fields: ['username'],
        ...said,
        links: back(sealed),
      },
      { ...pageContextOf(requester, cookie), ...context },
    )
  }
}
