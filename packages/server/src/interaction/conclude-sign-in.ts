/** What follows a right password or a provider's word: a session, and the way back. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Client } from '../core/client.ts'
import type { Log } from '../core/runtime.ts'
import type { Subject } from '../core/user.ts'
import { redirectResponse } from '../ui/page.ts'
import type { Continuation } from './continuation.ts'
import type { Resume } from './resume.ts'
import type { BrowserSessions } from './session.ts'

export type ProvenSignIn = {
  readonly subject: Subject
  /** Where it took place. */
  readonly tenant?: string | undefined
  /** Omitted: for this server's own account pages. */
  readonly client?: Client | undefined
  /** As the client sent them. */
  readonly acr_values?: string | undefined
  readonly continuation: Continuation
}

/** Every way of signing in ends here. */
export type ConcludeSignIn = (request: HttpRequest, signIn: ProvenSignIn) => Promise<HttpResponse>

export type ConcludePorts = {
  readonly sessions: BrowserSessions
  readonly resume: Resume
  readonly log: Log
}

export const createConcludeSignIn =
  ({ sessions, resume, log }: ConcludePorts): ConcludeSignIn =>
  async (request, { subject, tenant, client, continuation }) => {
    const { session, cookie } = await sessions.start(request, subject, tenant, continuation)
    log.info('signed_in', {
      request_id: request.id,
      client_id: client?.client_id,
      sub: session.sub,
      idp: session.idp,
      sid: session.sid,
    })
    return redirectResponse(request, resume(continuation), [cookie])
  }
