/** The services that the pages of one issuer need, created on the first request for a page. */

import type { Configuration } from '../configuration/configuration.ts'
import { type CountFactorGuess, createFactorGuessCounter } from '../identity/factors.ts'
import { createPasskeyChallenges } from '../identity/passkey-challenge.ts'
import { createPasskeySignIn, type PasskeySignIn } from '../identity/passkey-sign-in.ts'
import { createPasskeys, type Passkeys } from '../identity/passkeys.ts'
import { createRecoveryCodeBook, type RecoveryCodeBook } from '../identity/recovery-codes.ts'
import { createTotp } from '../identity/totp.ts'
import { createSealing } from '../keys/sealing.ts'
import { createAccountGuard, type RequireAccountSession } from '../pages/flow/account-session.ts'
import {
  chosenLanguage,
  createKnownBrowsers,
  createRememberedBrowsers,
  type KnownBrowsers,
  type RememberedBrowsers,
} from '../pages/flow/browser-cookies.ts'
import { type BrowserRequests, createBrowserRequests } from '../pages/flow/browser-request.ts'
import { type BrowserSessions, createBrowserSessions } from '../pages/flow/browser-session.ts'
import { type BrowserState, createBrowserState } from '../pages/flow/browser-state.ts'
import { type ConcludeSignIn, createConcludeSignIn } from '../pages/flow/conclude-sign-in.ts'
import { type Continuations, createContinuations } from '../pages/flow/continuation.ts'
import { type Cookies, createCookies } from '../pages/flow/cookies.ts'
import { type Csrf, createCsrf } from '../pages/flow/csrf.ts'
import { createFactorEnrolment, type FactorEnrolment } from '../pages/flow/enrol-factor.ts'
import { createResume } from '../pages/flow/open-continuation.ts'
import { createPaths, type Paths } from '../pages/flow/page-paths.ts'
import { createPendingSignIns, type PendingSignIns } from '../pages/flow/pending-sign-in.ts'
import { createFactorProver, type ProveFactor } from '../pages/flow/prove-factor.ts'
import { createRequesters, type FindRequester } from '../pages/flow/requester.ts'
import { createSecondFactorCheck, type LackingSecondFactor } from '../pages/flow/second-factor.ts'
import { createShorten, type Shorten } from '../pages/flow/shorten.ts'
import { createSignInOptions, type SignInOptions } from '../pages/flow/sign-in-options.ts'
import { createSignOuts, type SignOuts } from '../pages/flow/sign-out-state.ts'
import { createUserCodes, type UserCodes } from '../pages/flow/user-code.ts'
import { createWaitingCodes, type NoteWaitingCode } from '../pages/flow/waiting-codes.ts'
import { type Asset, createPasskeyScript } from '../pages/ui/asset.ts'
import { createPages, type Pages } from '../pages/ui/pages.ts'
import { createTemplates, type Render } from '../pages/ui/templates.ts'
import { type ChooseLanguage, createLanguageChoice } from '../pages/ui/texts.ts'
import { createPageTheme, type PageTheme } from '../pages/ui/theme.ts'
import { type CreateAuthorization, createAuthorizations } from '../tokens/new-authorization.ts'
import {
  type AuthorizationRequestServices,
  createAuthorizationRequestServices,
} from './authorization-request-services.ts'
import { createFederationServices, type FederationServices } from './federation-services.ts'
import { createMailServices, type MailServices } from './mail-services.ts'
import { createRegistrationServices, type RegistrationServices } from './registration-services.ts'
import type { Services } from './services.ts'

export type PageServices = {
  readonly services: Services
  readonly requests: AuthorizationRequestServices
  readonly view: ViewServices
  readonly mail: MailServices
  readonly browser: BrowserServices
  readonly federation: FederationServices
  readonly factors: FactorServices
  readonly flow: FlowServices
  readonly registration: RegistrationServices
}

/** Services that render pages. */
type ViewServices = {
  readonly cookies: Cookies
  readonly paths: Paths
  readonly render: Render
  readonly chooseLanguage: ChooseLanguage
  readonly theme: PageTheme
  readonly passkeyScript: Asset
  readonly pages: Pages
}

/** State that a browser holds: in cookies, in forms, and sealed in URLs. */
type BrowserServices = {
  readonly csrf: Csrf
  readonly continuations: Continuations
  readonly sessions: BrowserSessions
  readonly browserState: BrowserState
  readonly signOuts: SignOuts
  readonly knownBrowsers: KnownBrowsers
  readonly rememberedBrowsers: RememberedBrowsers
  readonly pendingSignIns: PendingSignIns
  readonly userCodes: UserCodes
}

