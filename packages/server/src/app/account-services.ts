/** Stored accounts: how they change, and which changes users can make themselves. */

import type { Configuration } from '../configuration/configuration.ts'
import { isLoopback } from '../configuration/issuer.ts'
import { type Accounts, createAccounts } from '../identity/accounts.ts'
import type { Attempts } from '../identity/attempts.ts'
import { createEndOfAccess } from '../identity/end-of-access.ts'
import { createHiddenUsersEnd } from '../identity/hidden-users.ts'
import { createPasswordAccounts, type PasswordAccounts } from '../identity/password-accounts.ts'
import { createPersonAttribution } from '../identity/person-attribution.ts'
import { createPersonalData, type PersonalData } from '../identity/personal-data.ts'
import { createUserReplacement, type ReplaceUser } from '../identity/user-replacement.ts'
import { createUserSearch, type FoundUser } from '../identity/user-search.ts'
import { createSealing } from '../keys/sealing.ts'
import type { ClientServices } from './client-services.ts'
import type { IssuerContext } from './issuer-context.ts'
import type { SessionServices } from './session-services.ts'
import type { SignInServices } from './sign-in-services.ts'

export type AccountServices = {
  readonly accounts: Accounts
  readonly passwordAccounts: PasswordAccounts
  /** Ends the sessions and revokes the tokens of any user, for operators. Resolves to the `sid` of each session. */
  readonly endAccess: (sub: string) => Promise<readonly string[]>
  /** Ends the access of stored users whose `sub` the configuration gives to others. Called before it takes effect. */
  readonly endHiddenUsers: () => Promise<void>
  /** Exports and deletes everything about a person. */
  readonly personalData: PersonalData
  /** Finds users by `sub`, name or address, for operators. */
  readonly searchUsers: (text: string) => Promise<readonly FoundUser[]>
  /** Replaces the record of a stored user, for operators. */
  readonly replaceUser: ReplaceUser
  readonly offered: AccountOffers
}

/**
 * The changes that users can make themselves, which depend on whether mail can be sent and on what checks passwords.
 */
type AccountOffers = {
  /** Whether users can sign up in some tenant, or without one. */
  readonly signUp: boolean
  readonly signUpIn: (tenant: string | undefined) => boolean
  readonly passwordReset: boolean
  readonly deletion: boolean
  readonly mail: boolean
  /** Whether emails are shown on a page during development instead of being sent. */
  readonly devMail: boolean
}

export function createAccountServices(
  configuration: Configuration,
  context: IssuerContext,
  {
    clients: { lookup },
    signIn: { users, configuredSubs: configured, storeUsers, hashPassword, accessEndings },
    sessions: { endingWithin },
    attempts: { hashOf },
  }: {
    readonly clients: ClientServices
    readonly signIn: SignInServices
    readonly sessions: SessionServices
    readonly attempts: Attempts
  },
): AccountServices {
  const { stores, derived, clock, random, log, events } = context
  const shared = {
    stores,
    users,
    // Also an entry that another node has just added, or that this one can't use.
    isClient: async (id: string) =>
      (await lookup.find(id, 'at_hand')) !== undefined ||
      (await stores.entries.find('clients', id)) !== undefined,
    hashArgon2id: hashPassword,
    accessEndings,
    endingWithin,
    settings: configuration.accounts,
    random,
    log,
    events,
  }
  const personalData = createPersonalData({
    ...shared,
    issuer: configuration.issuer,
    tenant: configuration.tenant,
    configured,
    attribution: createPersonAttribution({
      persons: stores.persons,
      mailSealing: createSealing({ derived, purpose: 'mail' }),
      webhookSealing: createSealing({ derived, purpose: 'webhooks' }),
      providers: [...configuration.identityProviders.keys()],
      hashOf,
    }),
    clock,
  })
  const accounts = createAccounts({ ...shared, erase: personalData.eraseStored, clock })
  const endAccess = createEndOfAccess({ ...shared, accounts })
  return {
    accounts,
    personalData,
    passwordAccounts: createPasswordAccounts({ ...shared, configured, accounts, storeUsers }),
    endAccess,
    endHiddenUsers: createHiddenUsersEnd({ configured: configuration.users, stores, endAccess, log }),
    searchUsers: createUserSearch({
      configured: configuration.users,
      tenants: configuration.tenants,
      users,
      storeUsers,
      storedUsers: stores.storedUsers,
    }),
    replaceUser: createUserReplacement({ ...shared, clock }),
    offered: offersOf(configuration, context),
  }
}

function offersOf(
  { accounts, signUpTenants, validators, mail, issuer }: Configuration,
  { sendMail }: Pick<IssuerContext, 'sendMail'>,
): AccountOffers {
  // A module that checks local passwords also stores them.
  const storesPasswords = validators.password === undefined
  const canMail = sendMail !== undefined || mail !== undefined || isLoopback(new URL(issuer).hostname)
  const canSignUp = storesPasswords && (canMail || accounts.emailVerification === 'off')
  return {
    signUp: canSignUp && (accounts.signUp || signUpTenants.size > 0),
    signUpIn: tenant => canSignUp && (tenant === undefined ? accounts.signUp : signUpTenants.has(tenant)),
    passwordReset: accounts.passwordReset && storesPasswords && canMail,
    deletion: accounts.selfDeletion,
    mail: canMail,
    devMail: sendMail === undefined && mail === undefined && canMail,
  }
}
