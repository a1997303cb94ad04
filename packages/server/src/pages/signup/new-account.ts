/** Adds an account if its name and password are acceptable, and signs its user in. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type JsonObject, type Refusal, refuse } from '@tessera/protocol/result'
import type { AddedAccount, PasswordAccounts } from '../../identity/password-accounts.ts'
import type { KnownAccounts } from '../../identity/password-guesses.ts'
import type { PasswordProblem } from '../../model/account.ts'
import { localProvider } from '../../model/user.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { KnownBrowsers } from '../flow/browser-cookies.ts'
import type { ConcludeSignIn } from '../flow/conclude-sign-in.ts'
import type { Waiting } from './waiting.ts'

type NewAccount = {
  /** Omitted: a random one. */
  readonly sub?: string
  readonly username: string
  readonly full_name: string
  readonly password: string
  readonly email?: string
  /** Whether the address is verified. */
  readonly verified?: boolean
  readonly tenant?: string
  /** The network of the request. */
  readonly from: string
  /** See `PasswordAccounts.signUp`. */
  readonly redeem?: () => Promise<boolean>
}

type Problem = PasswordProblem | 'username_taken' | 'username_malformed'

type NewAccounts = {
  readonly add: (
    account: NewAccount,
  ) => Promise<
    | { readonly ok: true; readonly user: AddedAccount }
    | { readonly ok: false; readonly problem: Problem; readonly refusal: Refusal }
  >
  readonly signIn: (request: HttpRequest, user: AddedAccount, waiting: Waiting) => Promise<HttpResponse>
}

export type NewAccountPorts = {
  readonly accounts: PasswordAccounts
  readonly concludeSignIn: ConcludeSignIn
  readonly knownBrowsers: KnownBrowsers
  readonly knownAccounts: KnownAccounts
  readonly clock: Clock
}

export const createNewAccounts = ({
  accounts,
  concludeSignIn,
  knownBrowsers,
  knownAccounts,
  clock,
}: NewAccountPorts): NewAccounts => ({
  async add({ sub, username, full_name, password, email, verified = false, tenant, from, redeem }) {
    const problem = accounts.passwordProblem(password, { username, email })
    if (problem) return { ok: false, problem, refusal: refuse('invalid_request', 'password_unfit') }
    const claims: JsonObject = full_name === '' ? {} : { name: full_name }
    const added = await accounts.signUp(
      { username, password, emailVerified: verified, from, sub, tenant, email, claims },
      redeem,
    )
    if (added.ok) return { ok: true, user: added.value }
    const malformed = added.reason === 'username_malformed' || added.reason === 'username_is_address'
    return { ok: false, problem: malformed ? 'username_malformed' : 'username_taken', refusal: added }
  },
  signIn(request, { sub, username, tenant, stored }, { continuation, requester: { client, requested_acr } }) {
    const where = tenant === undefined ? {} : { tenant }
    const account = knownAccounts.of(sub, { idp: localProvider, username, tenant })
    return concludeSignIn(request, {
      subject: {
        sub,
        epoch: stored?.epoch,
        ...where,
        idp: localProvider,
        amr: ['pwd'],
        auth_time: clock.now(),
      },
      tenant,
      client,
      requested_acr,
      continuation,
      cookies: [knownBrowsers.remember(request, account)],
    })
  },
})
