/** Services that issue and verify tokens, and the grants. */

import type { Configuration } from '../configuration/configuration.ts'
import { mtlsBaseOf } from '../configuration/issuer.ts'
import type { Grant } from '../endpoints/token/decision.ts'
import { grantsOf } from '../endpoints/token/grants/index.ts'
import {
  createAuthorizationCounter,
  createReferenceTokenCounter,
  type NoteAuthorization,
  type NoteReferenceToken,
} from '../endpoints/token/surplus.ts'
import { createDecryption } from '../keys/decryption-key.ts'
import type { Decryption } from '../model/keys.ts'
import { algorithmOr, preferredAlgorithms } from '../model/signature-algorithm.ts'
import { createDpopProofs } from '../proof/dpop-proof.ts'
import { createProofNonces } from '../proof/proof-nonce.ts'
import { createSenderConstraints, type SenderConstraints } from '../proof/sender-constraint.ts'
import { type AccessTokens, createAccessTokens } from '../tokens/access-token.ts'
import { type Audiences, createAudiences } from '../tokens/audience.ts'
import { createEncryptedIdTokens, createIdTokens, type IdTokens } from '../tokens/id-token.ts'
import { createRefreshTokens, type RefreshTokens } from '../tokens/refresh-token.ts'
import { createResponseJwts, type ResponseJwts } from '../tokens/response-jwt.ts'
import { createSubjectIdentifiers, type SubjectIdentifiers } from '../tokens/subject-identifier.ts'
import { createTokenVerifier, type TokenVerifier } from '../tokens/verification.ts'
import type { ClientServices } from './client-services.ts'
import type { IssuerContext } from './issuer-context.ts'

export type TokenServices = {
  readonly subjects: SubjectIdentifiers
  readonly audiences: Audiences
  readonly accessTokens: AccessTokens
  readonly idTokens: IdTokens
  readonly refreshTokens: RefreshTokens
  /** Authorization responses in a JWT. */
  readonly responseJwts: ResponseJwts
  readonly verifier: TokenVerifier
  readonly senderConstraints: SenderConstraints
  readonly grants: readonly Grant[]
  readonly noteAuthorization: NoteAuthorization
  readonly noteReferenceToken: NoteReferenceToken
  /** Decrypts request objects. */
  readonly decryption: Decryption
}

export function createTokenServices(
  configuration: Configuration,
  { stores, keys, principals, derived, clock, random, log }: IssuerContext,
  { lookup, encrypt }: ClientServices,
): TokenServices {
  const { issuer, resources, signatureAlgorithms } = configuration
  const isCompatible = configuration.compatibility === 'identityserver4'
  const subjects = createSubjectIdentifiers({ derived })
  const signed = createIdTokens({ issuer, keys, subjects, clock, alwaysWithIdp: isCompatible })
  return {
    subjects,
    audiences: createAudiences({
      resources,
      defaultAlgorithm: algorithmOr(preferredAlgorithms.accessToken, signatureAlgorithms),
      // IdentityServer4 uses this audience, besides the names of APIs, for scopes without an API.
      unowned: isCompatible ? `${issuer.replace(/\/$/, '')}/resources` : issuer,
    }),
    accessTokens: createAccessTokens({ issuer, keys, subjects, random, scopeAsList: isCompatible }),
    idTokens: createEncryptedIdTokens(signed, encrypt),
    refreshTokens: createRefreshTokens({ derived }),
    responseJwts: createResponseJwts({
      issuer,
      keys,
      defaultAlgorithm: algorithmOr(preferredAlgorithms.idToken, signatureAlgorithms),
      encrypt,
      clock,
      lifetime: configuration.authorizationResponses.jwtLifetime,
    }),
    verifier: createTokenVerifier({
      issuer,
      keys,
      clock,
      clients: lookup,
      subjects,
      clientRevokedAt: principals.clientRevokedAt,
      isRevoked: principals.isRevoked,
      stores,
    }),
    senderConstraints: createConstraints(configuration, { stores, derived, clock }),
    grants: createGrants(configuration),
    noteAuthorization: createAuthorizationCounter({ authorizations: stores.authorizations, log }),
    noteReferenceToken: createReferenceTokenCounter({ referenceTokens: stores.referenceTokens, log }),
    decryption: createDecryption(derived),
  }
}

function createConstraints(
  { issuer, mtls, dpop, signatureAlgorithms: algorithms }: Configuration,
  { stores, derived, clock }: Pick<IssuerContext, 'stores' | 'derived' | 'clock'>,
): SenderConstraints {
  const nonces = dpop.requireNonce ? createProofNonces({ derived, clock }) : undefined
  return createSenderConstraints({
    verifyDpopProof: createDpopProofs({
      bases: [issuer, mtlsBaseOf(issuer, mtls)],
      clock,
      algorithms,
      nonces,
    }),
    proofAlgorithms: algorithms,
    bindsToProofs: dpop.enabled,
    nonce: () => nonces?.current(),
    usedAssertions: stores.usedAssertions,
  })
}

/** Omits the password grant if nothing can check a password. */
const createGrants = ({
  users,
  accounts,
  userStore,
  validators,
  identityProviders,
  grants,
  trustedIssuers,
  hookTimeout,
}: Configuration) =>
  grantsOf({
    checksPasswords:
      users.length > 0 ||
      accounts.stored ||
      userStore !== undefined ||
      validators.password !== undefined ||
      [...identityProviders.values()].some(
        one => one.directory !== undefined || one.credentialAuthority !== undefined,
      ),
    extensions: grants,
    trustedIssuers,
    hookTimeout,
  })
