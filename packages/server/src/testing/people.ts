/** Finds users and clients by the names that tests use, and starts sessions for users. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Session } from '../model/authorization.ts'
import type { Client } from '../model/client.ts'
import { acrOf } from '../model/mfa.ts'
import { localProvider, type Subject, type User } from '../model/user.ts'
import { type BrowserSessions, createBrowserSessions } from '../pages/flow/browser-session.ts'
import { createCookies } from '../pages/flow/cookies.ts'
import type { CookieJar } from './cookie-jar.ts'
import type { Running } from './running.ts'

/** How a user signed in. */
export type Authentication = {
  /** Methods (RFC 8176). Default: `["pwd"]`, or those that the `acr` needs. */
  readonly amr?: readonly string[]
  /** The context class: `1`, `2` (two factors) or `phr` (with a passkey). Default: that of the methods. */
  readonly acr?: string
  /** Seconds since 1970. Default: now. */
  readonly auth_time?: number
  /** The identity provider. Default: `local`. */
  readonly idp?: string
}

/** Throws if no user has this user name or `sub`. Default: the first configured user. */
export async function findUser({ tessera, services }: Running, name: string | undefined): Promise<User> {
  const { users, tenants } = tessera.configuration
  const [first] = users
  const wanted = name ?? first?.username
  if (wanted === undefined) throw new Error('no user is configured: add one with addUser')
  const { users: all } = services().signIn
  const configured = users.find(({ sub, username }) => sub === wanted || username === wanted)
  const found = (await all.find(configured?.sub ?? wanted)) ?? (await named())
  if (found) return found
  const known = users.map(({ username }) => username)
  throw new Error(`no user has the user name or sub "${wanted}"; configured users: ${known.join(', ')}`)

  async function named(): Promise<User | undefined> {
    for (const tenant of [undefined, ...tenants]) {
      const user = await all.findNamed(wanted ?? '', tenant)
      if (user) return user
    }
    return undefined
  }
}

/** Throws for an unknown client. Default: the first configured one. */
export async function findClient({ tessera, services }: Running, id: string | undefined): Promise<Client> {
  const known = [...tessera.configuration.clients.all()]
  const found = id === undefined ? known[0] : await services().clients.lookup.find(id)
  if (found) return found
  throw new Error(
    `no client has the client_id "${id}"; configured clients: ${known.map(({ client_id }) => client_id).join(', ')}`,
  )
}

const methodsOf: Readonly<Record<string, readonly string[]>> = {
  '2': ['pwd', 'otp', 'mfa'],
  phr: ['pwd', 'hwk', 'user', 'mfa'],
}

/** Returns the user as the login page would have authenticated them. */
export function subjectOf(
  { sub, tenant, epoch }: User,
  { amr, acr, auth_time, idp = localProvider }: Authentication,
  now: number,
): Subject {
  const methods = amr ?? methodsOf[acr ?? ''] ?? ['pwd']
  return {
    sub,
    ...(tenant !== undefined && { tenant }),
    ...(epoch !== undefined && { epoch }),
    idp,
    amr: methods,
    acr: acr ?? acrOf({ amr: methods }),
    auth_time: auth_time ?? now,
  }
}

/** Signs a user in at a browser, in place of the login page. Throws if the user's access has ended. */
export async function startSession(
  running: Running,
  jar: CookieJar,
  user: User,
  authentication: Authentication,
): Promise<Session> {
  const url = new URL(running.tessera.issuer)
  const subject = subjectOf(user, authentication, running.services().context.clock.now())
  const started = await sessionsOf(running).start(requestOf(url, jar), subject, user.tenant)
  if (!started) throw new Error(`the user "${user.username}" can't sign in: their access has ended`)
  jar.store(url, [started.cookie])
  return started.session
}

/** Resolves to the session of a browser; undefined if no user is signed in. */
export const readSession = async (running: Running, jar: CookieJar): Promise<Session | undefined> =>
  sessionsOf(running).read(requestOf(new URL(running.tessera.issuer), jar))

function sessionsOf({ tessera, services }: Running): BrowserSessions {
  const { issuer, tenant, sessions } = tessera.configuration
  const { context, sessions: endings } = services()
  const { stores, clock, random } = context
  return createBrowserSessions({
    stores,
    clock,
    random,
    cookies: createCookies({ issuer, tenant, sameSite: sessions.sameSite }),
    lifetimes: sessions.lifetimes,
    endSession: endings.endSession,
  })
}

let requests = 0

/** Returns the request of a browser with these cookies. */
export function requestOf(url: URL, jar: CookieJar, form?: URLSearchParams): HttpRequest {
  return {
    id: `test-browser-${++requests}`,
    method: form ? 'POST' : 'GET',
    path: url.pathname,
    query: url.search.slice(1),
    headers: {
      host: url.host,
      accept: 'text/html',
      'user-agent': 'tessera-testing',
      cookie: jar.header(url),
      ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    body: form?.toString() ?? '',
    peer: { address: '127.0.0.1' },
  }
}
