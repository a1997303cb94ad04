/** Creates the account pages and the pages behind links in emails, each with only the services that it needs. */

import type { Configuration } from '../configuration/configuration.ts'
import type { AccountPagePorts } from '../pages/account/account-page.ts'
import { createConnectionsEndpoint } from '../pages/account/connections.ts'
import { createAccountConsentsEndpoint } from '../pages/account/consents.ts'
import { createDeletionEndpoint } from '../pages/account/deletion.ts'
import { createEmailEndpoint } from '../pages/account/email.ts'
import { createNamesEndpoint } from '../pages/account/names.ts'
import { createPasswordEndpoint } from '../pages/account/password.ts'
import { createProfileEndpoint } from '../pages/account/profile.ts'
import { createSecurityEndpoint } from '../pages/account/security.ts'
import { createAccountSessionsEndpoint } from '../pages/account/sessions.ts'
import { createConfirmEmailEndpoint } from '../pages/recovery/confirm-email.ts'
import { createForgottenEndpoint } from '../pages/recovery/forgotten.ts'
import { createResetEndpoint } from '../pages/recovery/reset.ts'
import { createCompleteEndpoint } from '../pages/signup/complete.ts'
import { createSignUpEndpoint } from '../pages/signup/signup.ts'
import type { PageServices } from './page-services.ts'

export function createAccountEndpoints(
  { issuer, resources, accounts: accountSettings }: Configuration,
  { services, view, mail, browser, federation, factors, flow }: PageServices,
) {
  const { stores, clock, log, events } = services.context
  const { lookup: clients } = services.clients
  const { users, identityProviders, countGuess, knownAccounts, findFactors, policies } = services.signIn
  const { policyFor } = policies
  const { endSession } = services.sessions
  const { accounts, passwordAccounts, offered } = services.accounts
  const { sessions } = browser
  const { openIdProviders, startUpstreamRequest, browserBinding } = federation
  const { factorEnrolment, recoveryCodeBook } = factors
  const { countMail, mailLinks, sendAccountMail, notifyOwner } = mail
  const { browserRequests, requireAccountSession } = flow
  const page: AccountPagePorts = { browserRequests, requireAccountSession, pages: view.pages }
  return {
    profile: createProfileEndpoint({ ...page, identityProviders, issuer, clients, offered }),
    consents: createAccountConsentsEndpoint({
      ...page,
      clients,
      resources,
      isRevoked: services.context.principals.isRevoked,
      stores,
      clock,
      log,
      events,
    }),
    connections: createConnectionsEndpoint({
      ...page,
      openIdProviders,
      startUpstreamRequest,
      browserBinding,
      notifyOwner,
      stores,
      clock,
      log,
      events,
    }),
    security: createSecurityEndpoint({
      ...page,
      findFactors,
      policyFor,
      factorEnrolment,
      recoveryCodeBook,
      sessions,
      users,
      notifyOwner,
      stores,
      clock,
      log,
      events,
    }),
    sessions: createAccountSessionsEndpoint({ ...page, endSession, stores, clock }),
    names: createNamesEndpoint({ ...page, accounts, clock }),
    password: createPasswordEndpoint({
      ...page,
      accounts: passwordAccounts,
      accountSettings,
      users,
      countGuess,
      knownAccounts,
      notifyOwner,
    }),
    email: createEmailEndpoint({ ...page, users, countMail, mailLinks, sendAccountMail }),
    deletion: createDeletionEndpoint({ ...page, accounts, sessions, sendAccountMail }),
  }
}

/** Creates the sign-up pages and the pages behind links in emails. */
export function createMailLinkEndpoints(
  { accounts: accountSettings }: Configuration,
  { services, view, mail, browser, flow }: PageServices,
) {
  const { clock, random, log } = services.context
  const { users, knownAccounts } = services.signIn
  const { accounts, passwordAccounts, offered } = services.accounts
  const { pages } = view
  const { continuations, knownBrowsers } = browser
  const { browserRequests, requireAccountSession, findRequester, concludeSignIn } = flow
  const { countMail, countPasswordReset, mailLinks, sendAccountMail, notifyOwner } = mail
  return {
    signUp: createSignUpEndpoint({
      browserRequests,
      findRequester,
      offered,
      accounts: passwordAccounts,
      accountSettings,
      users,
      concludeSignIn,
      knownBrowsers,
      knownAccounts,
      countMail,
      mailLinks,
      sendAccountMail,
      pages,
      clock,
      random,
    }),
    completeSignUp: createCompleteEndpoint({
      browserRequests,
      findRequester,
      offered,
      accounts: passwordAccounts,
      accountSettings,
      users,
      concludeSignIn,
      knownBrowsers,
      knownAccounts,
      mailLinks,
      pages,
      clock,
    }),
    confirmEmail: createConfirmEmailEndpoint({
      browserRequests,
      requireAccountSession,
      accounts,
      users,
      mailLinks,
      sendAccountMail,
      pages,
      log,
    }),
    forgotten: createForgottenEndpoint({
      browserRequests,
      continuations,
      findRequester,
      countPasswordReset,
      mailLinks,
      sendAccountMail,
      accounts: passwordAccounts,
      pages,
    }),
    reset: createResetEndpoint({
      browserRequests,
      accounts: passwordAccounts,
      accountSettings,
      mailLinks,
      notifyOwner,
      knownBrowsers,
      knownAccounts,
      pages,
    }),
  }
}
