/** Cross-origin reads (Fetch Standard §3.2): metadata and registration for anyone, protocol responses for the origins that clients registered. Never with credentials. */

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

/** What a script may read besides the headers that it always may: why it was refused, when to retry, and what to report. */
const exposed = { 'access-control-expose-headers': 'www-authenticate, retry-after, x-request-id' } as const
const anyone = { ...exposed, 'access-control-allow-origin': '*' } as const
const nobody = { vary: 'origin' } as const

/** Responds to a preflight request (Fetch Standard §4.8); an origin that may not read the response gets no permission either. */
export function preflight(request: HttpRequest, route: Route, cors: CorsHeaders): HttpResponse {
  const allowed = cors?.['access-control-allow-origin'] !== undefined
  return {
    status: 204,
    headers: allowed ? { ...permission, ...methodsOf(route), ...headersFor(request) } : noStore,
    body: '',
  }
}

const noStore = { 'cache-control': 'no-store' } as const
const permission = { ...noStore, 'access-control-max-age': '600' } as const
const methodsOf = ({ methods }: Route) => ({ 'access-control-allow-methods': methods.join(', ') })

/** What protocol libraries, MCP clients and tracing add to their requests. */
const usual = [
  ...['authorization', 'content-type', 'mcp-protocol-version', 'x-requested-with'],
  ...['traceparent', 'tracestate', 'baggage', 'sentry-trace'],
]

/**
 * Allows any header that the browser asks for: libraries add new ones all the time, and one that is not allowed fails
 * the whole request. Nothing depends on them, except on those that only a proxy may set.
 */
function headersFor({ headers }: HttpRequest): Readonly<Record<string, string>> {
  const asked = (headers['access-control-request-headers'] ?? '').slice(0, mostAsked)
  const more = asked
    .split(',')
    .map(name => name.trim().toLowerCase())
    .filter(name => token.test(name) && !ofProxies.test(name))
  return { 'access-control-allow-headers': [...new Set([...usual, ...more])].join(', ') }
}

/** Characters of the list that are read. */
const mostAsked = 2000

/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+.^_`|~\w-]+$/

/**
 * What a proxy says of the browser, which a page in that browser must not say: where the request comes from, for which
 * host it is, and with which certificate or as which user it came.
 */
const ofProxies =
  /forwarded|^via$|real-ip|client-ip|connecting-ip|original|rewrite|override|cert|^(x-)?ssl|tls|^x-(host|auth|remote)|remote-(user|addr)/
