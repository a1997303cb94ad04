/** State that a browser holds: in cookies, in forms, and sealed in URLs. */

import type { Configuration } from '../configuration/configuration.ts'
import {
  createKnownBrowsers,
  createRememberedBrowsers,
  type KnownBrowsers,
  type RememberedBrowsers,
} from '../pages/flow/browser-cookies.ts'
import { type BrowserSessions, createBrowserSessions } from '../pages/flow/browser-session.ts'
import { type BrowserState, createBrowserState } from '../pages/flow/browser-state.ts'
import { type Continuations, createContinuations } from '../pages/flow/continuation.ts'
import { type Csrf, createCsrf } from '../pages/flow/csrf.ts'
import { createPendingSignIns, type PendingSignIns } from '../pages/flow/pending-sign-in.ts'
import { createSignOuts, type SignOuts } from '../pages/flow/sign-out-state.ts'
import { createUserCodes, type UserCodes } from '../pages/flow/user-code.ts'
import type { AuthorizationRequestServices } from './authorization-request-services.ts'
import type { Services } from './services.ts'
import type { ViewServices } from './view-services.ts'

export type BrowserServices = {
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

export function createBrowserServices(
  { sessions: { lifetimes } }: Configuration,
  { context, sessions: { endSession }, signIn: { accessEndings } }: Services,
  { cookies }: ViewServices,
  { longRequests }: AuthorizationRequestServices,
): BrowserServices {
  const { stores, derived, clock, random } = context
  return {
    csrf: createCsrf({ derived, random, cookies }),
    continuations: createContinuations({ derived, clock, longRequests }),
    sessions: createBrowserSessions({ stores, cookies, clock, random, lifetimes, endSession, accessEndings }),
    browserState: createBrowserState({ derived, random, cookies }),
    signOuts: createSignOuts({ derived, clock }),
    knownBrowsers: createKnownBrowsers({ derived, random, cookies }),
    rememberedBrowsers: createRememberedBrowsers({ derived, accessEndings, clock, cookies }),
    pendingSignIns: createPendingSignIns({ stores, accessEndings, cookies, clock, random }),
    userCodes: createUserCodes({ derived, random }),
  }
}
