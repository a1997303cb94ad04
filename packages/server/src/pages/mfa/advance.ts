/** Who waits at the second factor's page, and how a proven factor takes them on: to a session, or to a stronger one. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { FindFactors } from '../../identity/factors.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Session } from '../../model/authorization.ts'
import type { PendingSignIn } from '../../model/factor.ts'
import { type Acr, type MfaPolicy, raised } from '../../model/mfa.ts'
import type { Subject } from '../../model/user.ts'
import type { Log } from '../../runtime/ports.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import type { ConcludeSignIn } from '../flow/conclude-sign-in.ts'
import type { Continuation } from '../flow/continuation.ts'
import type { PendingSignIns } from '../flow/pending-sign-in.ts'
import type { RememberedBrowsers } from '../flow/remembered-browser.ts'
import { pageContextOf, type Requester } from '../flow/requester.ts'
import type { Resume } from '../flow/resume.ts'
import type { Pages } from '../ui/pages.ts'

export type AdvancePorts = {
  readonly sessions: BrowserSessions
  readonly pendingSignIns: PendingSignIns
  readonly concludeSignIn: ConcludeSignIn
  readonly rememberedBrowsers: RememberedBrowsers
  readonly findFactors: FindFactors
  readonly resume: Resume
  readonly pages: Pages
  readonly log: Log
}

/** A sign-in that is pending, or the session that is to be raised. */
export type Waiting =
  | { readonly kind: 'pending'; readonly proven: PendingSignIn }
  | { readonly kind: 'session'; readonly proven: Session }

/** What was proven now. */
export type Gain = {
  readonly amr: readonly string[]
  readonly acr: Acr
  /** New ones, to be shown before the user goes on. */
  readonly recoveryCodes?: readonly string[]
}

/** Undefined when nobody waits in this browser, or another session than the one that was to be raised. */
export async function whoWaits(
  request: HttpRequest,
  { stepping_sid }: Continuation,
  { sessions, pendingSignIns }: Pick<AdvancePorts, 'sessions' | 'pendingSignIns'>,
): Promise<Waiting | undefined> {
  if (stepping_sid === undefined) {
    const proven = await pendingSignIns.read(request)
    return proven && { kind: 'pending', proven }
  }
  const proven = await sessions.read(request)
  return proven?.sid === stepping_sid ? { kind: 'session', proven } : undefined
}

export type Advancing = {
  readonly request: HttpRequest
  readonly continuation: Continuation
  readonly requester: Requester
  readonly waiting: Waiting
  readonly gain: Gain
  /** Set where the user lets the browser be remembered. */
  readonly remember?: MfaPolicy
}

export function createAdvance(ports: AdvancePorts): (advancing: Advancing) => Promise<HttpResponse> {
  return async advancing => {
    const { request, waiting, gain, remember } = advancing
    const { proven } = waiting
    const remembering =
      remember && remember.remember_browser_days > 0
        ? ports.rememberedBrowsers.remember(proven, await ports.findFactors(proven.sub), remember)
        : undefined
    const next =
      waiting.kind === 'pending'
        ? await conclude(advancing, waiting.proven, remembering)
        : await stepUp(advancing, waiting.proven, remembering)
    const { location, 'set-cookie': cookies = [] } = next.headers
    if (!gain.recoveryCodes || typeof location !== 'string') return next
    const page = { codes: gain.recoveryCodes, href: location }
    return ports.pages.mfa.recoveryCodes(request, page, {
      ...pageContextOf(advancing.requester),
      cookies: [cookies].flat(),
    })
  }

  async function conclude(
    { request, continuation, requester, gain }: Advancing,
    pending: PendingSignIn,
    remembering: string | undefined,
  ): Promise<HttpResponse> {
    const { client, requested_acr } = requester
    const { taken, cookie } = await ports.pendingSignIns.take(request)
    // Another request of this browser was faster.
    if (!taken) return redirectResponse(request, ports.resume(continuation), [cookie])
    const { hash: _, created_at: __, expires_at: ___, ...proven } = pending
    const subject: Subject = { ...proven, ...raised(pending, gain) }
    const { tenant } = subject
    return ports.concludeSignIn(request, {
      ...{ subject, tenant, client, requested_acr, continuation },
      cookies: [cookie, remembering],
    })
  }

  async function stepUp(
    { request, continuation, gain }: Advancing,
    session: Session,
    remembering: string | undefined,
  ): Promise<HttpResponse> {
    const proven = raised(session, gain)
    const stepped = gain.amr.length > 0 ? await ports.sessions.stepUp(session, proven) : undefined
    if (stepped) {
      const { sub, sid } = session
      ports.log.info('stepped_up', { request_id: request.id, sub, sid, ...proven })
    }
    return redirectResponse(request, ports.resume(continuation), [stepped?.cookie, remembering])
  }
}
