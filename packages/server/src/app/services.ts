/** What the endpoints of clients and APIs are given, made at the start: `browser-services.ts` makes the rest. */

import type { Seconds } from '@tessera/protocol/brand'
import { createClientAuthentication } from '../clients/authentication/authenticate.ts'
import { createCallerAuthentication } from '../clients/authentication/caller.ts'
import { createClientFailures } from '../clients/authentication/failed-attempts.ts'
import { longestKept } from '../clients/authentication/private-key-jwt.ts'
import { createArgon2id } from '../clients/authentication/secrets.ts'
import { createPlainBasicLog } from '../clients/authentication/unencoded-basic.ts'
import { createClientEncryption } from '../clients/keys/encryption.ts'
import { createClientKeys } from '../clients/keys/jwks.ts'
import { createClientSignatures } from '../clients/keys/signature.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { mtlsBaseOf } from '../configuration/issuer.ts'
import { grantsOf } from '../endpoints/token/grants/index.ts'
import { createAuthorizationCounter } from '../endpoints/token/surplus-authorizations.ts'
import { createAssertionCounter } from '../identity/assertion-limit.ts'
import {
  type AttemptKey,
  type CountAttempt,
  createAttempts,
  type ForgiveAttempt,
  networkOf,
} from '../identity/attempts.ts'
import { createFactorFinder } from '../identity/factors.ts'
import { createIdentityClaims } from '../identity/identity-claims.ts'
import { createKnownAccounts } from '../identity/known-account.ts'
import { createMfaPolicies } from '../identity/mfa-policy.ts'
import { createGuessCounter } from '../identity/password-guesses.ts'
import { createProfile } from '../identity/profile.ts'
import { createSignIn } from '../identity/sign-in.ts'
import { createUsers } from '../identity/users.ts'
import { createDecryption } from '../keys/decryption-key.ts'
import { createRefuser, type Refuser } from '../messages/json-response.ts'
import { createOverloadLog } from '../operations/overload.ts'
import { networkKeys, networkPath } from '../runtime/network.ts'
import type { Awaitable } from '../runtime/ports.ts'
import { createLogoutDelivery } from '../sessions/logout-delivery.ts'
import { createEndings } from '../sessions/session-end.ts'
import { createAccessTokens } from '../tokens/access-token.ts'
import { createAudiences } from '../tokens/audience.ts'
import { createEncryptedIdTokens } from '../tokens/encrypted-id-token.ts'
import { createIdTokens } from '../tokens/id-token.ts'
import { createLogoutTokens } from '../tokens/logout-token.ts'
import { createRefreshTokens } from '../tokens/refresh-token.ts'
import { createSubjectIdentifiers, type SubjectIdentifiers } from '../tokens/subject-identifier.ts'
import { createTokenVerifier } from '../tokens/verification.ts'
import { accountsOffered, composeAccounts } from './accounts.ts'
import { composeClients } from './clients.ts'
import { composeProviders, composeSubjects } from './identity-providers.ts'
import type { Foundation } from './issuer-context.ts'

export type Services = ReturnType<typeof composeServices>

export function composeServices(configuration: Configuration, foundation: Foundation) {
  const { issuer, resources, identityProviders, tenants, compatibility, emitStateHash } = configuration
  const { clientAssertions, unknownScopes } = configuration
  const isCompatible = compatibility === 'identityserver4'
  const clients = composeClients(configuration, foundation)
  const common = {
    ...foundation,
    issuer,
    ...(configuration.tenant !== undefined && { tenant: configuration.tenant }),
    clients,
    resources,
    identityProviders,
    tenants,
    compatibility,
    emitsScope: isCompatible,
    unknownScopes,
    emitStateHash,
    networkOf,
    ...(configuration.consentPolicy && { consentPolicy: configuration.consentPolicy }),
    subjects: createSubjectIdentifiers(foundation),
    ...createAttempts(foundation),
    // It answers at once for every client that it names.
    isConfigured: (clientId: string) => configuration.clients.find(clientId) !== undefined,
  }
  const people = composePeople(configuration, common)
  const findKeys = createClientKeys(foundation)
  const encrypt = createClientEncryption(findKeys)
  const decryption = createDecryption(foundation.derived)
  const tokens = {
    encrypt,
    audiences: createAudiences({
      resources,
      // Beside the names of APIs, IdentityServer4 has this audience for APIs that only have scopes.
      unowned: isCompatible ? `${issuer.replace(/\/$/, '')}/resources` : issuer,
    }),
    accessTokens: createAccessTokens({ ...common, scopeAsList: isCompatible }),
    idTokens: createEncryptedIdTokens(createIdTokens({ ...common, alwaysWithIdp: isCompatible }), encrypt),
    refreshTokens: createRefreshTokens(common),
    verifier: createTokenVerifier(common),
  }
  const verifySignature = createClientSignatures(findKeys)
  const logouts = composeLogouts(configuration, common)
  const failures = composeFailures(foundation, common)
  const notePlainBasic = createPlainBasicLog(common)
  const authenticate = createClientAuthentication({
    ...{ ...common, ...people, findKeys, verifySignature, failures, networkOf, notePlainBasic },
    replays: foundation.stores.replays,
    clientAssertions,
    countAssertion: createAssertionCounter({ ...common, longest: longestKept(clientAssertions.maxLifetime) }),
    mtlsBase: mtlsBaseOf(issuer, configuration.mtls),
  })
  const authenticateCaller = createCallerAuthentication({
    ...{ ...common, ...people, authenticate, failures, networkOf, notePlainBasic },
  })
  return {
    ...common,
    ...people,
    ...tokens,
    ...composeMfaPolicies(configuration, common),
    logouts,
    offered: accountsOffered(configuration, foundation),
    accounts: composeAccounts(configuration, { ...common, ...people, ...logouts }),
    authenticate,
    authenticateCaller,
    grants: composeGrants({ ...configuration, identityProviders: people.identityProviders }),
    isAllowedOrigin: clients.isAllowedOrigin,
    noteUse: clients.noteUse,
    noteAuthorization: createAuthorizationCounter({ ...foundation.stores, log: foundation.log }),
    decryption,
    verifySignature,
    refuserOf: (endpoint: string): Refuser =>
      createRefuser(endpoint, {
        ...foundation,
        networkOf,
        invalidClientStatus: isCompatible ? 400 : 401,
      }),
  }
}

