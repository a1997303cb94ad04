/** Cross-origin reads (Fetch Standard §3.2): metadata for anyone, protocol answers for the origins that clients registered. Never with credentials. */

import type { HttpRequest, HttpResponse, Route } from '@tessera/protocol/http'

export type CorsPorts = {
  /** Whether an enabled client registered this origin, as the browser sends it. Never throws or rejects. */
  readonly isAllowedOrigin: (origin: string) => boolean | Promise<boolean>
}

/** Headers that let an origin read the answer; undefined for an endpoint that no script may ask. */
export type CorsHeaders = Readonly<Record<string, string>> | undefined

/** `vary` so that no cache hands an answer to another origin. */
export function allowOrigin(
  { headers: { origin } }: HttpRequest,
  { cors }: Route,
  { isAllowedOrigin }: CorsPorts,
): CorsHeaders | Promise<CorsHeaders> {
  if (cors === undefined) return undefined
  if (cors === 'any') return anyone
  if (origin === undefined) return nobody
  const allowed = isAllowedOrigin(origin)
  return allowed instanceof Promise
    ? allowed.then(known => (known ? readableBy(origin) : nobody))
    : allowed
      ? readableBy(origin)
      : nobody
}

/** The headers of a response that needs no origin looked up: readable where any origin may read. */
export const corsOfRefusal = ({ cors }: Route): CorsHeaders =>
  cors === undefined ? undefined : cors === 'any' ? anyone : nobody

const readableBy = (origin: string): CorsHeaders => ({
  ...nobody,
  ...exposed,
  'access-control-allow-origin': origin,
})

/** What a script may read besides the headers that it always may: why it was refused and when to ask again. */
const exposed = { 'access-control-expose-headers': 'www-authenticate, retry-after' } as const
const anyone = { 'access-control-allow-origin': '*' } as const
const nobody = { vary: 'origin' } as const

/** Answers a preflight request (Fetch Standard §4.8); an origin that may not read the answer gets no permission either. */
export function preflight(route: Route, cors: CorsHeaders): HttpResponse {
  const allowed = cors?.['access-control-allow-origin'] !== undefined
  return { status: 204, headers: allowed ? { ...permission, ...methodsOf(route) } : noStore, body: '' }
}

const noStore = { 'cache-control': 'no-store' } as const
const permission = {
  ...noStore,
  'access-control-allow-headers': 'authorization, content-type',
  'access-control-max-age': '600',
} as const
const methodsOf = ({ methods }: Route) => ({ 'access-control-allow-methods': methods.join(', ') })
