/** Concludes a sign-in by password, passkey or provider: starts a session, or asks for the second factor. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Session } from '../../model/authorization.ts'
import type { Client } from '../../model/client.ts'
import type { EventData, Events } from '../../model/events.ts'
import { acrOf, type RequestedAcr } from '../../model/mfa.ts'
import type { CheckedSubject } from '../../model/user.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import type { BrowserSessions } from './browser-session.ts'
import type { BrowserState } from './browser-state.ts'
import type { Continuation, Continuations } from './continuation.ts'
import type { Resume } from './open-continuation.ts'
import type { Paths } from './page-paths.ts'
import type { PendingSignIns } from './pending-sign-in.ts'
import type { LackingSecondFactor } from './second-factor.ts'

type ProvenSignIn = {
  readonly subject: CheckedSubject
  /** The tenant in which the user signed in. */
  readonly tenant?: string | undefined
  /** Undefined for this server's own account pages. */
  readonly client?: Client | undefined
  /** The authentication context classes that the client requests. */
  readonly requested_acr?: RequestedAcr | undefined
  readonly continuation: Continuation
  /** `Set-Cookie` values that are sent before that of the session. */
  readonly cookies?: readonly (string | undefined)[]
}

/** Called at the end of every sign-in, so that none can bypass the second factor. */
export type ConcludeSignIn = (request: HttpRequest, signIn: ProvenSignIn) => Promise<HttpResponse>

type ConcludePorts = {
  readonly lackingSecondFactor: LackingSecondFactor
  readonly sessions: BrowserSessions
  readonly browserState: BrowserState
  readonly pendingSignIns: PendingSignIns
  readonly continuations: Continuations
  readonly paths: Paths
  readonly resume: Resume
  readonly events: Pick<Events, 'prepare'>
  readonly log: Log
}

export const createConcludeSignIn =
  (ports: ConcludePorts): ConcludeSignIn =>
  async (
    request,
    { subject: given, tenant, client, requested_acr: asked, continuation: came, cookies = [] },
  ) => {
    const subject: CheckedSubject = { ...given, acr: given.acr ?? acrOf(given) }
    // This sign-in replaces the session that was to be stepped up.
    const { stepping_sid: _, ...continuation } = came
    const { sub, idp } = subject
    const line = { ...requestFields(request), client_id: client?.client_id, sub, idp }
    /** The user's access was ended in the meantime, so they must sign in again. */
    const again = (): HttpResponse => {
      ports.log.info('sign_in_overtaken', line)
      return redirectResponse(request, ports.paths('/login', ports.continuations.seal(continuation)), cookies)
    }
    const need = await ports.lackingSecondFactor(request, subject, {
      client,
      asked,
    })
    if (need) {
      const cookie = await ports.pendingSignIns.start(request, subject, tenant)
      if (cookie === undefined) return again()
      ports.log.info('second_factor_asked', { ...line, acr: need.acr })
      return redirectResponse(request, ports.paths('/mfa', ports.continuations.seal(continuation)), [
        ...cookies,
        cookie,
      ])
    }
    const started = await ports.sessions.start(request, subject, tenant, {
      ...continuation,
      announce: session => ports.events.prepare('user.signed_in', signedIn(session, request, client)),
    })
    if (!started) return again()
    const { session, cookie } = started
    ports.log.info('signed_in', { ...line, sid: session.sid, amr: session.amr })
    const watched = ports.browserState.cookieFor(request, session)
    return redirectResponse(request, ports.resume(continuation), [...cookies, cookie, watched])
  }

const signedIn = (
  { sub, tenant, sid, idp, amr, acr }: Session,
  { id: request_id }: HttpRequest,
  client: Client | undefined,
): EventData['user.signed_in'] => ({
  sub,
  ...(tenant !== undefined && { tenant }),
  sid,
  idp,
  amr,
  ...(acr !== undefined && { acr }),
  ...(client && { client_id: client.client_id }),
  request_id,
})
