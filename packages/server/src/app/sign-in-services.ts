/** Users, their passwords and second factors, and the providers that authenticate them. */

import type { Configuration } from '../configuration/configuration.ts'
import { type AccessEndings, createAccessEndings } from '../identity/access-endings.ts'
import type { Attempts } from '../identity/attempts.ts'
import { subsOf } from '../identity/configured-subs.ts'
import type { DirectoryPorts, DirectoryProvider } from '../identity/directory/authority.ts'
import { createSubjectResolver, type ResolveSubject } from '../identity/external-identity.ts'
import { createExternalUserCheck, type IsExternalUser } from '../identity/external-user.ts'
import { createFactorFinder, type FindFactors } from '../identity/factors.ts'
import { createIdentityClaims, type ReadIdentityClaims } from '../identity/identity-claims.ts'
import { createMfaPolicies, type MfaPolicies } from '../identity/mfa-policy.ts'
import {
  type CountGuess,
  createFoundGuessCounter,
  createGuessCounter,
  createKnownAccounts,
  type KnownAccounts,
} from '../identity/password-guesses.ts'
import { createPasswordUpgrade } from '../identity/password-upgrade.ts'
import { createProfile, isOfTenant, type ProfilePorts } from '../identity/profile.ts'
import { createSignIn, type SignIn } from '../identity/sign-in.ts'
import { createStoreUsers, type StoreUsers } from '../identity/store-users.ts'
import { createUsers } from '../identity/users.ts'
import type { IdentityLinks } from '../model/ports/federation.ts'
import {
  type ActiveSubject,
  type IdentityProvider,
  isDerivedSub,
  localProvider,
  type PasswordAuthority,
  type Profile,
  type Users,
} from '../model/user.ts'
import type { ManagedEvents } from '../operations/events/events.ts'
import { createOverloadLog } from '../operations/overload.ts'
import { createArgon2id } from '../runtime/argon2id.ts'
import { lazily } from '../runtime/async/promises.ts'
import { networkPath } from '../runtime/network.ts'
import { decoyHash, isCurrentHash } from '../runtime/password-hash/argon2.ts'
import type { IssuerContext } from './issuer-context.ts'

export type SignInServices = {
  readonly configuredSubs: ReadonlySet<string>
  readonly users: Users
  /** Users in the operator's store. */
  readonly storeUsers: StoreUsers | undefined
  readonly profile: Profile
  readonly isExternalUser: IsExternalUser
  readonly signIn: SignIn
  readonly readIdentityClaims: ReadIdentityClaims
  /** Finds the local user that corresponds to a user of another provider. */
  readonly resolveSubject: ResolveSubject
  /** Providers by name. Directories include their credential authority. */
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  readonly countGuess: CountGuess
  readonly knownAccounts: KnownAccounts
  readonly hashPassword: (password: string, from?: string) => Promise<string>
  readonly findFactors: FindFactors
  /** Whether a second factor is required; the factors themselves are part of the pages. */
  readonly policies: MfaPolicies
  readonly accessEndings: AccessEndings
}

export function createSignInServices(
  configuration: Configuration,
  { stores, derived, clock, random, log, events, principals, passwordCost }: IssuerContext,
  { countAttempt }: Attempts,
): SignInServices {
  const { resources, tenants, userStore, validators, federation, mfa, tenantMfa, mfaPolicy } = configuration
  const { verify: verifyPasswordHash, hash: hashPassword } = createArgon2id({
    cost: passwordCost,
    networksOf: networkPath,
    onFull: createOverloadLog({ log, clock, queue: 'passwords' }),
  })
  const storeUsers = userStore && createStoreUsers(userStore)
  const users = createUsers(configuration.users, {
    stores,
    storeUsers,
    random,
    verifyPasswordHash,
    decoyHash: decoyHash(passwordCost),
    upgradePassword: createPasswordUpgrade({
      stores,
      storeUsers,
      hashArgon2id: hashPassword,
      isCurrentHash: encoded => isCurrentHash(encoded, passwordCost),
      log,
    }),
    log,
    isDisabled: principals.isDisabledUser,
  })
  const accessEndings = createAccessEndings({ stores, derived, clock })
  const links = stores.identityLinks
  const profile = createProfile({
    users,
    profile: configuration.profile,
    tenants,
    isVouchedFor: createVouching(configuration, links),
  })
  const configuredSubs = subsOf(configuration.users)
  const isExternalUser = createExternalUserCheck({
    configured: configuredSubs,
    users,
    links,
    identityProviders: configuration.identityProviders,
  })
  const countGuess = createGuessCounter({ countAttempt })
  const resolveSubject = createSubjectResolver({
    users,
    links,
    decideSubject: federation.subject,
    clock,
    log,
    events,
  })
  const identityProviders = withDirectories(configuration.identityProviders, { resolveSubject, log })
  const findFactors = createFactorFinder({ stores })
  return {
    users,
    configuredSubs,
    storeUsers,
    profile,
    isExternalUser,
    signIn: noteFailures(
      { users, events },
      createSignIn({
        users,
        profile,
        identityProviders,
        tenants,
        validator: validators.password,
        namesVary: storeUsers !== undefined,
        countGuess,
        countFoundGuess: createFoundGuessCounter({ countAttempt }),
        accessEndings,
        clock,
      }),
    ),
    readIdentityClaims: createIdentityClaims({ resources, profile }),
    resolveSubject,
    identityProviders,
    countGuess,
    knownAccounts: createKnownAccounts({ users, checksElsewhere: validators.password !== undefined }),
    hashPassword,
    findFactors,
    accessEndings,
    policies: createMfaPolicies({ mfa, tenantMfa, mfaPolicy, findFactors }),
  }
}

