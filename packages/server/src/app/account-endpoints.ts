/** Creates the account pages and the pages that links in mails lead to, each with exactly what it needs. */

import type { Configuration } from '../configuration/configuration.ts'
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
  const { stores, clock, log } = services.context
  const { lookup: clients } = services.clients
  const { users, identityProviders, countGuess, knownAccounts, findFactors, policies } = services.signIn
  const { policyFor } = policies
  const { endSession } = services.sessions
  const { accounts, offered } = services.accounts
  const { pages, paths } = view
  const { csrf, continuations, sessions } = browser
  const { openIdProviders, startUpstreamRequest, browserMark } = federation
  const { factorEnrolment, recoveryCodeBook } = factors
  const { enterAccount } = flow
  const { countMail, mailLinks, sendLetter, tellOwner } = mail
  return {
    profile: createProfileEndpoint({
      enterAccount,
      identityProviders,
      issuer,
      clients,
      offered,
      paths,
      pages,
    }),
    consents: createAccountConsentsEndpoint({
      enterAccount,
      clients,
      resources,
      stores,
      csrf,
      pages,
      paths,
      clock,
      log,
    }),
    connections: createConnectionsEndpoint({
      enterAccount,
      openIdProviders,
      startUpstreamRequest,
      browserMark,
      continuations,
      tellOwner,
      stores,
      csrf,
      pages,
      paths,
      clock,
      log,
    }),
    security: createSecurityEndpoint({
      enterAccount,
      findFactors,
      policyFor,
      factorEnrolment,
      recoveryCodeBook,
      sessions,
      users,
      tellOwner,
      stores,
      csrf,
      pages,
      paths,
      clock,
      log,
    }),
    sessions: createAccountSessionsEndpoint({
      enterAccount,
      endSession,
      stores,
      csrf,
      pages,
      paths,
      clock,
      log,
    }),
    names: createNamesEndpoint({ enterAccount, accounts, csrf, pages, paths, clock, log }),
    password: createPasswordEndpoint({
      enterAccount,
      accounts,
      accountSettings,
      users,
      countGuess,
      knownAccounts,
      tellOwner,
      csrf,
      pages,
      paths,
      log,
    }),
    email: createEmailEndpoint({
      enterAccount,
      users,
      countMail,
      mailLinks,
      sendLetter,
      csrf,
      pages,
      paths,
      log,
    }),
    deletion: createDeletionEndpoint({
      enterAccount,
      accounts,
      sessions,
      sendLetter,
      csrf,
      pages,
      paths,
      log,
    }),
  }
}

/** Signing up, and the pages that links in mails lead to. */
export function createMailLinkEndpoints(
  { accounts: accountSettings }: Configuration,
  { services, view, mail, browser, flow }: PageServices,
) {
  const { stores, clock, random, log } = services.context
  const { lookup: clients } = services.clients
  const { users, knownAccounts } = services.signIn
  const { accounts, offered } = services.accounts
  const { pages, paths } = view
  const { csrf, continuations, knownBrowsers } = browser
  const { enterAccount, findRequester, concludeSignIn, resume } = flow
  const { countMail, mailLinks, sendLetter, tellOwner } = mail
  return {
    signUp: createSignUpEndpoint({
      findRequester,
      offered,
      accounts,
      accountSettings,
      users,
      concludeSignIn,
      knownBrowsers,
      knownAccounts,
      countMail,
      continuations,
      clients,
      mailLinks,
      sendLetter,
      resume,
      csrf,
      pages,
      paths,
      clock,
      random,
      log,
    }),
    completeSignUp: createCompleteEndpoint({
      findRequester,
      offered,
      accounts,
      accountSettings,
      users,
      concludeSignIn,
      knownBrowsers,
      knownAccounts,
      mailLinks,
      csrf,
      pages,
      paths,
      clock,
      log,
    }),
    confirmEmail: createConfirmEmailEndpoint({
      enterAccount,
      accounts,
      users,
      mailLinks,
      sendLetter,
      csrf,
      pages,
      paths,
      log,
    }),
    forgotten: createForgottenEndpoint({
      continuations,
      findRequester,
      countMail,
      mailLinks,
      sendLetter,
      stores,
      csrf,
      pages,
      paths,
      log,
    }),
    reset: createResetEndpoint({
      accounts,
      accountSettings,
      mailLinks,
      sendLetter,
      tellOwner,
      knownBrowsers,
      knownAccounts,
      csrf,
      pages,
      paths,
      log,
    }),
  }
}
