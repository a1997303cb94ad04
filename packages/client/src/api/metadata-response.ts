/** The response with protected-resource metadata (RFC 9728 §3.2). */

import type { ApiGuard } from './guard.ts'
import type { ApiResponse } from './request.ts'

/** Returns the response to a request for the metadata of an API; undefined for any other request. */
export function metadataResponse(
  { metadata }: Pick<ApiGuard, 'metadata'>,
  method: string,
  url: string,
): ApiResponse | undefined {
  if (!metadata || !['GET', 'HEAD', 'OPTIONS'].includes(method)) return undefined
  if (pathOf(url) !== metadata.path) return undefined
  // MCP clients in browsers send MCP-Protocol-Version, so the browser asks first.
  if (method === 'OPTIONS') return preflight
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'public, max-age=3600',
      // Browser applications of any origin may read it: it contains nothing of a user.
      'access-control-allow-origin': '*',
    },
    body: method === 'HEAD' ? '' : JSON.stringify(metadata.document),
  }
}

const preflight: ApiResponse = {
  status: 204,
  headers: {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, HEAD',
    'access-control-allow-headers': '*',
    'access-control-max-age': '3600',
  },
  body: '',
}

/** Returns path and query of a URL, complete or not. */
const pathOf = (url: string): string => url.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '').replace(/#.*$/s, '')
