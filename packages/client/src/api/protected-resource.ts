/** Protected-resource metadata (RFC 9728): tells clients where to get tokens for an API. */

import { type ProtectedResourceMetadata, protectedResourceUrl } from '../discovery/protected-resource.ts'

/** A document, and where clients look for it. */
export type PublishedMetadata = {
  readonly url: string
  /** Path and query of the URL. */
  readonly path: string
  readonly document: ProtectedResourceMetadata
}

/** Returns the metadata of a resource with its place. */
export function publishMetadata(document: ProtectedResourceMetadata): PublishedMetadata {
  const url = protectedResourceUrl(document.resource)
  return { url, path: url.slice(new URL(url).origin.length), document }
}
