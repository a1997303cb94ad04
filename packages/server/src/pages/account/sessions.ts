/** The page of the user's sessions: where they are signed in, and how to end that. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Session } from '../../model/authorization.ts'
import type { Stores } from '../../model/ports/stores.ts'
import { type EndSession, lives } from '../../model/session.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import { type AccountVisit, type EnterAccount, hasPasswordHere } from '../flow/account-session.ts'
import { browserName } from '../flow/browser-name.ts'
import type { Csrf } from '../flow/csrf.ts'
import { readPageForm } from '../flow/page-form.ts'
import type { Paths } from '../flow/page-paths.ts'
import { createPageRefuser } from '../flow/refused-page.ts'
import type { Pages } from '../ui/pages.ts'

export type AccountSessionsPorts = {
  readonly enterAccount: EnterAccount
  readonly endSession: EndSession
  readonly stores: Pick<Stores, 'sessions'>
  readonly csrf: Csrf
  readonly pages: Pages
  readonly paths: Paths
  readonly clock: Clock
  readonly log: Log
}

/** `GET` and `POST /account/sessions`: `button` is `end` with a `sid`, or `end_others`. */
export function createAccountSessionsEndpoint(ports: AccountSessionsPorts): Endpoint {
  const refusePage = createPageRefuser('account', ports)

  return async request => {
    const visit = await ports.enterAccount(request, 'sessions')
    if (!visit.ok) return visit.response
    const sessions = await livingOf(visit)
    if (request.method !== 'POST') return show(request, visit, sessions)
    const form = readPageForm(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const button = form.value.get('button')
    if (button !== 'end' && button !== 'end_others') {
      return refusePage(request, refuse('invalid_request', 'button_unknown'))
    }
    const own = visit.session.sid
    const meant = form.value.get('sid')
    // One's own is ended by signing out, which tells the clients in frames too.
    if (button === 'end' && meant === own) return redirectResponse(request, ports.paths('/logout'))
    // Among the user's own: another's `sid` is none of these.
    const ending = sessions.filter(({ sid }) => (button === 'end' ? sid === meant : sid !== own))
    for (const { sid } of ending) await ports.endSession(sid, 'ended_by_user')
    return redirectResponse(request, ports.paths('/account/sessions'))
  }

  async function livingOf({ session: { sub } }: AccountVisit): Promise<readonly Session[]> {
    const now = ports.clock.now()
    return (await ports.stores.sessions.ofUser(sub)).filter(session => lives(session, now))
  }

  function show(
    request: HttpRequest,
    visit: AccountVisit,
    sessions: readonly Session[],
  ): Promise<HttpResponse> {
    const { session: own, csrf, frame } = visit
    const now = ports.clock.now()
    return ports.pages.account.sessions(
      request,
      {
        form: { action: ports.paths('/account/sessions'), csrf },
        signOut: ports.paths('/logout'),
        hasPassword: hasPasswordHere(visit),
        sessions: sessions.map(session => ({
          sid: session.sid,
          current: session.sid === own.sid,
          ...browserName(session.user_agent),
          seen: { at: session.last_seen_at, ago: now - session.last_seen_at },
          ...(session.address !== undefined && { address: session.address }),
        })),
      },
      frame,
    )
  }
}
