/** A browser's sign-in at this server: a random handle in a cookie, its hash in the store (OpenID Connect Core 1.0 §3.1.2.3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import type { Session } from '../core/authorization.ts'
import { hashHandle, newHandle, newId } from '../core/handle.ts'
import type { Clock, Random } from '../core/runtime.ts'
import type { Stores } from '../core/stores.ts'
import type { Subject } from '../core/user.ts'
import type { Cookies } from './cookies.ts'

export type BrowserSessions = {
  /** The browser's living session. */
  readonly read: (request: HttpRequest) => Promise<Session | undefined>
  /** Starts a session under a new handle and ends the browser's earlier one; answers the `Set-Cookie` value. */
  readonly start: (
    request: HttpRequest,
    subject: Subject,
    tenant: string | undefined,
  ) => Promise<{ readonly session: Session; readonly cookie: string }>
  /** Ends the browser's session; answers the `Set-Cookie` value that removes its cookie. */
  readonly end: (request: HttpRequest) => Promise<string>
}

export type SessionPorts = {
  readonly stores: Pick<Stores, 'sessions'>
  readonly cookies: Cookies
  readonly clock: Clock
  readonly random: Random
  /** How long a session lasts; 10 hours unless said otherwise. */
  readonly lifetime?: Seconds
}

const cookieName = 'tessera_session'
const tenHours: Seconds = 36_000
const wellFormed = /^ts_[\w-]{43}$/

export function createBrowserSessions({
  stores: { sessions },
  cookies,
  clock,
  random,
  lifetime = tenHours,
}: SessionPorts): BrowserSessions {
  const hashOf = (request: HttpRequest) => {
    const handle = cookies.read(request, cookieName)
    return handle !== undefined && wellFormed.test(handle) ? hashHandle(handle) : undefined
  }

  return {
    async read(request) {
      const hash = hashOf(request)
      const session = hash && (await sessions.find(hash))
      return session && session.expires_at > clock.now() ? session : undefined
    },
    async start(request, subject, tenant) {
      const earlier = hashOf(request)
      const handle = newHandle(random, 'ts')
      const now = clock.now()
      const { tenant: _, ...how } = subject
      const session: Session = {
        ...how,
        // Where the sign-in took place; the `tenant` claim is read from the user's record.
        ...(tenant !== undefined && { tenant }),
        hash: hashHandle(handle),
        sid: newId(random),
        created_at: now,
        expires_at: now + lifetime,
      }
      await sessions.create(session)
      // A handle from before the sign-in is worth nothing afterwards (session fixation).
      if (earlier) await sessions.end(earlier)
      return { session, cookie: cookies.write(cookieName, handle) }
    },
    async end(request) {
      const hash = hashOf(request)
      if (hash) await sessions.end(hash)
      return cookies.clear(cookieName)
    },
  }
}
