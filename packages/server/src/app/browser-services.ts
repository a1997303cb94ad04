/** What the endpoints of browsers are given besides, made with the first request for one of them. */

import { createIdTokenHintReader } from '../authorization-request/id-token-hint.ts'
import type { LongRequests } from '../authorization-request/long-request.ts'
import { promptsOffered } from '../authorization-request/prompt.ts'
import { createAuthorizationRequestValidator } from '../authorization-request/validation.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { createFactorGuessCounter } from '../identity/factor-guesses.ts'
import { createPasskeyChallenges } from '../identity/passkey-challenge.ts'
import { createPasskeySignIn } from '../identity/passkey-sign-in.ts'
import { createPasskeys } from '../identity/passkeys.ts'
import { createRecoveryCodeBook } from '../identity/recovery-codes.ts'
import { createTotp } from '../identity/totp.ts'
import { createSealing } from '../keys/sealing.ts'
import type { EndSession, SessionLifetimes } from '../model/session.ts'
import { createAccountDoor } from '../pages/flow/account-session.ts'
import { createBrowserSessions } from '../pages/flow/browser-session.ts'
import { createBrowserState } from '../pages/flow/browser-state.ts'
import { createConcludeSignIn } from '../pages/flow/conclude-sign-in.ts'
import { createContinuations } from '../pages/flow/continuation.ts'
import { createCookies } from '../pages/flow/cookies.ts'
import { createCsrf } from '../pages/flow/csrf.ts'
import { createFactorEnrolment } from '../pages/flow/enrol-factor.ts'
import { createAuthorizations } from '../pages/flow/granted-authorization.ts'
import { createKnownBrowsers } from '../pages/flow/known-browsers.ts'
import { chosenLanguage } from '../pages/flow/language-cookie.ts'
import { createPaths } from '../pages/flow/page-paths.ts'
import { createPendingSignIns } from '../pages/flow/pending-sign-in.ts'
import { createFactorProver } from '../pages/flow/prove-factor.ts'
import { createRememberedBrowsers } from '../pages/flow/remembered-browser.ts'
import { createRequesters } from '../pages/flow/requester.ts'
import { createResume } from '../pages/flow/resume.ts'
import { createSecondFactorCheck } from '../pages/flow/second-factor.ts'
import { createTellOwner } from '../pages/flow/security-notification.ts'
import { createShorten } from '../pages/flow/shorten.ts'
import { createWays } from '../pages/flow/sign-in-options.ts'
import { createSignOuts } from '../pages/flow/sign-out-state.ts'
import { createUserCodes } from '../pages/flow/user-code.ts'
import { createWaitingCodes } from '../pages/flow/waiting-codes.ts'
import { createPages } from '../pages/ui/pages.ts'
import { createPasskeyScript } from '../pages/ui/passkey-script.ts'
import { createTemplates } from '../pages/ui/templates.ts'
import { createLanguageChoice } from '../pages/ui/texts.ts'
import { createLook } from '../pages/ui/theme.ts'
import { composeAccountPages } from './account-pages.ts'
import { accountsOffered } from './accounts.ts'
import { composeAuthorizationRequests } from './authorization-requests.ts'
import { composeFederation } from './federation.ts'
import { composeRegistration } from './registration.ts'
import type { Services } from './services.ts'

export type BrowserServices = ReturnType<typeof composeBrowserServices>

export function composeBrowserServices(configuration: Configuration, services: Services) {
  const { logouts } = services
  const factors = composeFactors(services)
  const requests = composeAuthorizationRequests(configuration, services)
  const pages = composePages({
    ...{ ...services, ...factors, configuration },
    longRequests: requests.longRequests,
    endSession: logouts.endSession,
    sessionLifetimes: configuration.sessions.lifetimes,
  })
  return {
    ...services,
    ...factors,
    ...pages,
    ...requests,
    shorten: createShorten({ ...pages, ...requests }),
    registering: composeRegistration(configuration, services),
  }
}

