/** Finds the issuer of a request: a tenant's by host or by path, otherwise the server's own (RFC 8414 §3.1, RFC 9110 §7.4). */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import { isLoopback, tenantPath } from '../configuration/issuer.ts'
import { pathsBeforeIssuer } from '../endpoints/discovery/discovery.ts'
import { plainError } from '../http/plain-error.ts'
import { requestIdHeader } from '../http/request-id.ts'
import type { Router } from '../http/router.ts'
import type { Tenants } from './tenants.ts'

type DispatchPorts = {
  readonly configuration: Configuration
  readonly server: Router
  readonly tenants: Pick<Tenants, 'answer'>
  /** Paths that are served under any host, because an orchestrator connects by IP address. */
  readonly probes: readonly string[]
}

/** Returns the server's own router if no tenant has its own issuer. */
export function createDispatcher({ configuration, server, tenants, probes }: DispatchPorts): Router {
  const { tenantIssuers } = configuration
  if (tenantIssuers.size === 0) return server
  const tenantOfPath = createPathReader(configuration)
  const hosts = hostsOf(configuration)
  const { issuer, mtls } = configuration
  const own = [issuer, mtls?.endpointOrigin ?? issuer].flatMap(hostSpellings)

  const issuerOf = (request: HttpRequest): { readonly tenant: string } | 'server' | 'unknown' => {
    if (hosts.size > 0 && !probes.includes(request.path)) {
      const host = hostOf(request)
      const tenant = hosts.get(host)
      if (tenant !== undefined) return { tenant }
      if (!own.includes(host) && !isLoopback(withoutPort(host))) return 'unknown'
    } else if (hosts.size > 0) return 'server'
    const tenant = tenantOfPath(request.path)
    return tenant === undefined ? 'server' : { tenant }
  }

  const handle = (request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    const found = issuerOf(request)
    if (found === 'unknown') return present(request, misdirected(request))
    return found === 'server' ? server(request) : tenants.answer(found.tenant, request)
  }
  /** Uses only the server's pages, so that an error does not activate a tenant. */
  const present: NonNullable<Router['present']> = (request, error) =>
    typeof issuerOf(request) === 'string' ? (server.present?.(request, error) ?? error) : error
  const early = (head: HttpRequest): HttpResponse | undefined => {
    const found = issuerOf(head)
    if (found === 'unknown') return undefined
    return found === 'server' ? server.early?.(head) : undefined
  }
  /** Every path of a tenant counts as served: its routes are not known while it is not active. */
  const serves = (head: HttpRequest): boolean => {
    const found = issuerOf(head)
    return typeof found === 'object' || (found === 'server' && (server.serves?.(head) ?? true))
  }
  if (hosts.size === 0) return Object.assign(handle, { early, present, serves })

  // Added even if the request lacks the header: a response cached for one host must not be served for another.
  const varies = ({ peer }: HttpRequest): boolean =>
    configuration.trustForwardedHost || peer.host !== undefined
  return Object.assign(
    (request: HttpRequest) => {
      const response = handle(request)
      if (!varies(request)) return response
      return response instanceof Promise ? response.then(varied) : varied(response)
    },
    {
      early(head: HttpRequest) {
        const response = early(head)
        return response && varies(head) ? varied(response) : response
      },
      present,
      serves,
    },
  )
}

/** Adds `vary`, since this header selects the issuer: most caches use only host and path (RFC 9111 §4.1). */
function varied(response: HttpResponse): HttpResponse {
  const { vary } = response.headers
  const names = [vary ?? [], 'x-forwarded-host'].flat().join(', ')
  return { ...response, headers: { ...response.headers, vary: names } }
}

/** Refuses an unknown host. Configure a tenant's host before its DNS record points to this server. */
const misdirected = ({ id }: HttpRequest): HttpResponse =>
  plainError(421, 'invalid_request', { [requestIdHeader]: id })

/** Returns a reader of the name in `/t/NAME/…`, also after the well-known segments before an issuer's path (RFC 8414). */
function createPathReader({ issuer, tenantIssuers }: Configuration): (path: string) => string | undefined {
  const below = new Set(
    [...tenantIssuers].flatMap(([name, own]) => (own.issuer === issuer + tenantPath + name ? [name] : [])),
  )
  const prefix = new URL(issuer + tenantPath).pathname
  const prefixes = [prefix, ...pathsBeforeIssuer(issuer + tenantPath.slice(0, -1)).map(path => `${path}/`)]
  return path => {
    const start = prefixes.find(one => path.startsWith(one))
    if (start === undefined) return undefined
    const end = path.indexOf('/', start.length)
    const name = end < 0 ? path.slice(start.length) : path.slice(start.length, end)
    return below.has(name) ? name : undefined
  }
}

/** Maps hosts to tenants. */
const hostsOf = ({ issuer, tenantIssuers }: Configuration): ReadonlyMap<string, string> =>
  new Map(
    [...tenantIssuers].flatMap(([name, own]) =>
      own.issuer === issuer + tenantPath + name
        ? []
        : hostSpellings(own.issuer).map(host => [host, name] as const),
    ),
  )

/** Returns the `host` headers for an issuer: with or without the default port of the scheme (RFC 9110 §4.2.3). */
function hostSpellings(issuer: string): readonly string[] {
  const { host, port, protocol } = new URL(issuer)
  return port === '' ? [host, `${host}:${protocol === 'https:' ? 443 : 80}`] : [host]
}

const hostOf = ({ peer, headers }: HttpRequest): string => (peer.host ?? headers.host ?? '').toLowerCase()

const withoutPort = (host: string): string => host.replace(/:\d*$/, '')