type Common = Foundation &
  Pick<Configuration, 'issuer' | 'tenant' | 'clients' | 'resources' | 'identityProviders' | 'tenants'> & {
    readonly subjects: SubjectIdentifiers
    readonly countAttempt: CountAttempt
    readonly forgiveAttempt: ForgiveAttempt
    readonly waitFor: (keys: readonly AttemptKey[]) => Awaitable<Seconds>
  }

function composeFailures({ clock }: Foundation, { countAttempt, waitFor }: Common) {
  // Marks are counters that are never full.
  const markers = (keys: readonly string[], most: number) => keys.map(key => ({ key, most, span: 0 }))
  return createClientFailures({
    clock,
    networksOf: (from, limit) => networkKeys('client', from, limit),
    async countFailure(counter) {
      const counted = await countAttempt([counter])
      return counted.ok ? 0 : counted.wait
    },
    async mark(keys, span) {
      await countAttempt(markers(keys, Number.MAX_SAFE_INTEGER).map(one => ({ ...one, span })))
    },
    async isMarked(keys) {
      return (await waitFor(markers(keys, 1))) > 0
    },
  })
}

function composePeople(configuration: Configuration, common: Common) {
  const { users: configured, validators, grants, profile: hooks } = configuration
  const bounds = (queue: string) => ({
    networksOf: networkPath,
    onFull: createOverloadLog({ ...common, queue }),
  })
  // Apart: nobody who guesses client secrets is to keep users waiting, nor the other way round.
  const { verify: verifyPassword, hash: hashArgon2id } = createArgon2id(bounds('passwords'))
  const { match: matchArgon2id } = createArgon2id({ concurrent: 1, ...bounds('client_secrets') })
  const users = createUsers(configured, {
    ...{ ...common, verifyArgon2id: verifyPassword },
    hasFallen: common.standing.hasFallenUser,
  })
  const vouched = validators.password !== undefined || grants.length > 0
  const profile = createProfile({ users, profile: hooks, vouched })
  const countGuess = createGuessCounter(common)
  const knownAccounts = createKnownAccounts({ users, checksElsewhere: validators.password !== undefined })
  const resolveSubject = composeSubjects(configuration, { ...common, users })
  const identityProviders = composeProviders(configuration, { ...common, resolveSubject })
  const signIn = createSignIn({
    ...common,
    ...{ countGuess, users, profile, identityProviders, validator: validators.password },
  })
  const readIdentityClaims = createIdentityClaims({ ...common, profile })
  return {
    ...{ matchArgon2id, hashArgon2id, users, profile, readIdentityClaims, resolveSubject },
    ...{ identityProviders, countGuess, knownAccounts },
    signIn,
  }
}

/** Whether a second factor is asked for; the factors themselves are the pages' affair. */
function composeMfaPolicies({ mfa, tenantMfa, mfaPolicy }: Configuration, common: Common) {
  const findFactors = createFactorFinder(common)
  const policies = createMfaPolicies({ mfa, tenantMfa, ...(mfaPolicy && { mfaPolicy }), findFactors })
  return { mfa, findFactors, ...policies }
}

function composeLogouts({ sessions: { endRevokes, endOnExpiry } }: Configuration, common: Common) {
  const delivery = createLogoutDelivery({ ...common, logoutTokens: createLogoutTokens(common) })
  // Not waited for: whoever signs out does not wait for the clients.
  const onNotices = () => void delivery.deliver()
  const { endSession, endingWithin, endExpired } = createEndings({ ...common, endRevokes, onNotices })
  return {
    endSession,
    endingWithin,
    /** Ends sessions that have expired, where that is asked for, and tells clients what is due. */
    async run(): Promise<void> {
      if (endOnExpiry) await endExpired()
      await delivery.deliver()
    },
    settled: delivery.settled,
  }
}

/** Without anyone who can check a password there is no password grant. */
const composeGrants = ({
  users,
  accounts,
  validators,
  identityProviders,
  grants,
  trustedIssuers,
}: Configuration) =>
  grantsOf({
    checksPasswords:
      users.length > 0 ||
      accounts.kept ||
      validators.password !== undefined ||
      [...identityProviders.values()].some(({ credentialAuthority }) => credentialAuthority !== undefined),
    extensions: grants,
    trustedIssuers,
  })
