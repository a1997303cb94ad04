/**
 * Errors that don't come from an endpoint, in the format of RFC 6749 §5.2: unknown paths and methods, large bodies,
 * overload, bugs.
 */

import type { HttpResponse } from '@tessera/protocol/http'

/** Returns a JSON error that caches don't keep and browsers don't sniff. */
export const plainError = (
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse => ({
  status,
  headers: {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store, no-cache, max-age=0',
    pragma: 'no-cache',
    'x-content-type-options': 'nosniff',
    ...headers,
  },
  body: JSON.stringify({ error }),
})

/** The client may retry (RFC 9110 §10.2.3). */
export const unavailable = plainError(503, 'temporarily_unavailable', { 'retry-after': '1' })

export const notFound = plainError(404, 'not_found')
