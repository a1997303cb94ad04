/** A browser's sign-in at this server: a random handle in a cookie, its hash in the store (OpenID Connect Core 1.0 §3.1.2.3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import type { Session } from '../../model/authorization.ts'
import { handleShape, hashHandle, newHandle, newTimedId } from '../../model/handle.ts'
import type { EndedSession, Stores } from '../../model/ports/stores.ts'
import { type EndSession, isCurrent, type SessionLifetimes } from '../../model/session.ts'
import type { Subject } from '../../model/user.ts'
import type { Clock, Random, TokenHash } from '../../runtime/ports.ts'
import type { Cookies } from './cookies.ts'
import { surplusSessions } from './surplus-sessions.ts'

export type BrowserSessions = {
  /** Whether users may wish to stay signed in. */
  readonly keepOffered: boolean
  /** The browser's living session; using it puts its sliding end off. */
  readonly read: (request: HttpRequest) => Promise<Session | undefined>
  /**
   * Starts a session under a new handle; answers the `Set-Cookie` value. Another sign-in of the same user keeps the
   * `sid` and the clients of the browser's earlier session; anyone else's ends it. Undefined where the user's access
   * was ended since they were checked.
   */
  readonly start: (
    request: HttpRequest,
    subject: Subject,
    tenant: string | undefined,
    options?: SignInOptions,
  ) => Promise<{ readonly session: Session; readonly cookie: string } | undefined>
  /**
   * Puts what was proven since on the session, under a new handle: the same sign-in, seen more closely (RFC 9470 §5).
   * Undefined when it has ended.
   */
  readonly stepUp: (
    session: Session,
    proven: Pick<Session, 'amr' | 'acr'>,
  ) => Promise<{ readonly session: Session; readonly cookie: string } | undefined>
  /** Ends the browser's session; answers what ended and the `Set-Cookie` value that removes its cookie. */
  readonly end: (
    request: HttpRequest,
  ) => Promise<{ readonly ended: EndedSession | undefined; readonly cookie: string }>
}

type SignInOptions = {
  /** The user wished to stay signed in; counts where that is offered. */
  readonly keep?: boolean
}

export type SessionPorts = {
  readonly stores: Pick<Stores, 'sessions'>
  readonly cookies: Cookies
  readonly clock: Clock
  readonly random: Random
  readonly lifetimes: SessionLifetimes
  readonly endSession: EndSession
}

const cookieName = 'tessera_session'
const wellFormed = handleShape('ts')
const maxUserAgentLength = 256
/** Of one user: whoever knows a password must not fill the store with sessions. */
const mostSessions = 1000
/** A use is written at most this often, and at most ten times in an idle lifetime. */
const touchInterval: Seconds = 300

export function createBrowserSessions({
  stores: { sessions },
  cookies,
  clock,
  random,
  lifetimes,
  endSession,
}: SessionPorts): BrowserSessions {
  const hashOf = (request: HttpRequest): TokenHash | undefined => {
    const handle = cookies.read(request, cookieName)
    return handle !== undefined && wellFormed.test(handle) ? hashHandle(handle) : undefined
  }
  const find = async (request: HttpRequest): Promise<Session | undefined> => {
    const hash = hashOf(request)
    return hash && (await sessions.find(hash))
  }

  async function touch(session: Session, { peer }: HttpRequest): Promise<void> {
    const now = clock.now()
    const { hash, idle_lifetime, last_seen_at, expires_at } = session
    if (now < last_seen_at + Math.min(touchInterval, idle_lifetime / 10)) return
    const idle_expires_at = Math.min(now + idle_lifetime, expires_at)
    await sessions.touch(hash, { last_seen_at: now, idle_expires_at, address: peer.address })
  }

  return {
    keepOffered: lifetimes.kept !== undefined,
    async read(request) {
      const session = await find(request)
      if (!session || !isCurrent(session, clock.now())) return undefined
      await touch(session, request)
      return session
    },
    async start(request, subject, tenant, { keep = false } = {}) {
      const found = await find(request)
      const earlier = found && isCurrent(found, clock.now()) ? found : undefined
      const same = earlier?.sub === subject.sub && earlier.tenant === tenant
      const handle = newHandle(random, 'ts')
      const now = clock.now()
      // A wish holds through another sign-in, such as one by a second factor, until the user signs out.
      const wished = keep || (same && earlier.idle_lifetime === lifetimes.kept)
      const kept = wished ? lifetimes.kept : undefined
      const absolute = kept ?? lifetimes.absolute
      const idle_lifetime = kept ?? lifetimes.idle
      const { tenant: _, ...how } = subject
      const user_agent = request.headers['user-agent']?.slice(0, maxUserAgentLength)
      const session: Session = {
        ...how,
        // Where the sign-in took place; the `tenant` claim is read from the user's record.
        ...(tenant !== undefined && { tenant }),
        hash: hashHandle(handle),
        sid: same ? earlier.sid : newTimedId(random),
        created_at: now,
        expires_at: now + absolute,
        idle_expires_at: now + idle_lifetime,
        idle_lifetime,
        last_seen_at: now,
        ...(user_agent !== undefined && { user_agent }),
        address: request.peer.address,
      }
      const cookie = cookies.write(cookieName, handle, {
        framed: true,
        ...(kept !== undefined && { maxAge: kept }),
      })
      // A handle from before the sign-in is worth nothing afterwards (session fixation).
      if (same && (await sessions.renew(earlier.hash, session))) return { session, cookie }
      if (earlier && !same) await endSession(earlier.sid, 'another_user')
      // One that ended this very moment can't be gone on with: its clients were told that it is over.
      const fresh = same ? { ...session, sid: newTimedId(random) } : session
      if (!(await sessions.create(fresh))) return undefined
      for (const { sid } of surplusSessions(await sessions.ofUser(subject.sub), mostSessions))
        await endSession(sid, 'too_many')
      return { session: fresh, cookie }
    },
    async stepUp(session, proven) {
      const handle = newHandle(random, 'ts')
      const stepped = { ...session, ...proven, hash: hashHandle(handle) }
      // A handle from before is worth nothing afterwards, whoever knows it.
      if (!(await sessions.renew(session.hash, stepped))) return undefined
      const kept = lifetimes.kept !== undefined && session.idle_lifetime === lifetimes.kept
      const cookie = cookies.write(cookieName, handle, {
        framed: true,
        ...(kept && { maxAge: session.expires_at - clock.now() }),
      })
      return { session: stepped, cookie }
    },
    async end(request) {
      const session = await find(request)
      const ended = session && (await endSession(session.sid, 'signed_out'))
      return { ended, cookie: cookies.clear(cookieName, { framed: true }) }
    },
  }
}
