/** Services that decide which page comes next. */

import type { Configuration } from '../configuration/configuration.ts'
import { createAccountGuard, type RequireAccountSession } from '../pages/flow/account-session.ts'
import { type BrowserRequests, createBrowserRequests } from '../pages/flow/browser-request.ts'
import { type ConcludeSignIn, createConcludeSignIn } from '../pages/flow/conclude-sign-in.ts'
import { createResume } from '../pages/flow/open-continuation.ts'
import { createRequesters, type FindRequester } from '../pages/flow/requester.ts'
import { createSecondFactorCheck, type LackingSecondFactor } from '../pages/flow/second-factor.ts'
import { createShorten, type Shorten } from '../pages/flow/shorten.ts'
import { createSignInOptions, type SignInOptions } from '../pages/flow/sign-in-options.ts'
import { createWaitingCodes, type NoteWaitingCode } from '../pages/flow/waiting-codes.ts'
import { type CreateAuthorization, createAuthorizations } from '../tokens/new-authorization.ts'
import type { AuthorizationRequestServices } from './authorization-request-services.ts'
import type { BrowserServices } from './browser-services.ts'
import type { FederationServices } from './federation-services.ts'
import type { Services } from './services.ts'
import type { ViewServices } from './view-services.ts'

export type FlowServices = {
  readonly browserRequests: BrowserRequests
  readonly signInOptions: SignInOptions
  readonly findRequester: FindRequester
  readonly lackingSecondFactor: LackingSecondFactor
  readonly concludeSignIn: ConcludeSignIn
  readonly requireAccountSession: RequireAccountSession
  readonly createAuthorization: CreateAuthorization
  readonly noteWaitingCode: NoteWaitingCode
  readonly shorten: Shorten
}

export function createFlowServices(
  { tenants }: Configuration,
  {
    services,
    requests,
    view,
    browser,
    federation,
  }: {
    readonly services: Services
    readonly requests: AuthorizationRequestServices
    readonly view: ViewServices
    readonly browser: BrowserServices
    readonly federation: FederationServices
  },
): FlowServices {
  const { stores, clock, random, log, events } = services.context
  const { identityProviders, users, profile, findFactors, policies } = services.signIn
  const { validate, longRequests, countPending } = requests
  const { paths, pages } = view
  const { csrf, continuations, sessions, browserState, rememberedBrowsers, pendingSignIns, userCodes } =
    browser
  const { openIdProviders } = federation
  const clients = services.clients.lookup
  const { passwordAccounts } = services.accounts
  const resume = createResume({ continuations, paths })
  const findRequester = createRequesters({ validate, clients, stores, userCodes })
  const { askSecondFactor, policyFor } = policies
  const lackingSecondFactor = createSecondFactorCheck({ askSecondFactor, rememberedBrowsers })
  return {
    browserRequests: createBrowserRequests({
      csrf,
      continuations,
      sessions,
      clients,
      findRequester,
      validate,
      resume,
      pages,
      paths,
      log,
    }),
    signInOptions: createSignInOptions({ identityProviders }),
    findRequester,
    lackingSecondFactor,
    concludeSignIn: createConcludeSignIn({
      lackingSecondFactor,
      sessions,
      browserState,
      pendingSignIns,
      continuations,
      paths,
      resume,
      events,
      log,
    }),
    requireAccountSession: createAccountGuard({
      lackingSecondFactor,
      findFactors,
      policyFor,
      users,
      passwordAccounts,
      profile,
      tenants,
      openIdProviders,
      clock,
    }),
    createAuthorization: createAuthorizations({ users, clock, random }),
    noteWaitingCode: createWaitingCodes({ codes: stores.codes, clock }),
    shorten: createShorten({ continuations, longRequests, countPending }),
  }
}
