/** Allows cross-origin reads (Fetch Standard §3.2): of metadata and registration for any origin, of protocol responses for origins that clients registered. Without credentials. */

import type { HttpRequest, HttpResponse, Route } from '@tessera/protocol/http'

export type CorsPorts = {
  /** Returns whether an enabled client registered this origin, as the browser sends it. Must not throw or reject. */
  readonly isAllowedOrigin: (origin: string) => boolean | Promise<boolean>
}

/** Headers that let an origin read the response; undefined for an endpoint that scripts may not use. */
export type CorsHeaders = Readonly<Record<string, string>> | undefined

/** Returns headers for the request's origin. `vary` keeps caches from using the response for another origin. */
export function allowOrigin(
  { headers: { origin } }: HttpRequest,
  { cors }: Route,
  { isAllowedOrigin }: CorsPorts,
): CorsHeaders | Promise<CorsHeaders> {
  if (cors === undefined) return undefined
  if (cors === 'any') return anyone
  if (origin === undefined || origin.length > longestOrigin) return nobody
  const allowed = isAllowedOrigin(origin)
  return allowed instanceof Promise
    ? allowed.then(known => (known ? readableBy(origin) : nobody))
    : allowed
      ? readableBy(origin)
      : nobody
}

/** A scheme, a host name of 253 characters (RFC 1035 §2.3.4) and a port. Longer texts would cost time for nothing. */
const longestOrigin = 300

/** Returns the headers of a refusal without looking up the origin: those for any origin, or none. */
export const corsOfRefusal = ({ cors }: Route): CorsHeaders =>
  cors === undefined ? undefined : cors === 'any' ? anyone : nobody

const readableBy = (origin: string): CorsHeaders => ({
  ...nobody,
  ...exposed,
  'access-control-allow-origin': origin,
})

/** Headers that a script may read: the reason for a refusal, when to retry, the nonce for a proof, and the id to report. */
const exposed = {
  'access-control-expose-headers': 'www-authenticate, dpop-nonce, retry-after, x-request-id',
} as const
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

/** Headers of protocol libraries, MCP clients and tracing. */
const usual = [
  ...['authorization', 'content-type', 'dpop', 'mcp-protocol-version', 'x-requested-with'],
  ...['traceparent', 'tracestate', 'baggage', 'sentry-trace'],
]

/**
 * Allows any header that the browser asks for, except those that only a proxy may set. Libraries often add new ones, and
 * a header that is not allowed fails the whole request.
 */
function headersFor({ headers }: HttpRequest): Readonly<Record<string, string>> {
  const asked = (headers['access-control-request-headers'] ?? '').slice(0, mostAsked)
  const more = asked
    .split(',')
    .map(name => name.trim().toLowerCase())
    .filter(name => token.test(name) && !ofProxies.test(name))
  return { 'access-control-allow-headers': [...new Set([...usual, ...more])].join(', ') }
}

/** The maximum number of characters that are read from the list. */
const mostAsked = 2000

/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+.^_`|~\w-]+$/

/**
 * Headers in which a proxy describes a request: its source address, host, certificate and user. A page in a browser
 * must not be able to set them.
 */
const ofProxies =
  /forwarded|^via$|real-ip|client-ip|connecting-ip|original|rewrite|override|cert|^(x-)?ssl|tls|^x-(host|auth|remote)|remote-(user|addr)/
