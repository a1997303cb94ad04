/** Every path that is served and who answers it. */

import type { Endpoint, Route } from '@tessera/protocol/http'
import { responseTypes } from '@tessera/protocol/response-type'
import { prompts } from '../authorization-request/prompt.ts'
import { responseModes } from '../authorization-request/response-mode.ts'
import { authenticationMethodsOf } from '../client-authentication/methods.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { assertionAlgorithms } from '../core/client.ts'
import { createConnectionsEndpoint } from '../endpoints/account/connections.ts'
import { createAccountConsentsEndpoint } from '../endpoints/account/consents.ts'
import { createEmailEndpoint } from '../endpoints/account/email.ts'
import { createNamesEndpoint } from '../endpoints/account/names.ts'
import { createPasswordEndpoint } from '../endpoints/account/password.ts'
import { createProfileEndpoint } from '../endpoints/account/profile.ts'
import { createSecurityEndpoint } from '../endpoints/account/security.ts'
import { createAccountSessionsEndpoint } from '../endpoints/account/sessions.ts'
import { createAuthorizeCallbackEndpoint, createAuthorizeEndpoint } from '../endpoints/authorize/authorize.ts'
import { createCheckSessionEndpoint } from '../endpoints/checksession/checksession.ts'
import { createConsentEndpoint } from '../endpoints/consent/consent.ts'
import { createDeviceEndpoint } from '../endpoints/device/device.ts'
import { createDeviceAuthorizationEndpoint } from '../endpoints/deviceauthorization/deviceauthorization.ts'
import { createDevMailEndpoint } from '../endpoints/devmail/devmail.ts'
import { createDiscoveryEndpoint, discoveryPaths } from '../endpoints/discovery/discovery.ts'
import { createMetadata } from '../endpoints/discovery/metadata.ts'
import { createEndSessionEndpoint } from '../endpoints/endsession/endsession.ts'
import { createFederationCallbackEndpoint } from '../endpoints/federation/callback.ts'
import { createFederationLoginEndpoint } from '../endpoints/federation/login.ts'
import {
  createBackChannelLogoutEndpoint,
  createFrontChannelLogoutEndpoint,
} from '../endpoints/federation/logout.ts'
import { createHomeEndpoint } from '../endpoints/home/home.ts'
import { createIntrospectionEndpoint } from '../endpoints/introspection/introspection.ts'
import { createJwksEndpoint } from '../endpoints/jwks/jwks.ts'
import { createLoginEndpoint } from '../endpoints/login/login.ts'
import { createLogoutEndpoint } from '../endpoints/logout/logout.ts'
import { createSignedOutEndpoint } from '../endpoints/logout/signed-out.ts'
import { createSecondFactorEndpoint } from '../endpoints/mfa/mfa.ts'
import { createParEndpoint } from '../endpoints/par/par.ts'
import { createConfirmEmailEndpoint } from '../endpoints/recovery/confirm-email.ts'
import { createForgottenEndpoint } from '../endpoints/recovery/forgotten.ts'
import { createResetEndpoint } from '../endpoints/recovery/reset.ts'
import { createManagementEndpoint } from '../endpoints/register/management.ts'
import { createRegisterEndpoint } from '../endpoints/register/register.ts'
import { createRefuser } from '../endpoints/respond.ts'
import { createRevocationEndpoint } from '../endpoints/revocation/revocation.ts'
import { createSelectAccountEndpoint } from '../endpoints/selectaccount/selectaccount.ts'
import { createCompleteEndpoint } from '../endpoints/signup/complete.ts'
import { createSignUpEndpoint } from '../endpoints/signup/signup.ts'
import { createTokenEndpoint } from '../endpoints/token/token.ts'
import { validateBy } from '../endpoints/token/validate.ts'
import { createUserinfoEndpoint } from '../endpoints/userinfo/userinfo.ts'
import type { OpenIdProvider } from '../federation/discovery.ts'
import { acrsOffered } from '../identity/mfa-policy.ts'
import { createHealthEndpoint, createReadinessEndpoint } from '../operations/health.ts'
import { confirm } from '../proof/certificate.ts'
import { languages } from '../ui/languages.ts'
import type { Services } from './services.ts'

