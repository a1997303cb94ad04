/** Requests tokens, and checks what comes with them: the interface of `@tessera/client`. */

export { type AcrValuesInput, acrValues } from './acr-values.ts'
export { type AssertionOptions, clientSecretJwt, privateKeyJwt } from './authentication/assertion.ts'
export type {
  AuthenticationRequest,
  ClientAuthentication,
  Credentials,
} from './authentication/authentication.ts'
export { tlsClientAuth } from './authentication/certificate.ts'
export { clientSecretBasic, clientSecretPost, noAuthentication } from './authentication/secret.ts'
export { workloadIdentity } from './authentication/workload-identity.ts'
export {
  type CompletedAuthorization,
  type CompletionOptions,
  completeAuthorization,
} from './authorization/complete.ts'
export {
  type EndSessionOptions,
  type EndSessionRequest,
  endSessionUrl,
  validateEndSessionResponse,
} from './authorization/end-session.ts'
export type { PendingAuthorization, ResponseMode } from './authorization/pending.ts'
export {
  type AuthorizationOptions,
  type AuthorizationRequest,
  createAuthorizationRequest,
} from './authorization/request.ts'
export {
  type EncryptRequest,
  encryptedRequests,
  type RequestEncryptionOptions,
  type RequestObjectOptions,
  type SignRequest,
  signedRequests,
} from './authorization/request-object.ts'
export {
  type AuthorizationResponse,
  type AuthorizationResponseOptions,
  validateAuthorizationResponse,
} from './authorization/response.ts'
export type { ResponseJwtOptions } from './authorization/response-jwt.ts'
export type { ResponseParts } from './authorization/response-parts.ts'
export {
  type ClientProviderOptions,
  createClientProvider,
  type RegistrationStore,
} from './client-provider.ts'
export { type Client, type ClientOptions, createClient } from './create-client.ts'
export { createIssuer, type Issuer, type IssuerOptions } from './discovery/issuer.ts'
export { issuerKeys } from './discovery/keys.ts'
export type { DiscoveryPolicy, ServerMetadata } from './discovery/metadata.ts'
export {
  type DiscoveredResource,
  type DiscoverResourceOptions,
  discoverResource,
  type ProtectedResourceMetadata,
} from './discovery/protected-resource.ts'
export { type FindIssuerOptions, findIssuer } from './discovery/webfinger.ts'
export type { ClientInformation, ClientMetadata } from './endpoints/client-metadata.ts'
export {
  type ActiveToken,
  type InactiveToken,
  type Introspection,
  type IntrospectionOptions,
  introspectToken,
} from './endpoints/introspection.ts'
export {
  deleteRegistration,
  type RegistrationAccess,
  type RegistrationOptions,
  readRegistration,
  registerClient,
  updateRegistration,
} from './endpoints/registration.ts'
export { type RevocationOptions, revokeToken, type TokenTypeHint } from './endpoints/revocation.ts'
export { fetchUserinfo, type UserinfoClaims, type UserinfoOptions } from './endpoints/userinfo.ts'
export { ClientError, type ClientErrorDetails, type ClientErrorKind } from './error.ts'
export type { CallOptions } from './http/client-request.ts'
export type { FormParameters } from './http/form.ts'
export type { ReceivedResponse } from './http/response.ts'
export type { Exchange, Fetch, Hooks, Operation, Send, TransportOptions } from './http/transport.ts'
export {
  type AsymmetricAlgorithm,
  asymmetricAlgorithms,
  type SecretAlgorithm,
  type SigningAlgorithm,
} from './jwt/algorithms.ts'
export type { ContentEncryption } from './jwt/content-encryption.ts'
export type { JwtHeader } from './jwt/decode.ts'
export {
  type DecryptionKey,
  type DecryptionOptions,
  type DecryptJwt,
  jwtDecryption,
} from './jwt/encryption.ts'
export type { Jwk } from './jwt/jwk.ts'
export type { KeyEncryption } from './jwt/key-encryption.ts'
export { fixedKeys, type KeySource, type VerificationKey } from './jwt/key-source.ts'
export { signJwt } from './jwt/sign.ts'
export {
  importSigningKey,
  type PrivateKey,
  type SigningKey,
  type SigningKeyOptions,
} from './jwt/signing-key.ts'
export { type VerifiedJwt, type VerifyOptions, verifyJwt } from './jwt/verify.ts'
export type { Proof, ProofRequest } from './proof.ts'
export { type Failed, type Ok, type Result, unwrap } from './result.ts'
export { type AuthorizedFetchOptions, createAuthorizedFetch } from './session/authorized-fetch.ts'
export { type ApiChallenge, challengeOf } from './session/challenge.ts'
export { createLock, type Lock, type LockOptions } from './session/lock.ts'
export type { RefreshAttemptOptions } from './session/refresh-attempts.ts'
export type { RenewalOptions } from './session/renewal.ts'
export type { ApiFetch } from './session/repeatable.ts'
export type { ResourceAuthorization } from './session/resource-authorizer.ts'
export { createResourceFetch, type ResourceFetchOptions } from './session/resource-fetch.ts'
export { createSession, type Session, type SessionOptions } from './session/session.ts'
export { memoryStore, type SessionStore, type TextStorage, webStorageStore } from './session/session-store.ts'
export type { SessionTokens } from './session/session-tokens.ts'
export { createTokenCache, type TokenCache, type TokenCacheOptions } from './session/token-cache.ts'
export type { AccessToken, TokenSource } from './session/token-source.ts'
export type { Sleep } from './sleep.ts'
export { type AuthorizationCode, authorizationCode } from './token/authorization-code.ts'
export type { UserTokenOptions, UserTokens } from './token/claims.ts'
export { clientCredentials } from './token/client-credentials.ts'
export { type DeviceAuthorization, startDeviceAuthorization } from './token/device-authorization.ts'
export { type ExtensionGrantType, extensionGrant } from './token/extension-grant.ts'
export { jwtBearer } from './token/jwt-bearer.ts'
export { type PasswordCredentials, password } from './token/password.ts'
export { type DevicePollOptions, type DeviceProgress, pollDeviceToken } from './token/poll-device-token.ts'
export { type RefreshOptions, refreshToken } from './token/refresh-token.ts'
export { requestToken, type TokenRequestOptions } from './token/request.ts'
export type { TokenResponse } from './token/response.ts'
export { type ExchangedToken, exchangeToken, type TokenExchange } from './token/token-exchange.ts'
export { type TokenType, tokenTypes } from './token/token-types.ts'
export {
  type AccessTokenClaims,
  type AccessTokenRequirements,
  validateAccessToken,
} from './validation/access-token.ts'
export type { TokenOptions } from './validation/claims.ts'
export type { ClientTokenOptions } from './validation/client-token.ts'
export {
  type IdTokenClaims,
  type IdTokenExpectations,
  type IdTokenOptions,
  validateIdToken,
} from './validation/id-token.ts'
export {
  type LogoutTokenClaims,
  type LogoutTokenOptions,
  validateLogoutToken,
} from './validation/logout-token.ts'