/** Second factors: registering and proving them. */
type FactorServices = {
  readonly recoveryCodeBook: RecoveryCodeBook
  readonly passkeys: Passkeys
  readonly passkeySignIn: PasskeySignIn
  readonly proveFactor: ProveFactor
  readonly factorEnrolment: FactorEnrolment
}

/** Decides which page comes next. */
type FlowServices = {
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

export function createPageServices(configuration: Configuration, services: Services): PageServices {
  const requests = createAuthorizationRequestServices(configuration, services)
  const view = createViewServices(configuration, services)
  const mail = createMailServices(configuration, services, view)
  const browser = createBrowserServices(configuration, services, view, requests)
  const federation = createFederationServices(configuration, services, view)
  const factors = createFactorServices(configuration, services, mail)
  const flow = createFlowServices(configuration, { services, requests, view, browser, federation })
  const registration = createRegistrationServices(configuration, services)
  return { services, requests, view, mail, browser, federation, factors, flow, registration }
}

function createViewServices(
  { issuer, tenant, sessions: { sameSite }, branding, templates: folder }: Configuration,
  { clients, context: { log } }: Services,
): ViewServices {
  const cookies = createCookies({ issuer, tenant, sameSite })
  const paths = createPaths({ issuer })
  const passkeyScript = createPasskeyScript()
  const accents = [...clients.lookup.all()].flatMap(({ accent_color }) => accent_color ?? [])
  const theme = createPageTheme({ branding, accents, paths })
  const render = createTemplates({
    folder,
    onBroken: (template, error) => log.error('template_broken', { template, error: String(error) }),
  })
  const chooseLanguage = createLanguageChoice(chosenLanguage(cookies))
  const pages = createPages({ render, theme, script: paths(passkeyScript.path), chooseLanguage })
  return { cookies, paths, render, chooseLanguage, theme, passkeyScript, pages }
}

function createBrowserServices(
  { sessions: { lifetimes } }: Configuration,
  { context, sessions: { endSession } }: Services,
  { cookies }: ViewServices,
  { longRequests }: AuthorizationRequestServices,
): BrowserServices {
  const { stores, derived, clock, random } = context
  return {
    csrf: createCsrf({ derived, random, cookies }),
    continuations: createContinuations({ derived, clock, longRequests }),
    sessions: createBrowserSessions({ stores, cookies, clock, random, lifetimes, endSession }),
    browserState: createBrowserState({ derived, random, cookies }),
    signOuts: createSignOuts({ derived, clock }),
    knownBrowsers: createKnownBrowsers({ derived, random, cookies }),
    rememberedBrowsers: createRememberedBrowsers({ derived, clock, cookies }),
    pendingSignIns: createPendingSignIns({ stores, cookies, clock, random }),
    userCodes: createUserCodes({ derived, random }),
  }
}

function createFactorServices(
  { issuer, mfa }: Configuration,
  { context, attempts: { countAttempt }, signIn: { users, profile, findFactors } }: Services,
  { notifyOwner }: MailServices,
): FactorServices {
  const { stores, derived, clock, random, log, events } = context
  const issuerName = new URL(issuer).host
  const sealing = createSealing({ derived, purpose: 'totp' })
  const totp = createTotp({ issuerName, stores, sealing, clock, random })
  const recoveryCodeBook = createRecoveryCodeBook({ stores, derived, random })
  const challenges = createPasskeyChallenges({ stores, derived, clock, random })
  const passkeys = createPasskeys({ issuer, issuerName, challenges, stores, derived, clock, log })
  const countFactorGuess: CountFactorGuess = createFactorGuessCounter({ countAttempt })
  return {
    recoveryCodeBook,
    passkeys,
    passkeySignIn: createPasskeySignIn({ mfa, passkeys, users, profile, clock }),
    proveFactor: createFactorProver({ totp, recoveryCodeBook, passkeys, countFactorGuess, notifyOwner, log }),
    factorEnrolment: createFactorEnrolment({
      totp,
      recoveryCodeBook,
      passkeys,
      findFactors,
      notifyOwner,
      log,
      events,
    }),
  }
}

function createFlowServices(
  { tenants }: Configuration,
  {
    services,
    requests,
    view,
    browser,
    federation,
  }: Pick<PageServices, 'services' | 'requests' | 'view' | 'browser' | 'federation'>,
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
