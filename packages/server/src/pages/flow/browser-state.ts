/**
 * The sign-in state of the browser, which a client's page may watch (OpenID Connect Session Management 1.0 §3): a
 * cookie that our script reads in a frame, and `session_state`, which a client compares with it. It changes whenever
 * the session changes, and reveals nothing about it.
 */

import { createHmac, hash } from 'node:crypto'
import type { HttpRequest } from '@tessera/protocol/http'
import type { Session } from '../../model/authorization.ts'
import { newId } from '../../model/handle.ts'
import type { DerivedKeys } from '../../model/keys.ts'
import type { Random } from '../../runtime/ports.ts'
import type { Cookies } from './cookies.ts'

export type BrowserState = {
  /** The cookie's name in the browser. */
  readonly cookieName: string
  /** Returns the `Set-Cookie` value for this session; undefined if the browser has it already. */
  readonly cookieFor: (request: HttpRequest, session: Session) => string | undefined
  readonly clear: () => string
  /** Returns `session_state` for the response to a client (§2); undefined if its redirection URI has no origin. */
  readonly sessionState: (session: Session, clientId: string, redirectUri: string) => string | undefined
}

const cookie = 'tessera_browser_state'

export function createBrowserState({
  derived,
  random,
  cookies,
}: {
  derived: DerivedKeys
  random: Random
  cookies: Cookies
}): BrowserState {
  // Permanent, because clients would notice a change. It is no secret of the session.
  const key = derived.permanent('browser-state')
  const stateOf = ({ sid }: Session): string => createHmac('sha256', key).update(sid).digest('base64url')

  return {
    cookieName: cookies.nameOf(cookie),
    cookieFor: (request, session) => {
      const state = stateOf(session)
      return cookies.read(request, cookie) === state
        ? undefined
        : cookies.write(cookie, state, { readable: true })
    },
    clear: () => cookies.clear(cookie, { readable: true }),
    sessionState(session, clientId, redirectUri) {
      const { origin } = new URL(redirectUri)
      if (origin === 'null') return undefined
      const salt = newId(random)
      return `${hash('sha256', `${clientId} ${origin} ${stateOf(session)} ${salt}`, 'base64url')}.${salt}`
    },
  }
}
