/** Cross-origin reads (Fetch Standard §3.2): metadata for anyone, protocol answers for the origins that clients registered. Never with credentials. */

import type { HttpRequest, HttpResponse, Route } from '@tessera/protocol/http'

export type CorsPorts = { readonly isAllowedOrigin: (origin: string) => boolean }

const preflightSeconds = '600'

/** The headers that let this origin read the answer. */
export function allowOrigin(
  { headers }: HttpRequest,
  { cors }: Route,
  { isAllowedOrigin }: CorsPorts,
): Readonly<Record<string, string>> {
  if (cors === 'any') return { 'access-control-allow-origin': '*' }
  const { origin } = headers
  const allowed = origin !== undefined && isAllowedOrigin(origin)
  return {
    vary: 'origin',
    ...(allowed && {
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'www-authenticate, retry-after',
    }),
  }
}

/** Answers a preflight request; an origin that is not allowed gets no permission. */
export function preflight(request: HttpRequest, route: Route, ports: CorsPorts): HttpResponse {
  const granted = 'access-control-allow-origin' in allowOrigin(request, route, ports)
  return {
    status: 204,
    headers: {
      'cache-control': 'no-store',
      ...(granted && {
        'access-control-allow-methods': route.methods.join(', '),
        'access-control-allow-headers': 'authorization, content-type',
        'access-control-max-age': preflightSeconds,
      }),
    },
    body: '',
  }
}
