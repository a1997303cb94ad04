/** The door of the account pages: they are for who is signed in at this browser, and some of them for who signed in of late. */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { parseParameters } from '@tessera/protocol/parameters'
import { refuse } from '@tessera/protocol/result'
import type { Session } from '../core/authorization.ts'
import { factorMethods, type RequestedAcr } from '../core/mfa.ts'
import type { Clock, Log } from '../core/runtime.ts'
import { localProvider, type Profile, type User, type Users } from '../core/user.ts'
import { type FindFactors, hasFactor } from '../identity/factors.ts'
import { redirectResponse } from '../ui/page.ts'
import type { Pages } from '../ui/pages.ts'
import type { NavigationLink } from '../ui/show.ts'
import type { Continuation, Continuations } from './continuation.ts'
import { type AccountSection, accountPaths, type Paths } from './paths.ts'
import { createPageRefuser } from './refused-page.ts'
import type { LackingSecondFactor } from './second-factor.ts'
import type { BrowserSessions } from './session.ts'

/** A signed-in user at one of their account pages. */
export type AccountVisit = {
  readonly ok: true
  readonly session: Session
  /** What this server knows of them itself; a user of another provider may have no record. */
  readonly user?: User
  readonly navigation: readonly NavigationLink[]
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
  readonly users: Pick<Users, 'find'>
  readonly profile: Pick<Profile, 'isActive'>
  readonly tenants: ReadonlySet<string>
  /** Without any there are no connections. */
  readonly openIdProviders: readonly unknown[]
  readonly continuations: Continuations
  readonly paths: Paths
  readonly pages: Pages
  readonly clock: Clock
  readonly log: Log
}

const recently: Seconds = 600
const two: RequestedAcr = { values: ['2'] }

export function createAccountDoor(ports: AccountPorts): EnterAccount {
  const { paths, clock } = ports
  const refusePage = createPageRefuser('account', ports)

  return async (request, section, { strict = false, recent = strict } = {}) => {
    const query = parseParameters(request.query)
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
    const user = await ports.users.find(session.sub)
    return { ok: true, session, ...(user && { user }), navigation: navigationOf(section, session) }
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

  function navigationOf(current: AccountSection, { idp }: Session): readonly NavigationLink[] {
    const offered: Partial<Record<AccountSection, boolean>> = {
      connections: ports.openIdProviders.length > 0,
      password: idp === localProvider,
    }
    const sections = accountSections.filter(section => offered[section] ?? true)
    return sections.map(section => ({
      section,
      href: paths(accountPaths[section]),
      current: section === current,
    }))
  }
}

const accountSections = Object.keys(accountPaths) as readonly AccountSection[]
