/** The page of the user's sessions: shows where they are signed in, and ends sessions. */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { refuse } from '@tessera/protocol/result'
import type { Session } from '../../model/authorization.ts'
import type { Stores } from '../../model/ports/stores.ts'
import { type EndSession, isCurrent } from '../../model/session.ts'
import type { Clock } from '../../runtime/ports.ts'
import { hasPasswordHere } from '../flow/account-session.ts'
import { browserName } from '../flow/browser-name.ts'
import { type AccountPage, type AccountPagePorts, accountPage } from './account-page.ts'

type AccountSessionsPorts = AccountPagePorts & {
  readonly endSession: EndSession
  readonly stores: Pick<Stores, 'sessions'>
  readonly clock: Clock
}

/** `GET` and `POST /account/sessions`: `button` is `end` with a `sid`, or `end_others`. */
export function createAccountSessionsEndpoint(ports: AccountSessionsPorts): Endpoint {
  return accountPage(ports, 'sessions', { show, act })

  async function act(page: AccountPage, form: Parameters): Promise<HttpResponse> {
    const button = form.get('button')
    if (button !== 'end' && button !== 'end_others') {
      return page.refuse(refuse('invalid_request', 'button_unknown'))
    }
    const own = page.session.sid
    const chosen = form.get('sid')
    // The sign-out page ends the user's own session, because it also notifies the clients in frames.
    if (button === 'end' && chosen === own) return page.redirect(page.link('/logout'))
    // Only the user's own sessions, so that another user's `sid` has no effect.
    const sessions = await activeSessions(page)
    const ending = sessions.filter(({ sid }) => (button === 'end' ? sid === chosen : sid !== own))
    for (const { sid } of ending) await ports.endSession(sid, 'ended_by_user')
    return page.redirect(page.link('/account/sessions'))
  }

  async function activeSessions({ session: { sub } }: AccountPage): Promise<readonly Session[]> {
    const now = ports.clock.now()
    return (await ports.stores.sessions.ofUser(sub)).filter(session => isCurrent(session, now))
  }

  async function show(page: AccountPage): Promise<HttpResponse> {
    const sessions = await activeSessions(page)
    const now = ports.clock.now()
    return ports.pages.account.sessions(
      page.request,
      {
        form: page.pageForm('/account/sessions'),
        signOut: page.link('/logout'),
        hasPassword: hasPasswordHere(page),
        sessions: sessions.map(({ sid, user_agent, last_seen_at, address }) => ({
          sid,
          current: sid === page.session.sid,
          ...browserName(user_agent),
          seen: { at: last_seen_at, ago: now - last_seen_at },
          address,
        })),
      },
      page.frame,
    )
  }
}
