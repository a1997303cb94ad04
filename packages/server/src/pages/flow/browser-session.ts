/** The browser's session at this server: a random handle in a cookie, and its hash in the store (OpenID Connect Core 1.0 §3.1.2.3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import type { AccessEndings } from '../../identity/access-endings.ts'
import type { Session } from '../../model/authorization.ts'
import type { PreparedEvent } from '../../model/events.ts'
import { handleShape, hashHandle, newHandle, newTimedId } from '../../model/handle.ts'
import type { EndedSession, Stores } from '../../model/ports/stores.ts'
import { type EndSession, isCurrent, type SessionLifetimes } from '../../model/session.ts'
import type { CheckedSubject, Subject } from '../../model/user.ts'
import { networkOfAddress, networkPath } from '../../runtime/network.ts'
import type { Clock, Random, TokenHash } from '../../runtime/ports.ts'
import type { Cookies } from './cookies.ts'

export type BrowserSessions = {
  /** Whether users can choose to stay signed in. */
  readonly keepOffered: boolean
  /** Resolves to the browser's active session, and extends its idle lifetime. */
  readonly read: (request: HttpRequest) => Promise<Session | undefined>
  /**
   * Starts a session under a new handle. Another sign-in of the same user keeps the `sid` and the clients of the browser's
   * earlier session; a sign-in of another user ends it. Resolves to undefined if the user's access, or the session at
   * their provider, ended in the meantime.
   */
  readonly start: (
    request: HttpRequest,
    subject: CheckedSubject,
    tenant: string | undefined,
    options?: StartOptions,
  ) => Promise<{ readonly session: Session; readonly cookie: string } | undefined>
  /**
   * Adds a proven factor to the session, under a new handle (RFC 9470 §5). Resolves to undefined if the session has ended.
   */
  readonly stepUp: (
    session: Session,
    proven: Pick<Session, 'amr' | 'acr'>,
  ) => Promise<{ readonly session: Session; readonly cookie: string } | undefined>
  /** Ends the browser's session. Resolves to the ended session, and the `Set-Cookie` value that removes the cookie. */
  readonly end: (
    request: HttpRequest,
  ) => Promise<{ readonly ended: EndedSession | undefined; readonly cookie: string }>
}

type StartOptions = {
  /** Whether the user wants to stay signed in; ignored unless that is offered. */
  readonly keep?: boolean
  /** Returns the event of this sign-in, which is stored together with the session. */
  readonly announce?: (session: Session) => PreparedEvent
}

type SessionPorts = {
  readonly stores: Pick<Stores, 'sessions' | 'upstreamSessions'>
  readonly cookies: Cookies
  readonly clock: Clock
  readonly random: Random
  readonly lifetimes: SessionLifetimes
  readonly endSession: EndSession
  readonly accessEndings?: Pick<AccessEndings, 'isOvertaken'>
}

const cookieName = 'tessera_session'
const wellFormed = handleShape('ts')
const maxUserAgentLength = 256
/** Per user, so that someone who knows a password can't fill the store with sessions. */
const mostSessions = 1000
/**
 * The minimum time between two writes of a session's use. Also, uses are written at most ten times per idle lifetime.
 */
const touchInterval: Seconds = 300