/** What one issuer serves. */
export function composeRoutes(configuration: Configuration, services: Services): readonly Route[] {
  const { issuer, look, passkeyScript, openIdProviders } = services
  const discovery = createDiscoveryEndpoint(metadataOf(configuration, services))
  const { below, before } = discoveryPaths(issuer)
  const refuserOf = (endpoint: string) =>
    createRefuser(endpoint, {
      ...services,
      invalidClientStatus: configuration.compatibility === 'identityserver4' ? 400 : 401,
    })
  const introspection = createIntrospectionEndpoint({ ...services, refuser: refuserOf('introspection') })
  const revocation = createRevocationEndpoint({ ...services, refuser: refuserOf('revocation') })
  const deviceAuthorization = createDeviceAuthorizationEndpoint({
    ...services,
    refuser: refuserOf('deviceauthorization'),
  })
  const token = createTokenEndpoint(tokenPorts(configuration, services, refuserOf('token')))

  const underIssuer: readonly Route[] = [
    ...below.map(path => get(path, discovery, 'any')),
    get('/.well-known/openid-configuration/jwks', createJwksEndpoint(services), 'any'),
    post('/connect/token', token, 'clients'),
    post('/connect/introspect', introspection),
    post('/connect/revocation', revocation, 'clients'),
    both('/connect/userinfo', createUserinfoEndpoint(services), 'clients'),
    post('/connect/deviceauthorization', deviceAuthorization, 'clients'),
    both('/connect/authorize', createAuthorizeEndpoint(services)),
    post('/connect/par', createParEndpoint({ ...services, refuser: refuserOf('par') }), 'clients'),
    get('/connect/authorize/callback', createAuthorizeCallbackEndpoint(services)),
    both('/connect/endsession', createEndSessionEndpoint(services)),
    get('/connect/checksession', createCheckSessionEndpoint(services)),
    both('/logout', createLogoutEndpoint(services)),
    get('/logout/done', createSignedOutEndpoint(services)),
    both('/login', createLoginEndpoint(services)),
    get('/federation/login', createFederationLoginEndpoint(services)),
    ...openIdProviders.flatMap(provider => providerRoutes(provider, services, refuserOf('federation'))),
    both('/mfa', createSecondFactorEndpoint(services)),
    both('/select-account', createSelectAccountEndpoint(services)),
    both('/consent', createConsentEndpoint(services)),
    both('/device', createDeviceEndpoint(services)),
    get('/account', createProfileEndpoint(services)),
    both('/account/consents', createAccountConsentsEndpoint(services)),
    both('/account/connections', createConnectionsEndpoint(services)),
    ...accountRoutes(services),
    both('/account/security', createSecurityEndpoint(services)),
    both('/account/sessions', createAccountSessionsEndpoint({ ...services, ...services.logouts })),
    get('/', createHomeEndpoint(services)),
    ...registrationRoutes(services, refuserOf('register')),
    ...look.routes,
    passkeyScript.route,
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
function providerRoutes(
  provider: OpenIdProvider,
  services: Services,
  refuser: ReturnType<typeof createRefuser>,
): readonly Route[] {
  const ports = { ...services, ...services.logouts, refuser }
  const { name } = provider
  return [
    both(`/federation/callback/${name}`, createFederationCallbackEndpoint(provider, ports)),
    post(`/federation/backchannel-logout/${name}`, createBackChannelLogoutEndpoint(provider, ports)),
    get(`/federation/frontchannel-logout/${name}`, createFrontChannelLogoutEndpoint(provider, ports)),
  ]
}

/** What users who are kept here may do themselves, as far as the configuration offers it. */
function accountRoutes(services: Services): readonly Route[] {
  const { offered, outboxMails: mails, pages } = services
  return [
    both('/account/name', createNamesEndpoint(services)),
    both('/account/password', createPasswordEndpoint(services)),
    ...(offered.mail
      ? [
          both('/account/email', createEmailEndpoint(services)),
          both('/email/confirm', createConfirmEmailEndpoint(services)),
        ]
      : []),
    ...(offered.passwordReset
      ? [
          both('/password/forgotten', createForgottenEndpoint(services)),
          both('/password/reset', createResetEndpoint(services)),
        ]
      : []),
    ...(offered.signUp
      ? [
          both('/register', createSignUpEndpoint(services)),
          both('/register/complete', createCompleteEndpoint(services)),
        ]
      : []),
    ...(mails ? [get('/dev/mail', createDevMailEndpoint({ pages, mails }))] : []),
  ]
}

/** None where nobody may register. */
function registrationRoutes(services: Services, refuser: ReturnType<typeof createRefuser>): readonly Route[] {
  const ports = { ...services, ...services.registering, refuser }
  if (ports.registration.mode === 'off') return []
  return [
    post('/connect/register', createRegisterEndpoint(ports), 'clients'),
    manage('/connect/register/*', createManagementEndpoint(ports), 'clients'),
  ]
}

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
const manage = route('GET', 'PUT', 'DELETE')

const metadataOf = (
  { mtls, mfa, branding, authorizationRequests }: Configuration,
  { issuer, clients, resources, grants, keys, registering }: Services,
) =>
  createMetadata({
    ...{ issuer, clients, resources, responseTypes, responseModes, prompts, assertionAlgorithms },
    acrValues: acrsOffered(mfa),
    uiLocales: languages.map(({ tag }) => tag),
    branding,
    grantTypes: grants.map(({ grantType }) => grantType),
    signingAlgorithms: keys.algorithms(),
    authenticationMethods: authenticationMethodsOf({ mtls }),
    mtls: mtls !== undefined,
    registers: registering.registration.mode !== 'off',
    ...authorizationRequests,
  })

function tokenPorts(
  { validators: { tokenRequest } }: Configuration,
  services: Services,
  refuser: ReturnType<typeof createRefuser>,
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
        return verified.ok ? verified.value : undefined
      },
      async user(sub) {
        const user = await users.find(sub)
        return user?.active ? user : undefined
      },
    },
  }
}
