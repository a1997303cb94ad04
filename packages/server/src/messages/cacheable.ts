/** Public documents that caches may keep and ask about again (RFC 9111 §5.2.2, RFC 9110 §13.1.2). */

import { hash } from 'node:crypto'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'

export type CacheableDocument = {
  readonly body: string
  /** The media type. */
  readonly type: string
  /** How long a cache may keep it without asking (seconds). */
  readonly maxAge: number
}

/** Answers 200 with the document, or 304 to a cache that has this very one. */
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

/** RFC 9110 §13.1.2: a list of tags, weakly compared, or any. */
const holds = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch?.split(',').some(tag => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag) ?? false
