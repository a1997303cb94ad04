/** Every service, made once: what the endpoints are given. */

import { createIdTokenHintReader } from '../authorization-request/id-token-hint.ts'
import { promptsOffered } from '../authorization-request/prompt.ts'
import { createAuthorizationRequestValidator } from '../authorization-request/validation.ts'
import { createClientAuthentication } from '../client-authentication/authenticate.ts'
import { createCallerAuthentication } from '../client-authentication/caller.ts'
import { createArgon2id } from '../client-authentication/secrets.ts'
import { createClientEncryption } from '../client-keys/encryption.ts'
import { createClientKeys } from '../client-keys/jwks.ts'
import { createClientSignatures } from '../client-keys/signature.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { EndSession, SessionLifetimes } from '../core/session.ts'
import { grantsOf } from '../endpoints/token/grants/index.ts'
import { type CountAttempt, createAttempts, type ForgiveAttempt } from '../identity/attempts.ts'
import { createFactorGuessCounter } from '../identity/factor-guesses.ts'
import { createFactorFinder } from '../identity/factors.ts'
import { createGuessCounter } from '../identity/guesses.ts'
import { createIdentityClaims } from '../identity/identity-claims.ts'
import { createMfaPolicies } from '../identity/mfa-policy.ts'
import { createPasskeyChallenges } from '../identity/passkey-challenge.ts'
import { createPasskeySignIn } from '../identity/passkey-sign-in.ts'
import { createPasskeys } from '../identity/passkeys.ts'
import { createProfile } from '../identity/profile.ts'
import { createRecoveryCodeBook } from '../identity/recovery-codes.ts'
import { createSignIn } from '../identity/sign-in.ts'
import { createTotp } from '../identity/totp.ts'
import { createUsers } from '../identity/users.ts'
import { createAccountDoor } from '../interaction/account.ts'
import { createAuthorizations } from '../interaction/authorization.ts'
import { createBrowserState } from '../interaction/browser-state.ts'
import { createConcludeSignIn } from '../interaction/conclude-sign-in.ts'
import { createContinuations } from '../interaction/continuation.ts'
import { createCookies } from '../interaction/cookies.ts'
import { createCsrf } from '../interaction/csrf.ts'
import { createFactorEnrolment } from '../interaction/enrol-factor.ts'
import { createKnownBrowsers } from '../interaction/known-browsers.ts'
import { chosenLanguage } from '../interaction/language.ts'
import { createPaths } from '../interaction/paths.ts'
import { createPendingSignIns } from '../interaction/pending-sign-in.ts'
import { createFactorProver } from '../interaction/prove-factor.ts'
import { createRememberedBrowsers } from '../interaction/remembered-browser.ts'
import { createRequesters } from '../interaction/requester.ts'
import { createResume } from '../interaction/resume.ts'
import { createSecondFactorCheck } from '../interaction/second-factor.ts'
import { createBrowserSessions } from '../interaction/session.ts'
import { createSignOuts } from '../interaction/sign-out.ts'
import { createTellOwner } from '../interaction/tell-owner.ts'
import { createUserCodes } from '../interaction/user-code.ts'
import { createWays } from '../interaction/ways.ts'
import { createDecryption } from '../keys/decryption-key.ts'
import { createSealing } from '../keys/sealing.ts'
import { createLogoutDelivery } from '../logout/delivery.ts'
import { createEndings } from '../logout/ending.ts'
import { createAccessTokens } from '../tokens/access-token.ts'
import { createAudiences } from '../tokens/audience.ts'
import { createEncryptedIdTokens } from '../tokens/encrypted-id-token.ts'
import { createIdTokens } from '../tokens/id-token.ts'
import { createLogoutTokens } from '../tokens/logout-token.ts'
import { createRefreshTokens } from '../tokens/refresh-token.ts'
import { createSubjectIdentifiers, type SubjectIdentifiers } from '../tokens/subject-identifier.ts'
import { createTokenVerifier } from '../tokens/verification.ts'
import { createLook } from '../ui/look.ts'
import { createPages } from '../ui/pages.ts'
import { createPasskeyScript } from '../ui/passkey-script.ts'
import { createTemplates } from '../ui/templates.ts'
import { createLanguageChoice } from '../ui/texts.ts'
import { accountsOffered, composeAccountPages, composeAccounts } from './accounts.ts'
import { composeAuthorizationRequests } from './authorization-requests.ts'
import { composeFederation, composeProviders, composeSubjects } from './federation.ts'
import type { Foundation } from './foundation.ts'
import { composeClients, composeRegistration } from './registration.ts'

