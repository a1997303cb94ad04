/** Resources and scopes: what may be asked for and who it is for. */

import { comparableUri } from '@tessera/protocol/resource-indicator'
import type { Secret, SigningAlgorithm } from './client.ts'

/** A text for people: one, or one for each language by its tag (BCP 47). */
export type LocalText = string | Readonly<Record<string, string>>

/** How the consent page shows a scope. */
type Shown = {
  readonly display_name?: LocalText
  readonly description?: LocalText
  /** Whoever agrees at all agrees to it. */
  readonly required?: boolean
  /** Marked as sensitive. */
  readonly emphasize?: boolean
}

/** A scope about the user (OpenID Connect Core 1.0 §5.4). */
export type IdentityResource = Shown & {
  readonly name: string
  readonly claims: readonly string[]
}

/** A scope of an API; `claims` name the user claims that its access tokens carry. */
type ApiScope = Shown & {
  readonly name: string
  readonly claims: readonly string[]
}

/** `JWT` is for APIs whose library refuses the other one. */
export const accessTokenTyps = ['at+jwt', 'JWT'] as const
export type AccessTokenTyp = (typeof accessTokenTyps)[number]

/** An API: the audience of access tokens that carry one of its scopes (RFC 9068 §2.2). */
export type ApiResource = {
  readonly name: string
  readonly display_name?: string
  readonly scopes: readonly string[]
  readonly claims: readonly string[]
  /** Its user name at introspection, besides its name. */
  readonly introspection_client_id?: string
  /** With its name, how it authenticates at introspection. */
  readonly api_secrets: readonly Secret[]
  /** The `typ` of its JWT access tokens; omitted: `at+jwt` (RFC 9068 §2.1). */
  readonly access_token_typ?: AccessTokenTyp
  /** What its JWT access tokens are signed with; omitted: ES256. */
  readonly access_token_signing_alg?: SigningAlgorithm
}

export type ScopeKind = 'identity' | 'api' | 'offline_access'

export type Resources = {
  readonly identity: ReadonlyMap<string, IdentityResource>
  readonly apiScopes: ReadonlyMap<string, ApiScope>
  readonly apis: ReadonlyMap<string, ApiResource>
}

/** What a scope is; undefined for one that nobody registered. */
export const scopeKind = (resources: Resources, name: string): ScopeKind | undefined => {
  if (name === 'offline_access') return 'offline_access'
  if (resources.apiScopes.has(name)) return 'api'
  return resources.identity.has(name) ? 'identity' : undefined
}

/**
 * The API that a resource indicator names (RFC 8707 §2). URIs that are equal by RFC 3986 §6.2.3 are one: JavaScript
 * writes `https://api.example` as `https://api.example/`. A name that is equal as it stands comes first.
 */
export function findApi(resources: Resources, indicator: string): ApiResource | undefined {
  const named = resources.apis.get(indicator)
  if (named) return named
  let uris = apiUris.get(resources)
  if (!uris) {
    uris = new Map([...resources.apis.values()].toReversed().map(api => [comparableUri(api.name), api]))
    apiUris.set(resources, uris)
  }
  return uris.get(comparableUri(indicator))
}

const apiUris = new WeakMap<Resources, ReadonlyMap<string, ApiResource>>()

/** The APIs that own one of these scopes, in the order of configuration. */
export const apisOf = (resources: Resources, scope: readonly string[]): readonly ApiResource[] =>
  [...resources.apis.values()].filter(api => api.scopes.some(name => scope.includes(name)))

/** The user claims that the granted identity scopes ask for. */
export const identityClaims = (resources: Resources, scope: readonly string[]): readonly string[] => [
  ...new Set(scope.flatMap(name => resources.identity.get(name)?.claims ?? [])),
]

/** The user claims that the granted API scopes and their APIs ask for in access tokens. */
export const accessClaims = (
  resources: Resources,
  scope: readonly string[],
  apis: readonly ApiResource[],
): readonly string[] => [
  ...new Set([
    ...scope.flatMap(name => resources.apiScopes.get(name)?.claims ?? []),
    ...apis.flatMap(api => api.claims),
  ]),
]

/** `family_name#ja-Kana-JP` is reached as `family_name` is (OpenID Connect Core 1.0 §5.2). */
export const untagged = (claim: string): string => claim.split('#', 1)[0] ?? claim
