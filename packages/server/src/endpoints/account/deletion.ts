/** The page on which users delete their account, where the operator lets them. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Log } from '../../core/runtime.ts'
import type { StoredUser } from '../../core/stored-user.ts'
import type { Accounts } from '../../identity/accounts.ts'
import type { AccountVisit, EnterAccount } from '../../interaction/account.ts'
import type { SendLetter } from '../../interaction/account-mail.ts'
import type { Csrf } from '../../interaction/csrf.ts'
import { readPageForm } from '../../interaction/form.ts'
import type { Paths } from '../../interaction/paths.ts'
import { createPageRefuser } from '../../interaction/refused-page.ts'
import type { BrowserSessions } from '../../interaction/session.ts'
import type { Pages } from '../../ui/pages.ts'

export type DeletionPorts = {
  readonly enterAccount: EnterAccount
  readonly accounts: Pick<Accounts, 'find' | 'remove'>
  readonly sessions: Pick<BrowserSessions, 'end'>
  readonly sendLetter: SendLetter
  readonly csrf: Csrf
  readonly pages: Pages
  readonly paths: Paths
  readonly log: Log
}

/** `GET` and `POST /account/delete`: asks for a recent sign-in, with the second factor of who has one. */
export function createDeletionEndpoint(ports: DeletionPorts): Endpoint {
  const { accounts, pages, paths } = ports
  const refusePage = createPageRefuser('account', ports)

  return async request => {
    const visit = await ports.enterAccount(request, 'profile', { strict: true })
    if (!visit.ok) return visit.response
    const user = await accounts.find(visit.session.sub)
    if (!user) return pages.notice(request, { kind: 'notHere' }, { navigation: visit.navigation })
    if (request.method !== 'POST') return show(request, visit, user)
    const form = readPageForm(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const removed = await accounts.remove(user.sub)
    // Another request of theirs was faster: it is gone all the same.
    if (removed.ok) ports.sendLetter(request, async () => letterTo(user))
    const { cookie } = await ports.sessions.end(request)
    return pages.notice(request, { kind: 'accountDeleted' }, { cookies: [cookie] })
  }

  function show(
    request: HttpRequest,
    { navigation }: AccountVisit,
    { username }: StoredUser,
  ): Promise<HttpResponse> {
    const { token, cookie } = ports.csrf.token(request)
    return pages.fields(
      request,
      {
        kind: 'deleteAccount',
        form: { action: paths('/account/delete'), csrf: token },
        ...{ fields: ['username'], values: { username }, fixed: 'username' },
      },
      { navigation, cookies: [cookie] },
    )
  }
}

/** To an address that is known to have been theirs. */
const letterTo = ({ email, email_verified_at }: StoredUser) =>
  email !== undefined && email_verified_at !== undefined
    ? ({ to: email, kind: 'accountDeleted', path: '/' } as const)
    : undefined
