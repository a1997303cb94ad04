/** The password page: the current password, then a new one; sessions elsewhere end. */

import type { Endpoint, HttpRequest } from '@tessera/protocol/http'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { Accounts } from '../../identity/accounts.ts'
import { doCounted } from '../../identity/attempts.ts'
import type { CountGuess, KnownAccounts } from '../../identity/password-guesses.ts'
import type { AccountSettings } from '../../model/account.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import { localProvider, type Users } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import { hasPasswordHere } from '../flow/account-session.ts'
import { logRefusal } from '../flow/refused-page.ts'
import type { TellOwner } from '../flow/security-notification.ts'
import { backTo, type StoredUserPagePorts, storedUserPage } from './stored-user-page.ts'

export type PasswordPagePorts = StoredUserPagePorts & {
  readonly accounts: Pick<Accounts, 'find' | 'passwordFault' | 'setPassword'>
  readonly accountSettings: Pick<AccountSettings, 'passwordPolicy'>
  readonly users: Pick<Users, 'checkPassword'>
  readonly countGuess: CountGuess
  readonly knownAccounts: Pick<KnownAccounts, 'of'>
  readonly tellOwner: TellOwner
}

/** `GET` and `POST /account/password`: `password` and `new_password`. */
export function createPasswordEndpoint(ports: PasswordPagePorts): Endpoint {
  const { accounts } = ports
  const { min_length } = ports.accountSettings.passwordPolicy

  return storedUserPage(ports, {
    path: '/account/password',
    section: 'password',
    // The current password is asked for anyway, so the sign-in may be an old one; the second factor may not be missing.
    strict: { recent: false },
    isFor: hasPasswordHere,
    form: ({ username }) => ({
      kind: 'password',
      // The name too, so that password managers know whose it is.
      ...{ fields: ['username', 'password', 'new_password'], values: { username }, fixed: 'username' },
      min_length,
    }),
    async act({ request, stored, session, frame }, form, again) {
      const chosen = form.get('new_password') ?? ''
      const refusal = await checkCurrent(request, stored, form.get('password') ?? '')
      if (refusal) {
        logRefusal(ports.log, 'account', request, refusal)
        return again(refusal.retry_after === undefined ? 'wrong' : { wait: refusal.retry_after })
      }
      const fault = accounts.passwordFault(chosen, stored)
      if (fault) return again(fault === 'too_short' ? { min_length } : fault)
      const changed = await accounts.setPassword(stored, chosen, {
        keep: session.sid,
        from: networkOf(request),
      })
      if (!changed.ok) return again('changed')
      ports.tellOwner(request, stored.sub, 'passwordChanged')
      return ports.pages.notice(request, { kind: 'passwordSaved', links: backTo(ports.paths) }, frame)
    },
  })

  /** Counted as at the login page: whoever finds a browser signed in is to guess no longer than anybody. */
  async function checkCurrent(
    request: HttpRequest,
    { sub, username, tenant }: StoredUser,
    password: string,
  ): Promise<Refusal | undefined> {
    const from = networkOf(request)
    const account = ports.knownAccounts.of(sub, { idp: localProvider, username, tenant })
    const counted = await ports.countGuess({
      ...{ idp: localProvider, username, from, ...(tenant !== undefined && { tenant }) },
      // No browser has this id: those that are signed in have one count together.
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
