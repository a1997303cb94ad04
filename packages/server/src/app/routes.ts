/** Every path that is served and who answers it. */

import type { Endpoint, Route } from '@tessera/protocol/http'
import { responseTypes } from '@tessera/protocol/response-type'
import { promptsOffered } from '../authorization-request/prompt.ts'
import { responseModes } from '../authorization-request/response-mode.ts'
import { authenticationMethodsOf } from '../clients/authentication/methods.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { mtlsBaseOf } from '../configuration/issuer.ts'
import { createDiscoveryEndpoint, discoveryPaths } from '../endpoints/discovery/discovery.ts'
import { createMetadata } from '../endpoints/discovery/metadata.ts'
import { createIntrospectionEndpoint } from '../endpoints/introspection/introspection.ts'
import { createJwksEndpoint } from '../endpoints/jwks/jwks.ts'
import { createRevocationEndpoint } from '../endpoints/revocation/revocation.ts'
import { validateBy } from '../endpoints/token/operator-validator.ts'
import { createTokenEndpoint } from '../endpoints/token/token.ts'
import { createUserinfoEndpoint } from '../endpoints/userinfo/userinfo.ts'
import { acrsOffered } from '../identity/mfa-policy.ts'
import type { Refuser } from '../messages/json-response.ts'
import { assertionAlgorithms } from '../model/client.ts'
import type { IdentityProvider } from '../model/user.ts'
import { createHealthEndpoint, createReadinessEndpoint } from '../operations/health.ts'
import { languages } from '../pages/ui/languages.ts'
import { confirm } from '../proof/certificate.ts'
import type { Browser } from './browser.ts'
import { offeredPages } from './page-routes.ts'
import type { Services } from './services.ts'

/** What one issuer serves. */
export function composeRoutes(
  configuration: Configuration,
  services: Services,
  browser: Browser,
): readonly Route[] {
  const { issuer, refuserOf } = services
  const discovery = createDiscoveryEndpoint(metadataOf(configuration, services))
  const { below, before } = discoveryPaths(issuer)
  const introspection = createIntrospectionEndpoint({ ...services, refuser: refuserOf('introspection') })
  const revocation = createRevocationEndpoint({ ...services, refuser: refuserOf('revocation') })
  const token = createTokenEndpoint(tokenPorts(configuration, services, refuserOf('token')))

  const underIssuer: readonly Route[] = [
    ...below.map(path => get(path, discovery, 'any')),
    get('/.well-known/openid-configuration/jwks', createJwksEndpoint(services), 'any'),
    post('/connect/token', token, 'clients'),
    post('/connect/introspect', introspection),
    post('/connect/revocation', revocation, 'clients'),
    both('/connect/userinfo', createUserinfoEndpoint(services), 'clients'),
    ...offeredPages(offersOf(configuration, services)).map(({ name, ...route }) => ({
      ...route,
      endpoint: browser.page(name),
    })),
    ...[...services.identityProviders.values()].flatMap(provider => providerRoutes(provider, browser)),
  ]
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  return [
    ...underIssuer.map(route => ({ ...route, path: base + route.path })),
    ...before.map(path => get(path, discovery, 'any')),
  ]
}

/** Where an orchestrator asks how the whole server is. */
export const composeProbes = (ports: Parameters<typeof createReadinessEndpoint>[0]): readonly Route[] => [
  { ...get('/healthz', createHealthEndpoint()), essential: true },
  { ...get('/readyz', createReadinessEndpoint(ports)), essential: true },
]

/** Where an OpenID provider sends browsers and its word. */
const providerRoutes = ({ name, upstream }: IdentityProvider, { provider }: Browser): readonly Route[] =>
  upstream === undefined
    ? []
    : [
        { ...acting(both(`/federation/callback/${name}`, provider(name, 'callback'))), page: true },
        post(`/federation/backchannel-logout/${name}`, provider(name, 'backChannelLogout')),
        acting(get(`/federation/frontchannel-logout/${name}`, provider(name, 'frontChannelLogout'))),
      ]

const offersOf = ({ registration }: Configuration, { offered }: Services) => ({
  ...offered,
  registration: registration.mode !== 'off',
})

const route =
  (...methods: Route['methods']) =>
  (path: string, endpoint: Endpoint, cors?: Route['cors']): Route => ({
    path,
    methods,
    endpoint,
    ...(cors && { cors }),
  })
const get = route('GET')
const post = route('POST')
const both = route('GET', 'POST')
const acting = (one: Route): Route => ({ ...one, acts: true })

const metadataOf = (
  { mtls, mfa, branding, registration, authorizationRequests }: Configuration,
  { issuer, clients, resources, grants, keys, offered }: Services,
) =>
  createMetadata({
    ...{ issuer, clients, resources, responseTypes, responseModes, assertionAlgorithms },
    prompts: promptsOffered(offered),
    acrValues: acrsOffered(mfa),
    uiLocales: languages.map(({ tag }) => tag),
    branding,
    grantTypes: grants.map(({ grantType }) => grantType),
    signingAlgorithms: keys.algorithms(),
    authenticationMethods: authenticationMethodsOf({ mtls }),
    mtls: mtls !== undefined,
    mtlsBase: mtlsBaseOf(issuer, mtls),
    registers: registration.mode !== 'off',
    ...authorizationRequests,
  })

function tokenPorts(
  { validators: { tokenRequest } }: Configuration,
  services: Services,
  refuser: Refuser,
): Parameters<typeof createTokenEndpoint>[0] {
  const { issuer, log, verifier, users, clients } = services
  return {
    ...services,
    confirm,
    refuser,
    validate: tokenRequest && validateBy(tokenRequest),
    findClient: clients.find,
    extension: {
      ...{ issuer, log },
      async verifyAccessToken(token) {
        const verified = await verifier.verifyAccessToken(token)
        if (!verified.ok) return undefined
        const { authorization: _, ...told } = verified.value
        return told
      },
      async user(sub) {
        const user = await users.find(sub)
        return user?.active ? user : undefined
      },
    },
  }
}
