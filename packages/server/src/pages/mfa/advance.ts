/**
 * Finds the sign-in that waits for a second factor. With a proven factor, starts a session or steps up the existing
 * one.
 */

import type { HttpResponse } from '@tessera/protocol/http'
import type { AccessEndings } from '../../identity/access-endings.ts'
import type { FindFactors } from '../../identity/factors.ts'
import type { Session } from '../../model/authorization.ts'
import type { PendingSignIn } from '../../model/factor.ts'
import { type Acr, type MfaPolicy, raised } from '../../model/mfa.ts'
import type { CheckedSubject } from '../../model/user.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import type { RememberedBrowsers } from '../flow/browser-cookies.ts'
import type { ContinuedPage } from '../flow/browser-request.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import type { ConcludeSignIn } from '../flow/conclude-sign-in.ts'
import type { PendingSignIns } from '../flow/pending-sign-in.ts'
import { pageContextOf } from '../flow/requester.ts'
import type { Pages } from '../ui/pages.ts'

export type AdvancePorts = {
  readonly sessions: Pick<BrowserSessions, 'stepUp'>
  readonly pendingSignIns: PendingSignIns
  readonly concludeSignIn: ConcludeSignIn
  readonly rememberedBrowsers: RememberedBrowsers
  readonly findFactors: FindFactors
  readonly accessEndings: Pick<AccessEndings, 'latest'>
  readonly pages: Pages
  readonly log: Log
}

/** The user's sign-in so far: a pending one, or the session to step up. */
export type Proven =
  | { readonly kind: 'pending'; readonly subject: PendingSignIn }
  | { readonly kind: 'session'; readonly subject: Session }

/** A factor that was just proven. */
export type Gain = {
  readonly amr: readonly string[]
  readonly acr: Acr
  /** New recovery codes, which are shown before the user continues. */
  readonly recoveryCodes?: readonly string[]
}

/** Resolves to undefined if the browser has no pending sign-in, or a different session than the one to step up. */
export async function findProven(
  { request, continuation: { stepping_sid }, readSession }: ContinuedPage,
  { pendingSignIns }: Pick<AdvancePorts, 'pendingSignIns'>,
): Promise<Proven | undefined> {
  if (stepping_sid === undefined) {
    const subject = await pendingSignIns.read(request)
    return subject && { kind: 'pending', subject }
  }
  const subject = await readSession()
  return subject?.sid === stepping_sid ? { kind: 'session', subject } : undefined
}

type Advancing = {
  readonly page: ContinuedPage
  readonly proven: Proven
  readonly gain: Gain
  /** Set if the user chose to have this browser remembered. */
  readonly remember?: MfaPolicy
}

export function createAdvance(ports: AdvancePorts): (advancing: Advancing) => Promise<HttpResponse> {
  return async advancing => {
    const { page, proven, gain, remember } = advancing
    const { subject } = proven
    const remembering =
      remember && remember.remember_browser_days > 0
        ? await ports.rememberedBrowsers.remember(subject, await ports.findFactors(subject.sub), remember)
        : undefined
    const next =
      proven.kind === 'pending'
        ? await conclude(advancing, proven.subject, remembering)
        : await stepUp(advancing, proven.subject, remembering)
    const { location, 'set-cookie': cookies = [] } = next.headers
    if (!gain.recoveryCodes || typeof location !== 'string') return next
    return ports.pages.mfa.recoveryCodes(
      page.request,
      { codes: gain.recoveryCodes, href: location },
      { ...pageContextOf(page.requester), cookies: [cookies].flat() },
    )
  }

  async function conclude(
    { page, gain }: Advancing,
    pending: PendingSignIn,
    remembering: string | undefined,
  ): Promise<HttpResponse> {
    const { request, continuation, requester } = page
    const { client, requested_acr } = requester
    // First, because an end from now on deletes it, or changes this number.
    const ending = pending.epoch === undefined ? await ports.accessEndings.latest(pending.sub) : undefined
    const { taken, cookie } = await ports.pendingSignIns.take(request)
    // Another request of this browser was faster.
    if (!taken) return page.resume(continuation, [cookie])
    const { hash: _, created_at: __, expires_at: ___, ...proven } = pending
    const subject: CheckedSubject = {
      ...proven,
      ...raised(pending, gain),
      ...(ending !== undefined && { ending }),
    }
    const { tenant } = subject
    const cookies = [cookie, remembering]
    return ports.concludeSignIn(request, { subject, tenant, client, requested_acr, continuation, cookies })
  }

  async function stepUp(
    { page, gain }: Advancing,
    session: Session,
    remembering: string | undefined,
  ): Promise<HttpResponse> {
    const proven = raised(session, gain)
    const stepped = gain.amr.length > 0 ? await ports.sessions.stepUp(session, proven) : undefined
    if (stepped) {
      const { sub, sid } = session
      ports.log.info('stepped_up', { ...requestFields(page.request), sub, sid, ...proven })
    }
    return page.resume(page.continuation, [stepped?.cookie, remembering])
  }
}
