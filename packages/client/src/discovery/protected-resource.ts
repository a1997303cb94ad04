/** Protected-resource metadata (RFC 9728): where they are, and how clients find the server of an API by them. */

import { comparableUri } from '@tessera/protocol/resource-indicator'
import type { JsonObject } from '@tessera/protocol/result'
import { ClientError } from '../error.ts'
import { jsonObject } from '../http/response.ts'
import { createTransport, type TransportOptions } from '../http/transport.ts'
import { quote } from '../quote.ts'
import { fail, ok, type Result } from '../result.ts'
import { type DiscoveryPolicy, isAllowedUrl, isDowngrade } from './metadata.ts'
import { createUrlFilter } from './url-filter.ts'

/** The metadata document (RFC 9728 §2). */
export type ProtectedResourceMetadata = JsonObject & {
  readonly resource: string
  readonly authorization_servers?: readonly string[]
  readonly scopes_supported?: readonly string[]
  readonly bearer_methods_supported?: readonly ('header' | 'body' | 'query')[]
  readonly resource_name?: string
  readonly resource_documentation?: string
  readonly resource_policy_uri?: string
  readonly resource_tos_uri?: string
  readonly tls_client_certificate_bound_access_tokens?: boolean
}

/**
 * Returns the URL of the metadata: the well-known path, inserted before the path of the resource (RFC 9728 §3.1).
 */
export function protectedResourceUrl(resource: string): string {
  const { origin, pathname, search } = new URL(resource)
  // Only the slash right after the host is removed.
  const path = pathname === '/' ? '' : pathname
  return `${origin}/.well-known/oauth-protected-resource${path}${search}`
}

export type DiscoverResourceOptions = TransportOptions & {
  readonly policy?: DiscoveryPolicy | undefined
  /**
   * The URL of the metadata that the API named in a challenge: `resource_metadata` of {@link challengeOf}. Without it, the
   * metadata are requested at the well-known place of the URL, then at that of its host.
   */
  readonly metadataUrl?: string | undefined
  /** Aborts the call. */
  readonly signal?: AbortSignal | undefined
}

/** Metadata that name at least one authorization server. Servers that an https API names over `http` are left out. */
export type DiscoveredResource = ProtectedResourceMetadata & {
  readonly authorization_servers: readonly [string, ...string[]]
}

/**
 * Requests the metadata of an API, to find the servers that issue its tokens. They must be of this API: `resource` equals the
 * URL, or is a URL above it whose own well-known place has the document (RFC 9728 §3.3, §7.3). Redirects are not followed,
 * and `signed_metadata` is not read.
 *
 * Fails with `invalid` if there are no metadata, or if they are malformed, of another API, or name no server; with `policy`
 * if the policy does not allow a URL, or if an https API names only servers over `http`.
 * @param url the URL of the API, such as that of an MCP server.
 */
export async function discoverResource(
  url: string,
  { policy = {}, metadataUrl, signal, ...transport }: DiscoverResourceOptions = {},
): Promise<Result<DiscoveredResource>> {
  if (!isAllowedUrl(url, policy) || url.includes('#'))
    return refused(
      'policy',
      'resource_not_allowed',
      `the API ${quote(url)} must be an https URL without fragment`,
    )
  const send = createTransport(transport)
  let missing: ClientError | undefined
  for (const place of metadataUrl === undefined ? placesOf(url) : [metadataUrl]) {
    if (!isAllowedUrl(place, policy) || isDowngrade(place, url))
      return refused('policy', 'metadata_url_not_allowed', `${quote(place)} must be an https URL`)
    const headers = { accept: 'application/json' }
    const received = await send({
      operation: 'protected_resource',
      method: 'GET',
      url: place,
      headers,
      signal,
    })
    if (!received.ok) return received
    const { value: response } = received
    const metadata = response.status === 200 ? jsonObject(response) : undefined
    if (metadata) return checkResource(metadata, url, place, policy)
    missing ??= new ClientError(
      'invalid',
      'resource_metadata_not_found',
      `no protected-resource metadata at ${place} (status ${response.status})`,
      { response },
    )
    // Another place can only help if this one is empty, not if the API fails.
    if (response.status >= 500 || response.status === 429) break
  }
  return fail(missing as ClientError)
}

/** The second one is an extension of the MCP authorization specification. */
const placesOf = (url: string): readonly string[] => [
  ...new Set([protectedResourceUrl(url), protectedResourceUrl(new URL(url).origin)]),
]

function checkResource(
  metadata: JsonObject,
  url: string,
  place: string,
  policy: DiscoveryPolicy,
): Result<DiscoveredResource> {
  const { resource, authorization_servers: servers, scopes_supported: scopes } = metadata
  if (typeof resource !== 'string' || !isOf(resource, url, place, policy))
    return refused(
      'invalid',
      'resource_mismatch',
      `the metadata at ${place} are of resource ${quote(resource)} instead of ${quote(url)}`,
    )
  const isValid = isListOfTexts(servers) && (scopes === undefined || isListOfTexts(scopes))
  if (!isValid || servers.length === 0)
    return refused(
      'invalid',
      'authorization_server_missing',
      `the metadata at ${place} name no authorization server`,
    )
  const allowed = servers.filter(server => !isDowngrade(server, url))
  return allowed.length > 0
    ? ok({ ...metadata, authorization_servers: allowed } as unknown as DiscoveredResource)
    : refused(
        'policy',
        'authorization_server_not_allowed',
        `${quote(servers[0])}, which the metadata at ${place} name as authorization server, must be an https URL`,
      )
}

/**
 * Returns whether metadata of this resource may be used for the URL. For a resource above the URL, only its own well-known
 * place counts: what serves a folder of a host must not speak for the whole host (RFC 9728 §7.3).
 */
function isOf(resource: string, url: string, place: string, policy: DiscoveryPolicy): boolean {
  if (comparableUri(resource) === comparableUri(url)) return true
  if (!isAllowedUrl(resource, policy) || /[?#]/.test(resource)) return false
  return createUrlFilter([resource], policy.httpHosts)(url) && protectedResourceUrl(resource) === place
}

const isListOfTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every(one => typeof one === 'string')

const refused = (kind: 'invalid' | 'policy', code: string, message: string): Result<never> =>
  fail(new ClientError(kind, code, message))
