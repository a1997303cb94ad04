/** `/.well-known/openid-configuration` (OpenID Connect Discovery 1.0 §4) and its RFC 8414 twin: one document, made once. */

import type { Endpoint } from '@tessera/protocol/http'
import type { ServerMetadata } from '@tessera/protocol/metadata'
import { createCacheableAnswer } from '../../messages/cacheable.ts'

const maxAge = 3600

export const createDiscoveryEndpoint = (metadata: ServerMetadata): Endpoint =>
  createCacheableAnswer({
    body: JSON.stringify(metadata),
    type: 'application/json; charset=utf-8',
    maxAge,
  })

/** Where the document is found: below the issuer, and where RFC 8414 §3.1 puts its well-known segment before the issuer's path. */
export function discoveryPaths(issuer: string): {
  readonly below: readonly string[]
  readonly before: readonly string[]
} {
  const path = new URL(issuer).pathname.replace(/\/$/, '')
  const names = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']
  return { below: names, before: path === '' ? [] : names.map(name => name + path) }
}
