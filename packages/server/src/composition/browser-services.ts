/** What the endpoints of browsers are given besides, made with the first request for one of them. */

import { createIdTokenHintReader } from '../authorization-request/id-token-hint.ts'
import type { LongRequests } from '../authorization-request/long-request.ts'
import { promptsOffered } from '../authorization-request/prompt.ts'
import { createAuthorizationRequestValidator } from '../authorization-request/validation.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { EndSession, SessionLifetimes } from '../core/session.ts'
import { createFactorGuessCounter } from '../identity/factor-guesses.ts'
import { createPasskeyChallenges } from '../identity/passkey-challenge.ts'
import { createPasskeySignIn } from '../identity/passkey-sign-in.ts'
import { createPasskeys } from '../identity/passkeys.ts'
import { createRecoveryCodeBook } from '../identity/recovery-codes.ts'
import { createTotp } from '../identity/totp.ts'
import { createAccountDoor } from '../interaction/account.ts'
import { createAuthorizations } from '../interaction/authorization.ts'
import { createBrowserState } from '../interaction/browser-state.ts'
import { createConcludeSignIn } from '../interaction/conclude-sign-in.ts'
import { createContinuations } from '../interaction/continuation.ts'
import { createCookies } from '../interaction/cookies.ts'
import { createCsrf } from '../interaction/csrf.ts'
import { createFactorEnrolment } from '../interaction/enrol-factor.ts'
import { createKnownBrowsers } from '../interaction/known-browsers.ts'
import { chosenLanguage } from '../interaction/language.ts'
import { createPaths } from '../interaction/paths.ts'
import { createPendingSignIns } from '../interaction/pending-sign-in.ts'
import { createFactorProver } from '../interaction/prove-factor.ts'
import { createRememberedBrowsers } from '../interaction/remembered-browser.ts'
import { createRequesters } from '../interaction/requester.ts'
import { createResume } from '../interaction/resume.ts'
import { createSecondFactorCheck } from '../interaction/second-factor.ts'
import { createBrowserSessions } from '../interaction/session.ts'
import { createShorten } from '../interaction/shorten.ts'
import { createSignOuts } from '../interaction/sign-out.ts'
import { createTellOwner } from '../interaction/tell-owner.ts'
import { createUserCodes } from '../interaction/user-code.ts'
import { createWaitingCodes } from '../interaction/waiting-codes.ts'
import { createWays } from '../interaction/ways.ts'
import { createSealing } from '../keys/sealing.ts'
import { createLook } from '../ui/look.ts'
import { createPages } from '../ui/pages.ts'
import { createPasskeyScript } from '../ui/passkey-script.ts'
import { createTemplates } from '../ui/templates.ts'
import { createLanguageChoice } from '../ui/texts.ts'
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