export function createBrowserSessions({
  stores: { sessions, upstreamSessions },
  cookies,
  clock,
  random,
  lifetimes,
  endSession,
  accessEndings,
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

  /** Whether the session at the provider that the sign-in originates from has ended. */
  const isEndedUpstream = async ({ upstream }: Subject): Promise<boolean> =>
    upstream !== undefined && !(await upstreamSessions.find(upstream))

  async function begin(
    ...[request, subject, tenant, { keep = false, announce } = {}]: Parameters<BrowserSessions['start']>
  ): ReturnType<BrowserSessions['start']> {
    const found = await find(request)
    const earlier = found && isCurrent(found, clock.now()) ? found : undefined
    const same = earlier?.sub === subject.sub && earlier.tenant === tenant
    const handle = newHandle(random, 'ts')
    const now = clock.now()
    // The choice remains valid for further sign-ins, such as one with a second factor, until the user signs out.
    const keeps = keep || (same && earlier.idle_lifetime === lifetimes.kept)
    const kept = keeps ? lifetimes.kept : undefined
    const absolute = kept ?? lifetimes.absolute
    const idle_lifetime = kept ?? lifetimes.idle
    const { tenant: _, ending: __, ...how } = subject
    const user_agent = request.headers['user-agent']?.slice(0, maxUserAgentLength)
    const session: Session = {
      ...how,
      // The tenant of the sign-in; the `tenant` claim is read from the user's record.
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
      maxAge: kept,
    })
    // A handle from before the sign-in is invalid afterwards (session fixation).
    const renewal = same ? announce?.(session) : undefined
    if (same && (await sessions.renew(earlier.hash, session, renewal?.messages))) {
      renewal?.happened()
      return { session, cookie }
    }
    if (earlier && !same) await endSession(earlier.sid, 'another_user')
    // A session that has just ended can't be continued, because its clients were notified.
    const fresh = same ? { ...session, sid: newTimedId(random) } : session
    const event = announce?.(fresh)
    if (!(await sessions.create(fresh, event?.messages))) return undefined
    event?.happened()
    for (const { sid } of surplusSessions(await sessions.ofUser(subject.sub), mostSessions))
      await endSession(sid, 'too_many')
    return { session: fresh, cookie }
  }

  return {
    keepOffered: lifetimes.kept !== undefined,
    async read(request) {
      const session = await find(request)
      if (!session || !isCurrent(session, clock.now())) return undefined
      await touch(session, request)
      return session
    },
    async start(request, subject, tenant, options = {}) {
      // The user may have entered a second factor for minutes since the sign-in at the provider.
      if (await isEndedUpstream(subject)) return undefined
      const started = await begin(request, subject, tenant, options)
      if (!started) return undefined
      // A sign-out at the provider, or the end of the user's access, may have looked for sessions just before this one
      // was stored.
      const cause = (await isEndedUpstream(subject))
        ? 'ended_by_provider'
        : (await accessEndings?.isOvertaken(subject))
          ? 'access_revoked'
          : undefined
      if (!cause) return started
      await endSession(started.session.sid, cause)
      return undefined
    },
    async stepUp(session, proven) {
      const handle = newHandle(random, 'ts')
      const stepped = { ...session, ...proven, hash: hashHandle(handle) }
      // The earlier handle is invalid afterwards.
      if (!(await sessions.renew(session.hash, stepped))) return undefined
      const kept = lifetimes.kept !== undefined && session.idle_lifetime === lifetimes.kept
      const cookie = cookies.write(cookieName, handle, {
        framed: true,
        maxAge: kept ? session.expires_at - clock.now() : undefined,
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

/**
 * Returns the sessions of a user to end because there are too many: in the network with the most sessions, the least
 * recently used one. A script that signs in repeatedly therefore ends its own sessions, not those of the user's
 * browsers elsewhere.
 *
 * @param sessions the sessions of one user, the most recently used first.
 */
function surplusSessions(sessions: readonly Session[], most: number): readonly Session[] {
  if (sessions.length <= most) return []
  const networks = [...Map.groupBy(sessions, networkOfSession).values()]
  return Array.from({ length: sessions.length - most }, () => networks.reduce(fuller).pop()!)
}

/** Returns the widest network that one IPv6 customer usually has. Sessions of earlier versions have no address. */
const networkOfSession = ({ address = '' }: Session): string | undefined =>
  networkPath(networkOfAddress(address))[0]

/**
 * Returns the network with more sessions. If both have the same number, returns the one with the least recently used
 * session.
 */
function fuller(one: Session[], other: Session[]): Session[] {
  if (one.length !== other.length) return one.length > other.length ? one : other
  return (one.at(-1)?.last_seen_at ?? 0) <= (other.at(-1)?.last_seen_at ?? 0) ? one : other
}