function composeFactors(common: Services) {
  const { issuer, derived } = common
  const issuerName = new URL(issuer).host
  return {
    totp: createTotp({ ...common, issuerName, sealing: createSealing({ derived, purpose: 'totp' }) }),
    recoveryCodeBook: createRecoveryCodeBook(common),
    passkeys: createPasskeys({ ...common, issuerName, challenges: createPasskeyChallenges(common) }),
    countFactorGuess: createFactorGuessCounter(common),
  }
}

function composePages(
  ports: Services &
    ReturnType<typeof composeFactors> & {
      configuration: Configuration
      sessionLifetimes: SessionLifetimes
      endSession: EndSession
      longRequests: Pick<LongRequests, 'find'>
    },
) {
  const cookies = createCookies({ ...ports, sameSite: ports.configuration.sessions.sameSite })
  const passkeyScript = createPasskeyScript()
  const paths = createPaths(ports)
  const readIdTokenHint = createIdTokenHintReader(ports)
  const { branding, templates: folder } = ports.configuration
  const look = createLook({
    branding: branding,
    accents: [...ports.clients.all()].flatMap(({ accent_color }) => accent_color ?? []),
    paths,
  })
  const render = createTemplates({
    ...(folder !== undefined && { folder }),
    onBroken: (template, error) => ports.log.error('template_broken', { template, error: String(error) }),
  })
  const chooseLanguage = createLanguageChoice(chosenLanguage(cookies))
  const offered = accountsOffered(ports.configuration, ports)
  const interaction = {
    ...{ look, passkeyScript, paths },
    pages: createPages({
      render,
      look,
      script: paths(passkeyScript.path),
      chooseLanguage,
    }),
    continuations: createContinuations(ports),
    csrf: createCsrf({ ...ports, cookies }),
    sessions: createBrowserSessions({ ...ports, lifetimes: ports.sessionLifetimes, cookies }),
    browserState: createBrowserState({ ...ports, cookies }),
    signOuts: createSignOuts(ports),
    readIdTokenHint,
    validate: createAuthorizationRequestValidator({
      ...{ ...ports, readIdTokenHint },
      requiresScope: ports.compatibility === 'identityserver4',
      prompts: promptsOffered(offered),
      signUpIn: offered.signUpIn,
    }),
    userCodes: createUserCodes(ports),
    knownBrowsers: createKnownBrowsers({ ...ports, cookies }),
    createAuthorization: createAuthorizations(ports),
    noteWaitingCode: createWaitingCodes({ codes: ports.stores.codes, clock: ports.clock }),
  }
  const rememberedBrowsers = createRememberedBrowsers({ ...ports, cookies })
  const waiting = {
    rememberedBrowsers,
    lackingSecondFactor: createSecondFactorCheck({ ...ports, rememberedBrowsers }),
    pendingSignIns: createPendingSignIns({ ...ports, cookies }),
    resume: createResume(interaction),
  }
  const federation = composeFederation({ ...ports, ...interaction, cookies })
  const accountPages = composeAccountPages(ports.configuration, {
    ...ports,
    ...{ paths, render, chooseLanguage },
  })
  const tellOwner = createTellOwner({ ...ports, ...accountPages })
  return {
    ...interaction,
    ...waiting,
    ...federation,
    ...accountPages,
    tellOwner,
    ways: createWays(ports),
    passkeySignIn: createPasskeySignIn(ports),
    proveFactor: createFactorProver({ ...ports, ...interaction, tellOwner }),
    factorEnrolment: createFactorEnrolment({ ...ports, ...interaction, tellOwner }),
    findRequester: createRequesters({ ...ports, ...interaction }),
    enterAccount: createAccountDoor({ ...ports, ...interaction, ...waiting, ...federation }),
    concludeSignIn: createConcludeSignIn({ ...ports, ...interaction, ...waiting }),
  }
}
