/** Protected-resource metadata (RFC 9728): tells clients where to get tokens for an API. */

import type { JsonObject } from '@tessera/protocol/result'
import type { BearerMethod } from './presented-token.ts'

/** The metadata document (RFC 9728 §2). */
export type ProtectedResourceMetadata = JsonObject & {
  readonly resource: string
  readonly authorization_servers?: readonly string[]
  readonly scopes_supported?: readonly string[]
  readonly bearer_methods_supported?: readonly BearerMethod[]
  readonly resource_name?: string
  readonly resource_documentation?: string
  readonly resource_policy_uri?: string
  readonly resource_tos_uri?: string
  readonly tls_client_certificate_bound_access_tokens?: boolean
}

/** A document, and where clients look for it. */
export type PublishedMetadata = {
  readonly url: string
  /** Path and query of the URL. */
  readonly path: string
  readonly document: ProtectedResourceMetadata
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

/** Returns the metadata of a resource with its place. */
export function publishMetadata(document: ProtectedResourceMetadata): PublishedMetadata {
  const url = protectedResourceUrl(document.resource)
  return { url, path: url.slice(new URL(url).origin.length), document }
}
