/** Creates the endpoints that are loaded at startup, each with only the services that it needs. */

import type { Endpoint } from '@tessera/protocol/http'
import { responseTypes } from '@tessera/protocol/response-type'
import { promptsOffered } from '../authorization-request/prompt.ts'
import { responseModesOf } from '../authorization-request/response-type.ts'
import { authenticationMethodsOf } from '../clients/authentication/methods.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { mtlsBaseOf } from '../configuration/issuer.ts'
import { createDiscoveryEndpoint } from '../endpoints/discovery/discovery.ts'
import { createMetadata } from '../endpoints/discovery/metadata.ts'
import { createIntrospectionEndpoint } from '../endpoints/introspection/introspection.ts'
import { createJwksEndpoint } from '../endpoints/jwks/jwks.ts'
import { createRevocationEndpoint } from '../endpoints/revocation/revocation.ts'
import { createTokenEndpoint } from '../endpoints/token/token.ts'
import { validateBy } from '../endpoints/token/token-request-validator.ts'
import { createUserinfoEndpoint } from '../endpoints/userinfo/userinfo.ts'
import { createClientTokenCounter } from '../identity/attempt-limits.ts'
import { acrsOffered } from '../identity/mfa-policy.ts'
import type { ProtocolRouteName } from '../model/routes.ts'
import {
  permitsAlgorithm,
  permitsGrant,
  permitsMethod,
  permitsResponseType,
} from '../model/security-profile.ts'
import { algorithmOr, preferredAlgorithms } from '../model/signature-algorithm.ts'
import { languages } from '../pages/ui/languages.ts'
import type { Services } from './services.ts'

export function createProtocolEndpoints(
  configuration: Configuration,
  services: Services,
): Readonly<Record<ProtocolRouteName, Endpoint>> {
  const { issuer, compatibility, signatureAlgorithms } = configuration
  const { context, refuserOf } = services
  const { stores, keys, principals, clock, log, events } = context
  const { lookup: clients, authenticate, authenticateCaller, encrypt } = services.clients
  const { subjects, refreshTokens, verifier, senderConstraints, decryption } = services.tokens
  const { profile, readIdentityClaims } = services.signIn
  const discovery = createDiscoveryEndpoint(metadataOf(configuration, services))
  return {
    discovery,
    oauthDiscovery: discovery,
    jwks: createJwksEndpoint({ keys, decryption }),
    token: createToken(configuration, services),
    introspection: createIntrospectionEndpoint({
      issuer,
      compatibility,
      authenticateCaller,
      verifier,
      refreshTokens,
      subjects,
      profile,
      isRevoked: principals.isRevoked,
      stores,
      keys,
      defaultAlgorithm: algorithmOr(preferredAlgorithms.idToken, signatureAlgorithms),
      encrypt,
      clock,
      log,
      refuser: refuserOf('introspection'),
    }),
    revocation: createRevocationEndpoint({
      authenticate,
      verifier,
      refreshTokens,
      stores,
      clock,
      log,
      events,
      refuser: refuserOf('revocation'),
    }),
    userinfo: createUserinfoEndpoint({
      issuer,
      verifier,
      senderConstraints,
      clients,
      profile,
      readIdentityClaims,
      keys,
      encrypt,
      log,
    }),
  }
}

function createToken(
  {
    issuer,
    resources,
    signatureAlgorithms,
    validators: { tokenRequest },
    previousRefreshToken,
  }: Configuration,
  { context, attempts, clients, tokens, signIn, refuserOf }: Services,
): Endpoint {
  const { stores, principals, clock, random, log, events } = context
  const { subjects, audiences, accessTokens, idTokens, refreshTokens, verifier } = tokens
  const { profile, readIdentityClaims, users } = signIn
  return createTokenEndpoint({
    authenticate: clients.authenticate,
    senderConstraints: tokens.senderConstraints,
    grants: tokens.grants,
    previousRefreshToken,
    validate: tokenRequest && validateBy(tokenRequest),
    findClient: clients.lookup.find,
    noteUse: clients.lookup.noteUse,
    noteAuthorization: tokens.noteAuthorization,
    noteReferenceToken: tokens.noteReferenceToken,
    countClientToken: createClientTokenCounter(attempts),
    signIn: signIn.signIn,
    barsPasswordGrant: signIn.policies.barsPasswordGrant,
    profile,
    isRevoked: principals.isRevoked,
    accessEndings: signIn.accessEndings,
    isExternalUser: signIn.isExternalUser,
    readIdentityClaims,
    resources,
    subjects,
    audiences,
    accessTokens,
    idTokens,
    refreshTokens,
    stores,
    clock,
    random,
    log,
    events,
    refuser: refuserOf('token'),
    extension: {
      issuer,
      signatureAlgorithms,
      log,
      async verifyAccessToken(token) {
        const verified = await verifier.verifyAccessToken(token)
        return verified.ok ? verified.value : undefined
      },
      async user(sub) {
        const user = await users.find(sub)
        return user?.active ? user : undefined
      },
    },
  })
}

const metadataOf = (
  {
    issuer,
    securityProfile: profile,
    resources,
    mtls,
    dpop,
    mfa,
    branding,
    registration,
    ...configuration
  }: Configuration,
  { context: { keys }, clients, tokens, accounts: { offered } }: Services,
) =>
  createMetadata({
    issuer,
    clients: clients.lookup,
    resources,
    responseTypes: responseTypes.filter(type => permitsResponseType(profile, type)),
    responseModes: responseModesOf(configuration.authorizationResponses),
    signatureAlgorithms: configuration.signatureAlgorithms,
    prompts: promptsOffered(offered),
    acrValues: acrsOffered(mfa),
    uiLocales: languages.map(({ tag }) => tag),
    branding,
    // Not a grant of the token endpoint: RFC 7591 §2.1 uses this name for tokens from the authorization endpoint.
    grantTypes: [...tokens.grants.map(({ grantType }) => grantType), 'implicit'].filter(grant =>
      permitsGrant(profile, grant),
    ),
    signingAlgorithms: keys.algorithms(),
    authenticationMethods: authenticationMethodsOf({ mtls }).filter(method => permitsMethod(profile, method)),
    offersDpop: dpop.enabled,
    unsignedRequests: permitsAlgorithm(profile, 'none'),
    mtls: mtls !== undefined,
    mtlsBase: mtlsBaseOf(issuer, mtls),
    registers: registration.mode !== 'off',
    readsDocuments: registration.documents.mode !== 'off',
    administered: configuration.adminApi,
    requirePushed: configuration.authorizationRequests.requirePushed,
    requireSigned: configuration.authorizationRequests.requireSigned,
    allowUnregisteredUris: configuration.authorizationRequests.allowUnregisteredUris,
  })
