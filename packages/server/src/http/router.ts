/** From a request to the endpoint that answers it: the same for every edge. Knows no OAuth but the shape of an error. */

import type { HttpRequest, HttpResponse, Route } from '@tessera/protocol/http'
import { allowOrigin, type CorsPorts, preflight } from './cors.ts'

export type RouterPorts = CorsPorts & {
  readonly routes: readonly Route[]
  /** Headers of every answer, unless the endpoint has its own. */
  readonly headers: Readonly<Record<string, string>>
  readonly onError: (request: HttpRequest, error: unknown) => void
}

export type Router = (request: HttpRequest) => Promise<HttpResponse>

/** Answers 404, 405 with `Allow` (RFC 9110 §15.5.6), preflights, and 500 or 503 for what an endpoint throws. */
export function createRouter({ routes, headers, onError, ...cors }: RouterPorts): Router {
  const byPath = new Map(routes.map(route => [route.path, route]))

  return async request => {
    const route = byPath.get(request.path)
    const response = await answer(request, route)
    const added = route?.cors ? allowOrigin(request, route, cors) : undefined
    return { ...response, headers: { ...headers, ...added, ...response.headers } }
  }

  async function answer(request: HttpRequest, route: Route | undefined): Promise<HttpResponse> {
    if (!route) return plainError(404, 'not_found')
    if (request.method === 'OPTIONS' && route.cors) return preflight(request, route, cors)
    const isHead = request.method === 'HEAD' && route.methods.includes('GET')
    if (!isHead && !(route.methods as readonly string[]).includes(request.method)) {
      return plainError(405, 'invalid_request', { allow: allowedMethods(route) })
    }
    try {
      const response = await route.endpoint(isHead ? { ...request, method: 'GET' } : request)
      return isHead ? { ...response, body: '' } : response
    } catch (error) {
      onError(request, error)
      return (error as Error)?.name === 'StoreUnavailable'
        ? plainError(503, 'temporarily_unavailable', { 'retry-after': '1' })
        : plainError(500, 'server_error')
    }
  }
}

const allowedMethods = ({ methods, cors }: Route): string =>
  [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), ...(cors ? ['OPTIONS'] : [])].join(', ')

/** An error that no endpoint answered, in the shape of RFC 6749 §5.2. */
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
    ...headers,
  },
  body: JSON.stringify({ error }),
})
