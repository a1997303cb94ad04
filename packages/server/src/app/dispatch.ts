/** Which issuer a request is for: a tenant's by its host or by its path, else the server's own (RFC 8414 §3.1, RFC 9110 §7.4). */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import { isLoopback, tenantPath } from '../configuration/issuer.ts'
import { pathsBeforeIssuer } from '../endpoints/discovery/discovery.ts'
import { plainError } from '../http/plain-error.ts'
import { requestIdHeader } from '../http/request-id.ts'
import type { Router } from '../http/router.ts'
import type { Tenants } from './tenants.ts'

export type DispatchPorts = {
  readonly configuration: Configuration
  readonly server: Router
  readonly tenants: Pick<Tenants, 'answer'>
  /** Paths that are the server's under every host: an orchestrator asks by address. */
  readonly probes: readonly string[]
}

/** Without tenants that have an issuer of their own it is the server's own router, and costs nothing. */
export function createDispatcher({ configuration, server, tenants, probes }: DispatchPorts): Router {
  const { tenantIssuers } = configuration
  if (tenantIssuers.size === 0) return server
  const tenantOfPath = createPathReader(configuration)
  const hosts = hostsOf(configuration)
  const { issuer, mtls } = configuration
  const own = [issuer, mtls?.endpointOrigin ?? issuer].flatMap(hostSpellings)

  const issuerOf = (request: HttpRequest): { readonly tenant: string } | 'server' | 'nobody' => {
    if (hosts.size > 0 && !probes.includes(request.path)) {
      const host = hostOf(request)
      const tenant = hosts.get(host)
      if (tenant !== undefined) return { tenant }
      if (!own.includes(host) && !isLoopback(withoutPort(host))) return 'nobody'
    } else if (hosts.size > 0) return 'server'
    const tenant = tenantOfPath(request.path)
    return tenant === undefined ? 'server' : { tenant }
  }

  const handle = (request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    const whose = issuerOf(request)
    if (whose === 'nobody') return present(request, misdirected(request))
    return whose === 'server' ? server(request) : tenants.answer(whose.tenant, request)
  }
  /** By the server's own pages; a tenant's may have to be composed first, and an error is no reason to. */
  const present: NonNullable<Router['present']> = (request, error) =>
    typeof issuerOf(request) === 'string' ? (server.present?.(request, error) ?? error) : error
  const early = (head: HttpRequest): HttpResponse | undefined => {
    const whose = issuerOf(head)
    if (whose === 'nobody') return undefined
    return whose === 'server' ? server.early?.(head) : undefined
  }
  /** Every path of a tenant counts as served: its routes are not known while it is not active. */
  const serves = (head: HttpRequest): boolean => {
    const whose = issuerOf(head)
    return typeof whose === 'object' || (whose === 'server' && (server.serves?.(head) ?? true))
  }
  if (hosts.size === 0) return Object.assign(handle, { early, present, serves })

  // Without the header too: what is kept for `host` must not go to whoever sends another one here.
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

/** Tells caches that this header chose the issuer: most keep responses by host and path (RFC 9111 §4.1). */
function varied(response: HttpResponse): HttpResponse {
  const { vary } = response.headers
  const names = [vary ?? [], 'x-forwarded-host'].flat().join(', ')
  return { ...response, headers: { ...response.headers, vary: names } }
}

/** Unless a request says for whom it is, nobody answers it: a new host of a tenant's is configured before it is pointed here. */
const misdirected = ({ id }: HttpRequest): HttpResponse =>
  plainError(421, 'invalid_request', { [requestIdHeader]: id })

/** The name in `/t/NAME/…`, also behind the well-known segments that RFC 8414 puts before an issuer's path. */
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

/** Host → tenant, for tenants by host. */
const hostsOf = ({ issuer, tenantIssuers }: Configuration): ReadonlyMap<string, string> =>
  new Map(
    [...tenantIssuers].flatMap(([name, own]) =>
      own.issuer === issuer + tenantPath + name
        ? []
        : hostSpellings(own.issuer).map(host => [host, name] as const),
    ),
  )

/** How a `host` header may name it: the scheme's own port may stand there or not (RFC 9110 §4.2.3). */
function hostSpellings(issuer: string): readonly string[] {
  const { host, port, protocol } = new URL(issuer)
  return port === '' ? [host, `${host}:${protocol === 'https:' ? 443 : 80}`] : [host]
}

const hostOf = ({ peer, headers }: HttpRequest): string => (peer.host ?? headers.host ?? '').toLowerCase()

const withoutPort = (host: string): string => host.replace(/:\d*$/, '')