export type Services = ReturnType<typeof composeServices>

export function composeServices(configuration: Configuration, foundation: Foundation) {
  const { issuer, resources, identityProviders, tenants, compatibility, emitStateHash, sessions } =
    configuration
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
    emitStateHash,
    ...(configuration.consentPolicy && { consentPolicy: configuration.consentPolicy }),
    subjects: createSubjectIdentifiers(foundation),
    ...createAttempts(foundation),
  }
  const people = composePeople(configuration, common)
  const factors = composeFactors(configuration, common)
  const findKeys = createClientKeys(foundation)
  const encrypt = createClientEncryption(findKeys)
  const decryption = createDecryption(foundation.derived)
  const tokens = {
    encrypt,
    audiences: createAudiences(common),
    accessTokens: createAccessTokens({ ...common, scopeAsList: compatibility === 'identityserver4' }),
    idTokens: createEncryptedIdTokens(createIdTokens(common), encrypt),
    refreshTokens: createRefreshTokens(common),
    verifier: createTokenVerifier(common),
  }
  const verifySignature = createClientSignatures(findKeys)
  const logouts = composeLogouts(configuration, common)
  const authenticate = createClientAuthentication({
    ...{ ...common, ...people, findKeys, verifySignature },
    replays: foundation.stores.replays,
    tokenEndpoint: `${issuer}/connect/token`,
  })
  const authenticateCaller = createCallerAuthentication({ ...common, ...people, authenticate })
  return {
    ...common,
    ...people,
    ...tokens,
    ...factors,
    logouts,
    ...composePages({
      ...{ ...common, ...people, ...factors, configuration },
      endSession: logouts.endSession,
      sessionLifetimes: sessions.lifetimes,
    }),
    accounts: composeAccounts(configuration, { ...common, ...people, ...logouts }),
    authenticate,
    authenticateCaller,
    grants: composeGrants({ ...configuration, identityProviders: people.identityProviders }),
    isAllowedOrigin: clients.isAllowedOrigin,
    decryption,
    ...composeAuthorizationRequests(configuration, { ...common, verifySignature, decryption }),
    registering: composeRegistration(configuration, { ...foundation, ...people }),
  }
}

type Common = Foundation &
  Pick<Configuration, 'issuer' | 'tenant' | 'clients' | 'resources' | 'identityProviders' | 'tenants'> & {
    readonly subjects: SubjectIdentifiers
    readonly countAttempt: CountAttempt
    readonly forgiveAttempt: ForgiveAttempt
  }

