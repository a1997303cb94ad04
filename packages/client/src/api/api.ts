/** Checks the access tokens of an API's requests: the interface of `@tessera/client/api`. */

export { type ProtectedResourceMetadata, protectedResourceUrl } from '../discovery/protected-resource.ts'
export type { Access, AccessClaims, AccessSource } from './access.ts'
export { forwardedCertificate, peerCertificate } from './certificate.ts'
export type { ProofResult, TokenScheme } from './confirmation.ts'
export { type DpopSchemeOptions, dpopScheme } from './dpop.ts'
export {
  type Allowed,
  type ApiGuard,
  type ApiGuardOptions,
  type ApiHooks,
  type CheckAccess,
  createApiGuard,
  type Decision,
  type DecisionEvent,
  type HandledRequest,
  type Refused,
} from './guard.ts'
export type { ImpliedScopes } from './implied-scopes.ts'
export type { IntrospectionOptions } from './introspection.ts'
export type { IntrospectionCacheOptions } from './introspection-cache.ts'
export type { BearerMethod } from './presented-token.ts'
export type { PublishedMetadata } from './protected-resource.ts'
export type { RefusalReason } from './refusal.ts'
export { type MemoryReplayOptions, memoryReplays, type ReplayStore } from './replays.ts'
export type { ApiRequest, ApiResponse } from './request.ts'
export type { Requirements } from './requirements.ts'
export type { TokenCheckOptions, Validation } from './token-check.ts'
