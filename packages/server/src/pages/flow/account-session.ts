/** Guards the account pages: requires a session, and a recent sign-in for sensitive ones. Makes the frame that they share. */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type Limits, parseParameters } from '@tessera/protocol/parameters'
import { refuse } from '@tessera/protocol/result'
import type { Accounts } from '../../identity/accounts.ts'
import { type FindFactors, hasFactor } from '../../identity/factors.ts'
import type { PolicyFor } from '../../identity/mfa-policy.ts'
import { servesTenant } from '../../identity/provider-access.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Session } from '../../model/authorization.ts'
import { factorMethods, type RequestedAcr } from '../../model/mfa.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import {
  type IdentityProvider,
  localProvider,
  type Profile,
  type User,
  type Users,
} from '../../model/user.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { Pages } from '../ui/pages.ts'
import type { NavigationLink, PageContext } from '../ui/render.ts'
import type { BrowserSessions } from './browser-session.ts'
import type { Continuation, Continuations } from './continuation.ts'
import type { Csrf } from './csrf.ts'
import { type AccountSection, accountPaths, type Paths } from './page-paths.ts'
import { createPageRefuser } from './refused-page.ts'
import type { LackingSecondFactor } from './second-factor.ts'
import { userName } from './view-model.ts'

/** A signed-in user at one of their account pages. */
export type AccountVisit = {
  readonly ok: true
  readonly session: Session
  /** What this server knows of them itself; a user of another provider may have no record. */
  readonly user?: User
  /** The user's record in the store; those of the configuration and of other providers have none. */
  readonly stored?: StoredUser
  /** The token for forms of the page. */
  readonly csrf: string
  /** What every account page is shown with: who is signed in, the sections, the way out, and the cookie of `csrf`. */
  readonly frame: PageContext & { readonly cookies: readonly (string | undefined)[] }
}

/** Lets the user in, or answers how the browser gets there: by the login page, which leads back. */
export type EnterAccount = (
  request: HttpRequest,
  section: AccountSection,
  options?: {
    /** Asks for a sign-in of the last ten minutes: for what must not be open to who finds a browser signed in. */
    readonly recent?: boolean
    /** And for a second factor of who has one, also from a remembered browser: for what changes how the user signs in. */
    readonly strict?: boolean
  },
) => Promise<AccountVisit | { readonly ok: false; readonly response: HttpResponse | Promise<HttpResponse> }>

export type AccountPorts = {
  readonly sessions: BrowserSessions
  readonly lackingSecondFactor: LackingSecondFactor
  readonly findFactors: FindFactors
  readonly policyFor: PolicyFor
  readonly users: Pick<Users, 'find'>
  readonly accounts: Pick<Accounts, 'find'>
  readonly profile: Pick<Profile, 'isActive'>
  readonly tenants: ReadonlySet<string>
  readonly openIdProviders: readonly Pick<IdentityProvider, 'tenants'>[]
  readonly continuations: Continuations
  readonly csrf: Csrf
  readonly paths: Paths
  readonly pages: Pages
  readonly clock: Clock
  readonly log: Log
}

const recently: Seconds = 600
const limits: Limits = { tenant: [200, 'invalid_request'] }
const two: RequestedAcr = { values: ['2'] }

export function createAccountDoor(ports: AccountPorts): EnterAccount {
  const { paths, clock } = ports
  const refusePage = createPageRefuser('account', ports)

  return async (request, section, { strict = false, recent = strict } = {}) => {
    const query = parseParameters(request.query, limits)
    if (!query.ok) return { ok: false, response: refusePage(request, query) }
    // `/account?tenant=NAME`: where to sign in. Without it any session will do, and a sign-in is one of no tenant.
    const tenant = query.value.get('tenant')
    if (tenant !== undefined && !ports.tenants.has(tenant)) {
      return { ok: false, response: refusePage(request, refuse('invalid_request', 'tenant_unknown')) }
    }
    const session = await ports.sessions.read(request)
    const fits =
      session !== undefined &&
      (tenant === undefined || session.tenant === tenant) &&
      (await ports.profile.isActive({ subject: session }))
    if (!fits || (recent && session.auth_time + recently <= clock.now())) {
      return { ok: false, response: goOn(request, '/login', section, tenant, fits ? session : undefined) }
    }
    const asked = strict && hasFactor(await ports.findFactors(session.sub), factorMethods) ? two : undefined
    if ((await ports.lackingSecondFactor(request, session, { asked })) !== undefined) {
      return { ok: false, response: goOn(request, '/mfa', section, tenant, session, asked) }
    }
    return visitOf(request, section, session)
  }

  async function visitOf(
    request: HttpRequest,
    section: AccountSection,
    session: Session,
  ): Promise<AccountVisit> {
    const [user, stored] = [await ports.users.find(session.sub), await ports.accounts.find(session.sub)]
    const known = { session, ...(user && { user }), ...(stored && { stored }) }
    const { token, cookie } = ports.csrf.token(request)
    const account = {
      user: await userName(session, { find: () => user }),
      sections: await sectionsOf(section, known),
      signOut: { action: paths('/logout'), csrf: token },
    }
    return { ok: true, ...known, csrf: token, frame: { account, cookies: [cookie] } }
  }

  /** A user who is asked again is asked in the same way. */
  function goOn(
    request: HttpRequest,
    path: '/login' | '/mfa',
    section: AccountSection,
    named: string | undefined,
    session: Session | undefined,
    requested_acr?: RequestedAcr,
  ): HttpResponse {
    const tenant = named ?? session?.tenant
    const continuation: Continuation = {
      kind: 'account',
      to: accountPaths[section],
      asked_at: clock.now(),
      prior_handle: session?.hash ?? null,
      ...(tenant !== undefined && { tenant }),
      ...(path === '/mfa' && { stepping_sid: session?.sid }),
      ...(request.method === 'POST' && { by_form: true as const }),
      ...(requested_acr && { requested_acr }),
      ...(session !== undefined && session.idp !== localProvider && { idp: session.idp }),
    }
    return redirectResponse(request, paths(path, ports.continuations.seal(continuation)))
  }

  /** A section in which this user can neither see nor change anything is not offered. */
  async function sectionsOf(current: AccountSection, visit: Known): Promise<readonly NavigationLink[]> {
    const { session, user } = visit
    const offered: Partial<Record<AccountSection, boolean>> = {
      connections: user !== undefined && ports.openIdProviders.some(one => servesTenant(one, session.tenant)),
      password: hasPasswordHere(visit),
      security: await hasSecurity(session),
    }
    const sections = accountSections.filter(section => offered[section] ?? true)
    return sections.map(section => ({
      section,
      href: paths(accountPaths[section]),
      current: section === current,
    }))
  }

  async function hasSecurity(session: Session): Promise<boolean> {
    const { mode } = await ports.policyFor(session)
    return mode !== 'off' || hasFactor(await ports.findFactors(session.sub), factorMethods)
  }
}

type Known = Pick<AccountVisit, 'session' | 'user' | 'stored'>

/** Whether the user signed in with a password that is kept in the store: only that one can be changed on a page. */
export const hasPasswordHere = ({ session, stored }: Pick<Known, 'session' | 'stored'>): boolean =>
  stored?.password !== undefined && session.idp === localProvider

const accountSections = Object.keys(accountPaths) as readonly AccountSection[]
