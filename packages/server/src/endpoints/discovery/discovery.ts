/** `/.well-known/openid-configuration` (OpenID Connect Discovery 1.0 §4) and its RFC 8414 twin: one document, made once. */

import type { Endpoint } from '@tessera/protocol/http'
import type { ServerMetadata } from '@tessera/protocol/metadata'

const maxAge = 3600

export function createDiscoveryEndpoint(metadata: ServerMetadata): Endpoint {
  const response = {
    status: 200,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': `public, max-age=${maxAge}`,
    },
    body: JSON.stringify(metadata),
  }
  return () => response
}

/** Where the document is found: below the issuer, and where RFC 8414 §3.1 puts its well-known segment before the issuer's path. */
export function discoveryPaths(issuer: string): {
  readonly below: readonly string[]
  readonly before: readonly string[]
} {
  const path = new URL(issuer).pathname.replace(/\/$/, '')
  const names = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']
  return { below: names, before: path === '' ? [] : names.map(name => name + path) }
}
