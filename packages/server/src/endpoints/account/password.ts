/** The password page: the current password, then a new one; sessions elsewhere end. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { AccountSettings } from '../../core/account.ts'
import type { Log } from '../../core/runtime.ts'
import type { StoredUser } from '../../core/stored-user.ts'
import { localProvider, type Users } from '../../core/user.ts'
import type { Accounts } from '../../identity/accounts.ts'
import { networkOf } from '../../identity/attempts.ts'
import type { CountGuess } from '../../identity/guesses.ts'
import type { AccountVisit, EnterAccount } from '../../interaction/account.ts'
import type { Csrf } from '../../interaction/csrf.ts'
import { readPageForm } from '../../interaction/form.ts'
import type { Paths } from '../../interaction/paths.ts'
import { createPageRefuser, logRefusal } from '../../interaction/refused-page.ts'
import type { TellOwner } from '../../interaction/tell-owner.ts'
import type { FieldProblem } from '../../ui/field-pages.ts'
import type { Pages } from '../../ui/pages.ts'

export type PasswordPagePorts = {
  readonly enterAccount: EnterAccount
  readonly accounts: Accounts
  readonly accountSettings: Pick<AccountSettings, 'passwordPolicy'>
  readonly users: Pick<Users, 'checkPassword'>
  readonly countGuess: CountGuess
  readonly tellOwner: TellOwner
  readonly csrf: Csrf
  readonly pages: Pages
  readonly paths: Paths
  readonly log: Log
}

/** `GET` and `POST /account/password`: `password` and `new_password`. */
export function createPasswordEndpoint(ports: PasswordPagePorts): Endpoint {
  const { accounts, pages, paths } = ports
  const refusePage = createPageRefuser('account', ports)
  const min_length = ports.accountSettings.passwordPolicy.min_length

  return async request => {
    const visit = await ports.enterAccount(request, 'password')
    if (!visit.ok) return visit.response
    const user = await accounts.find(visit.session.sub)
    if (user?.password === undefined || visit.session.idp !== localProvider)
      return pages.notice(request, { kind: 'notHere' }, { navigation: visit.navigation })
    if (request.method !== 'POST') return show(request, visit, user)
    const form = readPageForm(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const chosen = form.value.get('new_password') ?? ''
    const refusal = await checkCurrent(request, user, form.value.get('password') ?? '')
    if (refusal) {
      logRefusal(ports.log, 'account', request, refusal)
      const wait = refusal.retry_after
      return show(request, visit, user, wait === undefined ? 'wrong' : { waitMinutes: Math.ceil(wait / 60) })
    }
    const fault = accounts.passwordFault(chosen, user)
    if (fault) return show(request, visit, user, fault === 'too_short' ? { min_length } : fault)
    const changed = await accounts.setPassword(user, chosen, visit.session.sid)
    if (!changed.ok) return show(request, visit, user, 'changed')
    ports.tellOwner(request, user.sub, 'passwordChanged')
    return pages.notice(request, { kind: 'passwordSaved' }, { navigation: visit.navigation })
  }

  /** Counted as at the login page: whoever finds a browser signed in is to guess no longer than anybody. */
  async function checkCurrent(
    request: HttpRequest,
    { sub, username, tenant }: StoredUser,
    password: string,
  ): Promise<Refusal | undefined> {
    const where = tenant === undefined ? {} : { tenant }
    const counted = await ports.countGuess({
      ...{ idp: localProvider, username, ...where, from: networkOf(request), known_browser: sub },
    })
    if (!counted.ok) return counted
    const fits = await ports.users.checkPassword(username, password, tenant)
    if (fits?.sub !== sub) return refuse('access_denied', 'credentials_refused', { log: { sub } })
    await counted.value()
    return undefined
  }

  function show(
    request: HttpRequest,
    { navigation }: AccountVisit,
    { username }: StoredUser,
    problem?: FieldProblem,
  ): Promise<HttpResponse> {
    const { token, cookie } = ports.csrf.token(request)
    return pages.fields(
      request,
      {
        kind: 'password',
        form: { action: paths('/account/password'), csrf: token },
        // The name too, so that password managers know whose it is.
        ...{ fields: ['username', 'password', 'new_password'], values: { username }, fixed: 'username' },
        min_length,
        ...(problem && { problem }),
      },
      { navigation, cookies: [cookie], ...(problem && { status: statusOf(problem) }) },
    )
  }
}

const statusOf = (problem: FieldProblem): number =>
  typeof problem === 'object' && 'waitMinutes' in problem ? 429 : 400
