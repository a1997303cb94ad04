/** What a person's browser meets, and what clients and providers ask for now and then: made with the first request for any of it. */

import type { Endpoint, Route } from '@tessera/protocol/http'
import { isLoopback } from '../configuration/issuer.ts'
import { createAuthorizeCallbackEndpoint, createAuthorizeEndpoint } from '../endpoints/authorize/authorize.ts'
import { createCheckSessionEndpoint } from '../endpoints/checksession/checksession.ts'
import { createDeviceAuthorizationEndpoint } from '../endpoints/deviceauthorization/deviceauthorization.ts'
import { createParEndpoint } from '../endpoints/par/par.ts'
import { createManagementEndpoint } from '../endpoints/register/management.ts'
import { createRegisterEndpoint } from '../endpoints/register/register.ts'
import { prefersHtml } from '../http/accept.ts'
import { notFound } from '../http/plain-error.ts'
import type { ShowError } from '../http/router.ts'
import type { OpenIdProvider } from '../identity/federation/provider-discovery.ts'
import type { Refuser } from '../messages/json-response.ts'
import { createConnectionsEndpoint } from '../pages/account/connections.ts'
import { createAccountConsentsEndpoint } from '../pages/account/consents.ts'
import { createDeletionEndpoint } from '../pages/account/deletion.ts'
import { createEmailEndpoint } from '../pages/account/email.ts'
import { createNamesEndpoint } from '../pages/account/names.ts'
import { createPasswordEndpoint } from '../pages/account/password.ts'
import { createProfileEndpoint } from '../pages/account/profile.ts'
import { createSecurityEndpoint } from '../pages/account/security.ts'
import { createAccountSessionsEndpoint } from '../pages/account/sessions.ts'
import { createConsentEndpoint } from '../pages/consent/consent.ts'
import { createDeviceEndpoint } from '../pages/device/device.ts'
import { createDevMailEndpoint } from '../pages/devmail/devmail.ts'
import { createFederationCallbackEndpoint } from '../pages/federation/callback.ts'
import { createFederationLoginEndpoint } from '../pages/federation/federation-login.ts'
import {
  createBackChannelLogoutEndpoint,
  createFrontChannelLogoutEndpoint,
} from '../pages/federation/federation-logout.ts'
import { createHomeEndpoint } from '../pages/home/home.ts'
import { createLoginEndpoint } from '../pages/login/login.ts'
import { createEndSessionEndpoint } from '../pages/logout/endsession.ts'
import { createLogoutEndpoint } from '../pages/logout/logout.ts'
import { createSignedOutEndpoint } from '../pages/logout/signed-out.ts'
import { createSecondFactorEndpoint } from '../pages/mfa/mfa.ts'
import { createConfirmEmailEndpoint } from '../pages/recovery/confirm-email.ts'
import { createForgottenEndpoint } from '../pages/recovery/forgotten.ts'
import { createResetEndpoint } from '../pages/recovery/reset.ts'
import { createSelectAccountEndpoint } from '../pages/selectaccount/selectaccount.ts'
import { createCompleteEndpoint } from '../pages/signup/complete.ts'
import { createSignUpEndpoint } from '../pages/signup/signup.ts'
import type { BrowserServices } from './browser-services.ts'
import { createErrorPage } from './error-pages.ts'
import type { PageName } from './page-routes.ts'

export type BrowserEndpoints = Readonly<Record<PageName, Endpoint>> & {
  /** By the provider's name. */
  readonly providers: ReadonlyMap<string, ProviderEndpoints>
}
export type ProviderEndpoints = Readonly<
  Record<'callback' | 'backChannelLogout' | 'frontChannelLogout', Endpoint>
>

export function createBrowserEndpoints(services: BrowserServices): BrowserEndpoints {
  const { outboxMails, look, passkeyScript, openIdProviders, refuserOf } = services
  const registering = { ...services, ...services.registering, refuser: refuserOf('register') }
  return {
    par: createParEndpoint({ ...services, refuser: refuserOf('par') }),
    deviceAuthorization: createDeviceAuthorizationEndpoint({
      ...services,
      refuser: refuserOf('deviceauthorization'),
    }),
    authorize: createAuthorizeEndpoint(services),
    authorizeCallback: createAuthorizeCallbackEndpoint(services),
    endSession: createEndSessionEndpoint(services),
    checkSession: createCheckSessionEndpoint(services),
    logout: createLogoutEndpoint(services),
    signedOut: createSignedOutEndpoint(services),
    login: createLoginEndpoint(services),
    federationLogin: createFederationLoginEndpoint(services),
    secondFactor: createSecondFactorEndpoint(services),
    selectAccount: createSelectAccountEndpoint(services),
    consent: createConsentEndpoint(services),
    device: createDeviceEndpoint(services),
    profile: createProfileEndpoint(services),
    consents: createAccountConsentsEndpoint(services),
    connections: createConnectionsEndpoint(services),
    security: createSecurityEndpoint(services),
    sessions: createAccountSessionsEndpoint({ ...services, ...services.logouts }),
    names: createNamesEndpoint(services),
    password: createPasswordEndpoint(services),
    email: createEmailEndpoint(services),
    deletion: createDeletionEndpoint(services),
    confirmEmail: createConfirmEmailEndpoint(services),
    forgotten: createForgottenEndpoint(services),
    reset: createResetEndpoint(services),
    signUp: createSignUpEndpoint(services),
    completeSignUp: createCompleteEndpoint(services),
    devMail: createDevMailEndpoint({ ...services, mails: outboxMails ?? (() => []) }),
    home: createHomeEndpoint({ ...services, local: isLoopback(new URL(services.issuer).hostname) }),
    register: createRegisterEndpoint(registering),
    manageRegistration: createManagementEndpoint(registering),
    assets: assetsEndpoint([...look.routes, passkeyScript.route], createErrorPage(services)),
    providers: new Map(
      openIdProviders.map(one => [one.name, providerEndpoints(one, services, refuserOf('federation'))]),
    ),
  }
}

/** What pages load, each under a name with its content's hash: a name of another version's is not there. */
function assetsEndpoint(routes: readonly Route[], showError: ShowError): Endpoint {
  const byPath = new Map(routes.map(({ path, endpoint }) => [path, endpoint]))
  return request => {
    const name = request.path.slice(request.path.lastIndexOf('/'))
    const found = byPath.get(`/assets${name}`)?.(request)
    return found ?? (prefersHtml(request) ? showError(request, notFound) : notFound)
  }
}

function providerEndpoints(
  provider: OpenIdProvider,
  services: BrowserServices,
  refuser: Refuser,
): ProviderEndpoints {
  const ports = { ...services, ...services.logouts, refuser }
  return {
    callback: createFederationCallbackEndpoint(provider, ports),
    backChannelLogout: createBackChannelLogoutEndpoint(provider, ports),
    frontChannelLogout: createFrontChannelLogoutEndpoint(provider, ports),
  }
}
