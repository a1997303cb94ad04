/** Public documents that caches can revalidate (RFC 9111 §5.2.2, RFC 9110 §13.1.2). */

import { hash } from 'node:crypto'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'

type CacheableDocument = {
  readonly body: string
  /** The media type. */
  readonly type: string
  /** How long caches may use it without revalidation (seconds). */
  readonly maxAge: number
}

/** Returns an endpoint that responds 200 with the document, or 304 if the cache has this version. */
export function createCacheableResponse({
  body,
  type,
  maxAge,
}: CacheableDocument): (request: HttpRequest) => HttpResponse {
  const etag = `"${hash('sha256', body, 'base64url').slice(0, 22)}"`
  const kept = { etag, 'cache-control': `public, max-age=${maxAge}` }
  const whole: HttpResponse = { status: 200, headers: { ...kept, 'content-type': type }, body }
  const unchanged: HttpResponse = { status: 304, headers: kept, body: '' }
  return request => (holds(request.headers['if-none-match'], etag) ? unchanged : whole)
}

/** Returns whether `If-None-Match` matches: a list of tags, compared weakly, or `*` (RFC 9110 §13.1.2). */
const holds = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch?.split(',').some(tag => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag) ?? false