function composePeople(configuration: Configuration, common: Common) {
  const { users: configured, validators, grants, profile: hooks } = configuration
  const { verify: verifyArgon2id, hash: hashArgon2id } = createArgon2id()
  const users = createUsers(configured, { ...common, verifyArgon2id })
  const vouched = validators.password !== undefined || grants.length > 0
  const profile = createProfile({ users, profile: hooks, vouched })
  const countGuess = createGuessCounter(common)
  const resolveSubject = composeSubjects(configuration, { ...common, users })
  const identityProviders = composeProviders(configuration, { ...common, resolveSubject })
  const signIn = createSignIn({
    ...common,
    ...{ countGuess, users, profile, identityProviders, validator: validators.password },
  })
  const readIdentityClaims = createIdentityClaims({ ...common, profile })
  return {
    ...{ verifyArgon2id, hashArgon2id, users, profile, readIdentityClaims, resolveSubject },
    ...{ identityProviders, countGuess },
    signIn,
  }
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

function composeFactors({ mfa, tenantMfa, mfaPolicy }: Configuration, common: Common) {
  const { issuer, derived } = common
  const issuerName = new URL(issuer).host
  const findFactors = createFactorFinder(common)
  return {
    mfa,
    findFactors,
    ...createMfaPolicies({ mfa, tenantMfa, ...(mfaPolicy && { mfaPolicy }), findFactors }),
    totp: createTotp({ ...common, issuerName, sealing: createSealing({ derived, purpose: 'totp' }) }),
    recoveryCodeBook: createRecoveryCodeBook(common),
    passkeys: createPasskeys({ ...common, issuerName, challenges: createPasskeyChallenges(common) }),
    countFactorGuess: createFactorGuessCounter(common),
  }
}

function composePages(
  ports: Common &
    ReturnType<typeof composePeople> &
    ReturnType<typeof composeFactors> & {
      configuration: Configuration
      sessionLifetimes: SessionLifetimes
      endSession: EndSession
    },
) {
  const cookies = createCookies(ports)
  const passkeyScript = createPasskeyScript()
  const paths = createPaths(ports)
  const readIdTokenHint = createIdTokenHintReader(ports)
  const { branding, templates: folder } = ports.configuration
  const look = createLook({
    branding: branding,
    accents: [...ports.clients.all()].flatMap(({ accent_color }) => accent_color ?? []),
    paths,
  })
  const render = createTemplates({
    ...(folder !== undefined && { folder }),
    onBroken: (template, error) => ports.log.error('template_broken', { template, error: String(error) }),
  })
  const chooseLanguage = createLanguageChoice(chosenLanguage(cookies))
  const interaction = {
    ...{ look, passkeyScript, paths },
    pages: createPages({
      render,
      look,
      script: paths(passkeyScript.path),
      chooseLanguage,
    }),
    continuations: createContinuations(ports),
    csrf: createCsrf({ ...ports, cookies }),
    sessions: createBrowserSessions({ ...ports, lifetimes: ports.sessionLifetimes, cookies }),
    browserState: createBrowserState({ ...ports, cookies }),
    signOuts: createSignOuts(ports),
    readIdTokenHint,
    validate: createAuthorizationRequestValidator({
      ...{ ...ports, readIdTokenHint },
      prompts: promptsOffered(accountsOffered(ports.configuration, ports)),
    }),
    userCodes: createUserCodes(ports),
    knownBrowsers: createKnownBrowsers({ ...ports, cookies }),
    createAuthorization: createAuthorizations(ports),
  }
  const rememberedBrowsers = createRememberedBrowsers({ ...ports, cookies })
  const waiting = {
    rememberedBrowsers,
    lackingSecondFactor: createSecondFactorCheck({ ...ports, rememberedBrowsers }),
    pendingSignIns: createPendingSignIns({ ...ports, cookies }),
    resume: createResume(interaction),
  }
  const federation = composeFederation({ ...ports, ...interaction, cookies })
  const accountPages = composeAccountPages(ports.configuration, {
    ...ports,
    ...{ paths, render, chooseLanguage },
  })
  const tellOwner = createTellOwner({ ...ports, ...accountPages })
  return {
    ...interaction,
    ...waiting,
    ...federation,
    ...accountPages,
    tellOwner,
    ways: createWays(ports),
    passkeySignIn: createPasskeySignIn(ports),
    proveFactor: createFactorProver({ ...ports, ...interaction, tellOwner }),
    factorEnrolment: createFactorEnrolment({ ...ports, ...interaction, tellOwner }),
    findRequester: createRequesters({ ...ports, ...interaction }),
    enterAccount: createAccountDoor({ ...ports, ...interaction, ...waiting, ...federation }),
    concludeSignIn: createConcludeSignIn({ ...ports, ...interaction, ...waiting }),
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