/**
 * Records sign-ins that are refused. The user is looked up afterwards, so that a response takes as long for names that
 * nobody has.
 */
const noteFailures =
  (
    {
      users,
      events,
    }: {
      readonly users: Pick<Users, 'findNamed'>
      readonly events: Pick<ManagedEvents, 'note' | 'notes'>
    },
    signIn: SignIn,
  ): SignIn =>
  async request => {
    const signedIn = await signIn(request)
    if (signedIn.ok || !events.notes('user.sign_in_failed')) return signedIn
    const { username, acr, client } = request
    const { idp = localProvider, tenant } = acr
    const { sub } = signedIn.log ?? {}
    const find = async (): Promise<{ readonly sub: string } | undefined> => {
      if (typeof sub === 'string') return { sub }
      // Beyond a limit, strangers must not cause look-ups.
      const isLimited = signedIn.reason === 'password_guessed_too_often'
      return idp === localProvider && !isLimited ? users.findNamed(username, tenant) : undefined
    }
    void find()
      .catch(() => undefined)
      .then(user =>
        events.note('user.sign_in_failed', {
          ...(user && { sub: user.sub }),
          idp,
          ...(client && { client_id: client.client_id }),
          reason: signedIn.reason,
        }),
      )
    return signedIn
  }

/**
 * Returns the rule for subjects without a record: those of a provider are active while the configuration has it and the
 * tenant that they signed in at, and others if a password validator or an extension grant authenticates them. Rows of
 * the operator's own store are deleted without notice. With such a store, only users of a provider who are not linked
 * to a local user can therefore lack a record.
 */
function createVouching(
  { userStore, validators, grants, identityProviders, tenants }: Configuration,
  links: Pick<IdentityLinks, 'ofUser'>,
): ProfilePorts['isVouchedFor'] {
  const isOfProvider = (subject: ActiveSubject): boolean =>
    identityProviders.has(subject.idp) && isOfTenant(subject, tenants)
  if (!userStore) {
    const trustsOthers = validators.password !== undefined || grants.length > 0
    return subject => isOfProvider(subject) || (trustsOthers && !isDerivedSub(subject.sub))
  }
  return async subject =>
    isOfProvider(subject) && (isDerivedSub(subject.sub) || (await links.ofUser(subject.sub)).length === 0)
}

/** Returns the providers, and adds a credential authority to each directory. */
const withDirectories = (
  identityProviders: Configuration['identityProviders'],
  ports: DirectoryPorts,
): ReadonlyMap<string, IdentityProvider> =>
  new Map(
    [...identityProviders].map(([name, provider]) => {
      const { directory } = provider
      if (!directory) return [name, provider]
      const credentialAuthority = createLazyDirectory({ ...provider, directory }, ports)
      return [name, { ...provider, credentialAuthority }]
    }),
  )

/** Loads the LDAP client when this directory first checks a password. */
function createLazyDirectory(provider: DirectoryProvider, ports: DirectoryPorts): PasswordAuthority {
  const load = lazily(async () => {
    const { createDirectoryAuthority } = await import('../identity/directory/authority.ts')
    return createDirectoryAuthority(provider, ports)
  })
  return { check: async (request, isAllowed) => (await load()).check(request, isAllowed) }
}
