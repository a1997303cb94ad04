/** Creates the endpoints of authorization requests, sign-in and sign-out, each with only the services that it needs. */

import type { Configuration } from '../configuration/configuration.ts'
import { createAuthorizeCallbackEndpoint, createAuthorizeEndpoint } from '../endpoints/authorize/authorize.ts'
import { createCheckSessionEndpoint } from '../endpoints/checksession/checksession.ts'
import { createDeviceAuthorizationEndpoint } from '../endpoints/deviceauthorization/deviceauthorization.ts'
import { createParEndpoint } from '../endpoints/par/par.ts'
import { createConsentEndpoint } from '../pages/consent/consent.ts'
import { createDeviceEndpoint } from '../pages/device/device.ts'
import { createFederationLoginEndpoint } from '../pages/federation/federation-login.ts'
import { createLoginEndpoint } from '../pages/login/login.ts'
import { createEndSessionEndpoint } from '../pages/logout/endsession.ts'
import { createLogoutEndpoint } from '../pages/logout/logout.ts'
import { createSignedOutEndpoint } from '../pages/logout/signed-out.ts'
import { createSecondFactorEndpoint } from '../pages/mfa/mfa.ts'
import { createSelectAccountEndpoint } from '../pages/selectaccount/selectaccount.ts'
import type { PageServices } from './page-services.ts'

/** Creates the endpoints for authorization requests of clients and devices. */
export function createRequestEndpoints(
  { issuer, resources, consentPolicy, compatibility, emitStateHash }: Configuration,
  { services, requests, view, browser, flow }: PageServices,
) {
  const { stores, clock, random, log, events } = services.context
  const { lookup: clients, authenticate } = services.clients
  const { subjects, audiences, accessTokens, idTokens, responseJwts } = services.tokens
  const { users, profile, readIdentityClaims, isExternalUser } = services.signIn
  const { countAttempt } = services.attempts
  const { refuserOf } = services
  const { resolution, validate, pushedRequests, countPending } = requests
  const { pages, paths } = view
  const { csrf, continuations, sessions, browserState, userCodes } = browser
  const { browserRequests, createAuthorization, noteWaitingCode, lackingSecondFactor, shorten } = flow
  const authorize = {
    issuer,
    resolution,
    validate,
    clients,
    resources,
    subjects,
    audiences,
    accessTokens,
    idTokens,
    responseJwts,
    profile,
    readIdentityClaims,
    isExternalUser,
    consentPolicy,
    emitStateHash,
    emitsScope: compatibility === 'identityserver4',
    continuations,
    shorten,
    sessions,
    csrf,
    browserState,
    lackingSecondFactor,
    createAuthorization,
    noteWaitingCode,
    noteUse: clients.noteUse,
    countAttempt,
    stores,
    pages,
    paths,
    clock,
    random,
    log,
    events,
  }
  return {
    authorize: createAuthorizeEndpoint(authorize),
    authorizeCallback: createAuthorizeCallbackEndpoint(authorize),
    par: createParEndpoint({
      authenticate,
      senderConstraints: services.tokens.senderConstraints,
      resolution,
      validate,
      pushedRequests,
      countPending,
      log,
      refuser: refuserOf('par'),
    }),
    deviceAuthorization: createDeviceAuthorizationEndpoint({
      issuer,
      authenticate,
      resources,
      userCodes,
      countPending,
      stores,
      clock,
      random,
      log,
      refuser: refuserOf('deviceauthorization'),
    }),
    device: createDeviceEndpoint({
      browserRequests,
      lackingSecondFactor,
      profile,
      countAttempt,
      userCodes,
      createAuthorization,
      clients,
      resources,
      users,
      stores,
      pages,
      clock,
      log,
      events,
    }),
    consent: createConsentEndpoint({ browserRequests, resources, users, stores, pages, clock, events }),
  }
}

export function createSignInEndpoints({ services, view, browser, federation, factors, flow }: PageServices) {
  const { clock, log } = services.context
  const { users, signIn, knownAccounts, identityProviders, findFactors, accessEndings } = services.signIn
  const { offered } = services.accounts
  const { pages } = view
  const { sessions, knownBrowsers, rememberedBrowsers, pendingSignIns } = browser
  const { startUpstreamRequest, browserBinding } = federation
  const { passkeys, passkeySignIn, proveFactor, factorEnrolment } = factors
  const { browserRequests, signInOptions, concludeSignIn, lackingSecondFactor } = flow
  return {
    login: createLoginEndpoint({
      browserRequests,
      signInOptions,
      signIn,
      passkeySignIn,
      passkeys,
      concludeSignIn,
      sessions,
      knownBrowsers,
      knownAccounts,
      identityProviders,
      offered,
      pages,
    }),
    federationLogin: createFederationLoginEndpoint({
      browserRequests,
      identityProviders,
      signInOptions,
      startUpstreamRequest,
      browserBinding,
      pages,
    }),
    secondFactor: createSecondFactorEndpoint({
      browserRequests,
      sessions,
      pendingSignIns,
      concludeSignIn,
      lackingSecondFactor,
      rememberedBrowsers,
      findFactors,
      accessEndings,
      proveFactor,
      factorEnrolment,
      passkeys,
      users,
      pages,
      clock,
      log,
    }),
    selectAccount: createSelectAccountEndpoint({ browserRequests, users, pages }),
  }
}

export function createSignOutEndpoints(
  { issuer }: Configuration,
  { services, requests, view, browser, federation, flow }: PageServices,
) {
  const { clock } = services.context
  const { lookup: clients } = services.clients
  const { subjects } = services.tokens
  const { users } = services.signIn
  const { readIdTokenHint } = requests
  const { pages } = view
  const { csrf, sessions, browserState, signOuts } = browser
  const { upstreamSignOut } = federation
  const { browserRequests } = flow
  return {
    endSession: createEndSessionEndpoint({ browserRequests, clients, readIdTokenHint, signOuts, clock }),
    checkSession: createCheckSessionEndpoint({ browserState }),
    logout: createLogoutEndpoint({
      browserRequests,
      issuer,
      signOuts,
      sessions,
      browserState,
      clients,
      subjects,
      users,
      upstreamSignOut,
      pages,
      clock,
    }),
    signedOut: createSignedOutEndpoint({ browserRequests, issuer, signOuts, clients, subjects, csrf, pages }),
  }
}
