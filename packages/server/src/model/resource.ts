/** Resources and scopes: what clients can request, and for which API. */

import { comparableUri } from '@tessera/protocol/resource-indicator'
import { type ClaimEntry, claimNames } from './claim-rule.ts'
import type { Secret, SigningAlgorithm } from './client.ts'

/** A display text: one text, or one per language tag (BCP 47). */
export type LocalText = string | Readonly<Record<string, string>>

/** How the consent page shows a scope. */
type ConsentPageEntry = {
  readonly display_name?: LocalText
  readonly description?: LocalText
  /** The user can't deselect it. */
  readonly required?: boolean
  /** Marked as sensitive. */
  readonly emphasize?: boolean
}

/** A scope about the user (OpenID Connect Core 1.0 §5.4). */
export type IdentityResource = ConsentPageEntry & {
  readonly name: string
  readonly claims: readonly ClaimEntry[]
}

/** A scope of an API. `claims` are the user claims that its access tokens contain. */
export type ApiScope = ConsentPageEntry & {
  readonly name: string
  readonly claims: readonly ClaimEntry[]
  /** A scope of the admin API: only for tokens of clients themselves, and only if it is requested. */
  readonly administers?: boolean
}

/** `JWT` is for APIs whose library rejects `at+jwt`. */
export const accessTokenTyps = ['at+jwt', 'JWT'] as const
export type AccessTokenTyp = (typeof accessTokenTyps)[number]

/** An API: the audience of access tokens with one of its scopes (RFC 9068 §2.2). */
export type ApiResource = {
  readonly name: string
  readonly display_name?: string
  readonly scopes: readonly string[]
  /**
   * The scopes of a request that names this API with `resource` and has no `scope`. Omitted: what the client may use of
   * `scopes`, and its other scopes that are not of an API.
   */
  readonly default_scopes?: readonly string[]
  readonly claims: readonly ClaimEntry[]
  /** An additional user name at introspection. */
  readonly introspection_client_id?: string
  /** Its credentials at introspection. */
  readonly api_secrets: readonly Secret[]
  /** The `typ` of its JWT access tokens. Default: `at+jwt` (RFC 9068 §2.1). */
  readonly access_token_typ?: AccessTokenTyp
  /** The signing algorithm of its JWT access tokens. Default: ES256. */
  readonly access_token_signing_alg?: SigningAlgorithm
}

export type ScopeKind = 'identity' | 'api' | 'admin' | 'offline_access'

export type Resources = {
  readonly identity: ReadonlyMap<string, IdentityResource>
  readonly apiScopes: ReadonlyMap<string, ApiScope>
  readonly apis: ReadonlyMap<string, ApiResource>
}

/** Returns the kind of a scope; undefined for an unknown scope. */
export const scopeKind = (resources: Resources, name: string): ScopeKind | undefined => {
  if (name === 'offline_access') return 'offline_access'
  const api = resources.apiScopes.get(name)
  if (api) return api.administers ? 'admin' : 'api'
  return resources.identity.has(name) ? 'identity' : undefined
}

/**
 * Returns the API that a resource indicator identifies (RFC 8707 §2). An exact match is preferred. URIs that are equal by RFC
 * 3986 §6.2.3 match too, because JavaScript writes `https://api.example` as `https://api.example/`.
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

/** Returns the APIs that own one of these scopes, in the order of the configuration. */
export const apisOf = (resources: Resources, scope: readonly string[]): readonly ApiResource[] =>
  [...resources.apis.values()].filter(api => api.scopes.some(name => scope.includes(name)))

/**
 * Returns the APIs of a limit that own one of the scopes: the user may have agreed to fewer scopes than were requested, and
 * a refresh may ask for fewer. A scope that only other APIs own does not lift the limit.
 */
export function usefulResources(
  limit: readonly string[],
  scope: readonly string[],
  resources: Resources,
): readonly string[] {
  if (limit.length === 0) return limit
  const owners = apisOf(resources, scope).map(({ name }) => name)
  const useful = limit.filter(name => owners.includes(name))
  return useful.length === 0 && owners.length > 0 ? limit : useful
}

/** Returns the entries of the granted identity scopes. */
export const identityEntries = (resources: Resources, scope: readonly string[]): readonly ClaimEntry[] => [
  ...new Set(scope.flatMap(name => resources.identity.get(name)?.claims ?? [])),
]

/** Returns the names of the user claims of the granted identity scopes. */
export const identityClaims = (resources: Resources, scope: readonly string[]): readonly string[] =>
  claimNames(identityEntries(resources, scope))

/** Returns the entries of the granted API scopes and their APIs, for access tokens. */
export const accessEntries = (
  resources: Resources,
  scope: readonly string[],
  apis: readonly ApiResource[],
): readonly ClaimEntry[] => [
  ...new Set([
    ...scope.flatMap(name => resources.apiScopes.get(name)?.claims ?? []),
    ...apis.flatMap(api => api.claims),
  ]),
]

/** Returns the claim without its language tag: `family_name#ja-Kana-JP` → `family_name` (OpenID Connect Core 1.0 §5.2). */
export const untagged = (claim: string): string => claim.split('#', 1)[0] ?? claim

/** Returns whether these names contain a claim as it is, or without its language tag. */
export const includesClaim = (names: readonly string[], claim: string): boolean =>
  names.includes(claim) || names.includes(untagged(claim))
