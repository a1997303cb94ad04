/** Users who are kept in the store: how they change, and what they may do themselves. */

import type { Configuration } from '../configuration/configuration.ts'
import { isLoopback } from '../configuration/issuer.ts'
import { createAccounts } from '../identity/accounts.ts'
import type { EndingWithin } from '../model/session.ts'
import type { Users } from '../model/user.ts'
import type { Foundation } from './issuer-context.ts'

type AccountsGround = Foundation & {
  readonly users: Users
  readonly clients: Configuration['clients']
  readonly endingWithin: EndingWithin
  readonly hashArgon2id: (password: string, from?: string) => Promise<string>
}

export const composeAccounts = ({ accounts: settings }: Configuration, ground: AccountsGround) =>
  createAccounts({
    ...{ ...ground, settings },
    isClient: async id => (await ground.clients.find(id)) !== undefined,
  })

/** What users may do themselves: it hangs on who can be sent mail, and on who checks passwords. */
export function accountsOffered(
  { accounts, signUpTenants, validators, mail, issuer }: Configuration,
  { sendMail }: Pick<Foundation, 'sendMail'>,
) {
  // A module that checks local passwords keeps them itself.
  const keepsPasswords = validators.password === undefined
  const reachesUsers = sendMail !== undefined || mail !== undefined || isLoopback(new URL(issuer).hostname)
  const canSignUp = keepsPasswords && (reachesUsers || accounts.emailVerification === 'off')
  return {
    /** Anywhere: with a tenant or without. */
    signUp: canSignUp && (accounts.signUp || signUpTenants.size > 0),
    signUpIn: (tenant: string | undefined): boolean =>
      canSignUp && (tenant === undefined ? accounts.signUp : signUpTenants.has(tenant)),
    passwordReset: accounts.passwordReset && keepsPasswords && reachesUsers,
    deletion: accounts.selfDeletion,
    mail: reachesUsers,
    /** While developing, what would be mailed is shown. */
    outbox: sendMail === undefined && mail === undefined && reachesUsers,
  }
}
