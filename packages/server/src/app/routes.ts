/** Connects the paths that an issuer serves with their endpoints. */

import type { Endpoint, Route } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import { pathsBeforeIssuer } from '../endpoints/discovery/discovery.ts'
import {
  type Offer,
  type PageRouteName,
  type ProtocolRouteName,
  type ProviderRouteName,
  pageRoutes,
  protocolRoutes,
  providerRoutes,
  type RouteEntry,
} from '../model/routes.ts'
import type { IdentityProvider } from '../model/user.ts'
import { createHealthEndpoint, createReadinessEndpoint } from '../operations/health.ts'
import { withOrigin } from '../runtime/async/origin.ts'
import { requestFields } from '../runtime/network.ts'
import type { LazyPages } from './lazy-pages.ts'
import { createProtocolEndpoints } from './protocol-endpoints.ts'
import type { Services } from './services.ts'

/** Returns the routes of one issuer. */
export function createRoutes(
  configuration: Configuration,
  services: Services,
  pages: LazyPages,
): readonly Route[] {
  const { issuer, registration, adminApi } = configuration
  const endpoints = createProtocolEndpoints(configuration, services)
  const offers = { ...services.accounts.offered, registration: registration.mode !== 'off', adminApi }
  const below: readonly Route[] = [
    ...namesOf(protocolRoutes).map(name => routeOf(protocolRoutes[name], endpoints[name])),
    ...namesOf(pageRoutes)
      .filter(name => isOffered(pageRoutes[name], offers))
      .map(name => routeOf(pageRoutes[name], fromBrowser(pages.page(name)))),
    ...[...services.signIn.identityProviders.values()].flatMap(provider => routesOfProvider(provider, pages)),
  ]
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  return [
    ...below.map(route => ({ ...route, path: base + route.path })),
    ...pathsBeforeIssuer(issuer).map(path =>
      routeOf({ ...protocolRoutes.discovery, path }, endpoints.discovery),
    ),
  ]
}

/** Returns the routes by which an orchestrator checks the health of the server. */
export const createProbes = (ports: Parameters<typeof createReadinessEndpoint>[0]): readonly Route[] => [
  { path: '/healthz', methods: ['GET'], endpoint: createHealthEndpoint(), essential: true },
  { path: '/readyz', methods: ['GET'], endpoint: createReadinessEndpoint(ports), essential: true },
]

const routesOfProvider = ({ name, upstream }: IdentityProvider, pages: LazyPages): readonly Route[] =>
  upstream === undefined
    ? []
    : namesOf(providerRoutes).map(route => {
        const entry = providerRoutes[route]
        return routeOf({ ...entry, path: entry.path + name }, fromBrowser(pages.provider(name, route)))
      })

/** Tells the audit log where requests of people come from. */
const fromBrowser =
  (endpoint: Endpoint): Endpoint =>
  request =>
    withOrigin({ actor: { kind: 'browser' }, ...requestFields(request) }, () => endpoint(request))

const isOffered = ({ offer }: RouteEntry, offers: Readonly<Record<Offer, boolean>>): boolean =>
  offer === undefined || offers[offer]

function routeOf({ offer: _, ...route }: RouteEntry, endpoint: Endpoint): Route {
  return { ...route, endpoint }
}

const namesOf = <Name extends PageRouteName | ProtocolRouteName | ProviderRouteName>(
  table: Readonly<Record<Name, unknown>>,
): readonly Name[] => Object.keys(table) as Name[]
