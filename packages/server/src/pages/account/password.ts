/** The password page: asks for the current password and a new one, and ends all other sessions. */

import type { Endpoint, HttpRequest } from '@tessera/protocol/http'
import { type Refusal, refuse } from '@tessera/protocol/result'
import { doCounted } from '../../identity/attempts.ts'
import type { PasswordAccount, PasswordAccounts } from '../../identity/password-accounts.ts'
import type { CountGuess, KnownAccounts } from '../../identity/password-guesses.ts'
import type { AccountSettings } from '../../model/account.ts'
import { localProvider, type Users } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import { hasPasswordHere } from '../flow/account-session.ts'
import type { NotifyOwner } from '../flow/security-notification.ts'
import { type AccountPagePorts, backTo, userPage } from './account-page.ts'

type PasswordPagePorts = AccountPagePorts & {
  readonly accounts: Pick<PasswordAccounts, 'passwordProblem' | 'setPassword'>
  readonly accountSettings: Pick<AccountSettings, 'passwordPolicy'>
  readonly users: Pick<Users, 'checkPassword'>
  readonly countGuess: CountGuess
  readonly knownAccounts: Pick<KnownAccounts, 'of'>
  readonly notifyOwner: NotifyOwner
}

/** `GET` and `POST /account/password`: `password` and `new_password`. */
export function createPasswordEndpoint(ports: PasswordPagePorts): Endpoint {
  const { accounts } = ports
  const { min_length } = ports.accountSettings.passwordPolicy

  return userPage(ports, {
    path: '/account/password',
    section: 'password',
    // The form asks for the current password, so the sign-in need not be recent. The second factor must not be missing.
    guard: { strict: true, recent: false },
    ownerOf: page => (hasPasswordHere(page) ? page.account : undefined),
    form: ({ username }) => ({
      kind: 'password',
      // Includes the user name, so that password managers can find the right entry.
      fields: ['username', 'password', 'new_password'],
      values: { username },
      fixed: 'username',
      min_length,
    }),
    async act(page, form, again) {
      const { request, owner, session, frame } = page
      const chosen = form.get('new_password') ?? ''
      const refusal = await checkCurrent(request, owner, form.get('password') ?? '')
      if (refusal) {
        page.logRefusal(refusal)
        return again(refusal.retry_after === undefined ? 'wrong' : { wait: refusal.retry_after })
      }
      const fault = accounts.passwordProblem(chosen, owner)
      if (fault) return again(fault === 'too_short' ? { min_length } : fault)
      const changed = await accounts.setPassword(owner, chosen, {
        keep: session.sid,
        from: networkOf(request),
      })
      if (!changed.ok) return again('changed')
      ports.notifyOwner(request, owner.sub, 'passwordChanged')
      return ports.pages.notice(request, { kind: 'passwordSaved', links: backTo(page) }, frame)
    },
  })

  /** Counts guesses like the login page, so that a browser that is signed in allows no more guesses than any other. */
  async function checkCurrent(
    request: HttpRequest,
    { sub, username, tenant }: PasswordAccount,
    password: string,
  ): Promise<Refusal | undefined> {
    const from = networkOf(request)
    const account = ports.knownAccounts.of(sub, { idp: localProvider, username, tenant })
    const counted = await ports.countGuess({
      idp: localProvider,
      username,
      from,
      tenant,
      // Not the id of a browser, so that all browsers that are signed in share one count.
      known_browser: { id: 'signed in', account },
    })
    if (!counted.ok) return counted
    const fits = await doCounted(
      counted.value,
      () => ports.users.checkPassword(username, password, tenant, from),
      user => user?.sub !== sub,
    )
    return fits?.sub === sub ? undefined : refuse('access_denied', 'credentials_refused', { log: { sub } })
  }
}
