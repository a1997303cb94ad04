/** Creates the endpoints that are loaded on first use, each with only the services that it needs. */

import type { Endpoint, Route } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import { isLoopback } from '../configuration/issuer.ts'
import { createManagementEndpoint } from '../endpoints/register/management.ts'
import { createRegisterEndpoint } from '../endpoints/register/register.ts'
import { prefersHtml } from '../http/accept.ts'
import { notFound } from '../http/plain-error.ts'
import type { ShowError } from '../http/router.ts'
import type { OpenIdProvider } from '../identity/federation/provider-discovery.ts'
import type { PageRouteName, ProviderRouteName } from '../model/routes.ts'
import { createDevMailEndpoint } from '../pages/devmail/devmail.ts'
import { createFederationCallbackEndpoint } from '../pages/federation/callback.ts'
import {
  createBackChannelLogoutEndpoint,
  createFrontChannelLogoutEndpoint,
} from '../pages/federation/federation-logout.ts'
import { createHomeEndpoint } from '../pages/home/home.ts'
import { createAccountEndpoints, createMailLinkEndpoints } from './account-endpoints.ts'
import { createAdmin } from './admin-endpoint.ts'
import { createErrorPage } from './error-pages.ts'
import type { PageServices } from './page-services.ts'
import { createRequestEndpoints, createSignInEndpoints, createSignOutEndpoints } from './sign-in-endpoints.ts'

type ProviderEndpoints = Readonly<Record<ProviderRouteName, Endpoint>>

export type PageEndpoints = Readonly<Record<PageRouteName, Endpoint>> & {
  /** By the provider's name. */
  readonly providers: ReadonlyMap<string, ProviderEndpoints>
}

export const createPageEndpoints = (configuration: Configuration, page: PageServices): PageEndpoints => ({
  ...createRequestEndpoints(configuration, page),
  ...createSignInEndpoints(page),
  ...createSignOutEndpoints(configuration, page),
  ...createAccountEndpoints(configuration, page),
  ...createMailLinkEndpoints(configuration, page),
  ...createOtherEndpoints(configuration, page),
  providers: new Map(
    page.federation.openIdProviders.map(one => [one.name, createProviderEndpoints(one, page)]),
  ),
})

function createOtherEndpoints(
  configuration: Configuration,
  { services, view, mail, browser, registration: { clientRegistration, secrets } }: PageServices,
) {
  const { issuer, registration } = configuration
  const { log } = services.context
  const { countAttempt } = services.attempts
  const { lookup: clients } = services.clients
  const { users } = services.signIn
  const { offered } = services.accounts
  const { pages, paths, theme, passkeyScript } = view
  const { sessions } = browser
  const refuser = services.refuserOf('register')
  return {
    home: createHomeEndpoint({
      sessions,
      users,
      clients,
      offered,
      local: isLoopback(new URL(issuer).hostname),
      pages,
      paths,
    }),
    devMail: createDevMailEndpoint({ mails: mail.devMails, pages, log }),
    register: createRegisterEndpoint({
      issuer,
      registration,
      clientRegistration,
      secrets,
      countAttempt,
      refuser,
      log,
    }),
    manageRegistration: createManagementEndpoint({
      issuer,
      registration,
      clientRegistration,
      countAttempt,
      refuser,
      log,
    }),
    admin: createAdmin(configuration, services),
    assets: createAssetsEndpoint([...theme.routes, passkeyScript.route], createErrorPage({ pages, paths })),
  }
}

function createProviderEndpoints(
  provider: OpenIdProvider,
  { services, view, mail, federation, flow }: PageServices,
): ProviderEndpoints {
  const { stores, clock, log, events } = services.context
  const { endSession } = services.sessions
  const { users, profile, identityProviders, resolveSubject, accessEndings } = services.signIn
  const { upstream, upstreamStates, redeemUpstreamRequest, browserBinding } = federation
  const { storeUpstreamSession, callbackPathOf, readLogoutToken } = federation
  const { browserRequests, findRequester, concludeSignIn, signInOptions } = flow
  return {
    callback: createFederationCallbackEndpoint(provider, {
      browserRequests,
      identityProviders,
      findRequester,
      signInOptions,
      upstream,
      upstreamStates,
      redeemUpstreamRequest,
      browserBinding,
      resolveSubject,
      storeUpstreamSession,
      accessEndings,
      callbackPathOf,
      profile,
      users,
      concludeSignIn,
      notifyOwner: mail.notifyOwner,
      stores,
      pages: view.pages,
      clock,
      log,
      events,
    }),
    backChannelLogout: createBackChannelLogoutEndpoint(provider, {
      readLogoutToken,
      stores,
      endSession,
      clock,
      log,
      refuser: services.refuserOf('federation'),
    }),
    frontChannelLogout: createFrontChannelLogoutEndpoint(provider, {
      readLogoutToken,
      stores,
      endSession,
      clock,
      log,
    }),
  }
}

/**
 * Serves the assets of pages. Their names contain a hash of the content, so a name from another version is not found.
 */
function createAssetsEndpoint(routes: readonly Route[], showError: ShowError): Endpoint {
  const byPath = new Map(routes.map(({ path, endpoint }) => [path, endpoint]))
  return request => {
    const name = request.path.slice(request.path.lastIndexOf('/'))
    const found = byPath.get(`/assets${name}`)?.(request)
    return found ?? (prefersHtml(request) ? showError(request, notFound) : notFound)
  }
}
