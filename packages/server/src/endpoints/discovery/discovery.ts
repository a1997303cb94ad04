/** `/.well-known/openid-configuration` (OpenID Connect Discovery 1.0 §4) and its RFC 8414 equivalent, built once. */

import type { Endpoint } from '@tessera/protocol/http'
import type { ServerMetadata } from '@tessera/protocol/metadata'
import { createCacheableResponse } from '../../messages/cacheable.ts'
import { protocolRoutes } from '../../model/routes.ts'

const maxAge = 3600

export const createDiscoveryEndpoint = (metadata: ServerMetadata): Endpoint =>
  createCacheableResponse({
    body: JSON.stringify(metadata),
    type: 'application/json; charset=utf-8',
    maxAge,
  })

/**
 * Returns the document's paths outside the issuer's path, because RFC 8414 §3.1 puts the well-known segment first.
 * Empty for an issuer without a path.
 */
export function pathsBeforeIssuer(issuer: string): readonly string[] {
  const path = new URL(issuer).pathname.replace(/\/$/, '')
  const { discovery, oauthDiscovery } = protocolRoutes
  return path === '' ? [] : [discovery.path + path, oauthDiscovery.path + path]
}
