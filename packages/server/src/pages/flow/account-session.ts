/**
 * Guards the account pages: requires a session, and a recent sign-in for sensitive ones. Provides the elements that
 * they share.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpResponse } from '@tessera/protocol/http'
import { type Limits, type Parameters, parseParameters } from '@tessera/protocol/parameters'
import { refuse } from '@tessera/protocol/result'
import { type FindFactors, hasFactor } from '../../identity/factors.ts'
import type { PolicyFor } from '../../identity/mfa-policy.ts'
import { isStored, type PasswordAccount, type PasswordAccounts } from '../../identity/password-accounts.ts'
import { servesTenant } from '../../identity/provider-access.ts'
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
import type { Awaitable, Clock } from '../../runtime/ports.ts'
import { isRecent } from '../../runtime/recent.ts'
import type { NavigationLink, PageContext } from '../ui/render.ts'
import type { BrowserRequest } from './browser-request.ts'
import { type AccountSection, accountPaths } from './page-paths.ts'
import type { LackingSecondFactor } from './second-factor.ts'
import { userName } from './view-model.ts'

/** A signed-in user on an account page. */
export type AccountSession = {
  readonly session: Session
  /** The user's record at this server. A user of another provider may not have one. */
  readonly user?: User
  /** The user's record in the store. Configured users and users of other providers have none. */
  readonly stored?: StoredUser
  /** The user's record if their password can be changed here. */
  readonly account?: PasswordAccount
  readonly query: Parameters
  /** The elements of every account page: the user, the sections, the sign-out form, and the cookie for its forms. */
  readonly frame: PageContext & { readonly cookies: readonly (string | undefined)[] }
}

type SessionRequired = { readonly ok: false; readonly respond: () => Awaitable<HttpResponse> }

/** Resolves to the user's session, or redirects the browser to the login page or to the second factor, which lead back. */
export type RequireAccountSession = (
  page: BrowserRequest,
  section: AccountSection,
  options?: AccountGuard,
) => Promise<({ readonly ok: true } & AccountSession) | SessionRequired>

export type AccountGuard = {
  /** Requires a sign-in within the last ten minutes, so that an unattended browser is not enough. */
  readonly recent?: boolean
  /**
   * Also requires a second factor from users who have one, even in a remembered browser. For changes to sign-in
   * methods.
   */
  readonly strict?: boolean
}

export type AccountPorts = {
  readonly lackingSecondFactor: LackingSecondFactor
  readonly findFactors: FindFactors
  readonly policyFor: PolicyFor
  readonly users: Pick<Users, 'find'>
  readonly passwordAccounts: Pick<PasswordAccounts, 'find'>
  readonly profile: Pick<Profile, 'isActive'>
  readonly tenants: ReadonlySet<string>
  readonly openIdProviders: readonly Pick<IdentityProvider, 'tenants'>[]
  readonly clock: Clock
}

const recently: Seconds = 600
const limits: Limits = { tenant: [200, 'invalid_request'] }
const secondFactor: RequestedAcr = { values: ['2'] }

export function createAccountGuard(ports: AccountPorts): RequireAccountSession {
  const { clock } = ports

  return async (page, section, { strict = false, recent = strict } = {}) => {
    const { request } = page
    const query = parseParameters(request.query, limits)
    if (!query.ok) return { ok: false, respond: () => page.refuse(query) }
    // `/account?tenant=NAME`: the tenant to sign in to. Without it, any session is accepted and a new sign-in has no
    // tenant.
    const tenant = query.value.get('tenant')
    if (tenant !== undefined && !ports.tenants.has(tenant)) {
      return { ok: false, respond: () => page.refuse(refuse('invalid_request', 'tenant_unknown')) }
    }
    const session = await page.readSession()
    const fits =
      session !== undefined &&
      (tenant === undefined || session.tenant === tenant) &&
      (await ports.profile.isActive({ subject: session }))
    if (!fits || (recent && !isRecent(session.auth_time, recently, clock.now()))) {
      return redirect(page, '/login', section, tenant, fits ? session : undefined)
    }
    const hasSecond = strict && hasFactor(await ports.findFactors(session.sub), factorMethods)
    const asked = hasSecond ? secondFactor : undefined
    if ((await ports.lackingSecondFactor(request, session, { asked })) !== undefined) {
      return redirect(page, '/mfa', section, tenant, session, asked)
    }
    const user = await ports.users.find(session.sub)
    const account = await ports.passwordAccounts.find(session.sub)
    const stored = account && isStored(account) ? account : undefined
    const frame = await frameOf(page, section, { session, user, account })
    return { ok: true, session, user, stored, account, query: query.value, frame }
  }

  async function frameOf(
    page: BrowserRequest,
    section: AccountSection,
    known: Known,
  ): Promise<AccountSession['frame']> {
    const account = {
      user: await userName(known.session, { find: () => known.user }),
      sections: await sectionsOf(page, section, known),
      signOut: page.pageForm('/logout'),
    }
    return { account, ...page.formContext() }
  }

  /** A user who signs in again uses the same provider and the same tenant. */
  function redirect(
    page: BrowserRequest,
    path: '/login' | '/mfa',
    section: AccountSection,
    tenant: string | undefined,
    session: Session | undefined,
    requested_acr?: RequestedAcr,
  ): SessionRequired {
    const location = page.link(path, {
      kind: 'account',
      to: accountPaths[section],
      asked_at: clock.now(),
      prior_handle: session?.hash ?? null,
      tenant: tenant ?? session?.tenant,
      stepping_sid: path === '/mfa' ? session?.sid : undefined,
      by_form: page.posted || undefined,
      requested_acr,
      idp: session?.idp === localProvider ? undefined : session?.idp,
    })
    return { ok: false, respond: () => page.redirect(location) }
  }

  /** Omits sections in which this user can neither see nor change anything. */
  async function sectionsOf(
    page: BrowserRequest,
    current: AccountSection,
    known: Known,
  ): Promise<readonly NavigationLink[]> {
    const { session, user } = known
    const offered: Partial<Record<AccountSection, boolean>> = {
      connections: user !== undefined && ports.openIdProviders.some(one => servesTenant(one, session.tenant)),
      password: hasPasswordHere(known),
      security: await hasSecurity(session),
    }
    const sections = accountSections.filter(section => offered[section] ?? true)
    return sections.map(section => ({
      section,
      href: page.link(accountPaths[section]),
      current: section === current,
    }))
  }

  async function hasSecurity(session: Session): Promise<boolean> {
    const { mode } = await ports.policyFor(session)
    return mode !== 'off' || hasFactor(await ports.findFactors(session.sub), factorMethods)
  }
}

type Known = Pick<AccountSession, 'session' | 'user' | 'account'>

/** Whether the user signed in with a password that can be changed on a page. */
export const hasPasswordHere = ({ session, account }: Pick<Known, 'session' | 'account'>): boolean =>
  account !== undefined &&
  session.idp === localProvider &&
  // An operator's store need not return the hash.
  (account.password !== undefined || !isStored(account))

const accountSections = Object.keys(accountPaths) as readonly AccountSection[]
