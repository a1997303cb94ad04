/** Finds users by identifiers of other systems (RFC 9493 §3), such as a provider that reports a stolen account. */

import type { IdentityLinks, Sessions, Stores, UpstreamSessions } from '../model/ports/stores.ts'
import { type IdentityProvider, isDerivedSub, type Users } from '../model/user.ts'
import type { Clock } from '../runtime/ports.ts'
import { derivedSub, type ExternalIdentity, identityKey } from './external-identity.ts'

/** The formats that name a user of this server. */
export type SubjectId =
  | { readonly format: 'opaque'; readonly id: string }
  | { readonly format: 'iss_sub'; readonly iss: string; readonly sub: string }
  | { readonly format: 'email'; readonly email: string }

type SubjectPorts = {
  readonly issuer: string
  /** The tenants that share the issuer. */
  readonly tenants: ReadonlySet<string>
  readonly providers: readonly IdentityProvider[]
  readonly users: Pick<Users, 'find' | 'findByVerifiedEmail'>
  readonly sessions: Pick<Sessions, 'fromUpstream'>
  readonly hasAccess: HasAccess
  readonly links: Pick<IdentityLinks, 'find'>
  readonly upstreamSessions: Pick<UpstreamSessions, 'from'>
  /** Whether a hook of the operator may choose other users than the derived ones. */
  readonly choosesSubjects: boolean
}

/** Resolves to whether the user has a session or an authorization. */
export type HasAccess = (sub: string) => Promise<boolean>

export const createAccessCheck =
  ({
    stores: { sessions, authorizations },
    clock,
  }: {
    readonly stores: Pick<Stores, 'sessions' | 'authorizations'>
    readonly clock: Clock
  }): HasAccess =>
  async sub =>
    (await sessions.ofUser(sub)).length > 0 ||
    (await authorizations.accessOf(sub, clock.now(), { limit: 1 })).length > 0

/**
 * Returns a function that resolves to the `sub` of each user that an identifier names, in all tenants that share the issuer:
 * - `opaque`: the `sub`
 * - `iss_sub`: the `sub` at this issuer, not a pairwise one, or the user of an OpenID provider with that issuer: linked,
 *   derived, or the one that the operator's hook chose at a sign-in
 * - `email`: users with a record and this verified address
 *
 * Users of a provider have no record. A `sub` without a record is returned if it has a session or an authorization, which
 * outlives the session if the client may refresh. A derived one is also returned without either, unless a hook chooses
 * users: then the user of the provider may have another `sub`, so that nobody must believe that its access ended.
 */
export function createSubjectSearch({
  issuer,
  tenants,
  providers,
  users,
  sessions,
  hasAccess,
  links,
  upstreamSessions,
  choosesSubjects,
}: SubjectPorts): (id: SubjectId) => Promise<readonly string[]> {
  const bySub = async (sub: string): Promise<readonly string[]> =>
    isDerivedSub(sub) || (await users.find(sub)) || (await hasAccess(sub)) ? [sub] : []

  async function byEmail(email: string): Promise<readonly string[]> {
    const found = await Promise.all(
      [undefined, ...tenants].map(tenant => users.findByVerifiedEmail(email, tenant)),
    )
    return found.flatMap(user => user?.sub ?? [])
  }

  async function ofProvider(identity: ExternalIdentity): Promise<readonly string[]> {
    const key = identityKey(identity)
    const link = await links.find(identity.provider.name, key)
    const upstream = await upstreamSessions.from(identity.provider.name, { identity: key })
    // Rows of earlier versions have no `sub`.
    const signedIn = await Promise.all(upstream.map(({ id }) => sessions.fromUpstream(id)))
    const derived = derivedSub(identity)
    const isKnown = !choosesSubjects || (await hasAccess(derived))
    return [
      ...(isKnown ? [derived] : []),
      ...(link ? [link.sub] : []),
      ...upstream.flatMap(({ sub }) => sub ?? []),
      ...signedIn.flat().map(({ sub }) => sub),
    ]
  }

  return async id => {
    if (id.format === 'opaque') return bySub(id.id)
    if (id.format === 'email') return byEmail(id.email)
    if (id.iss === issuer) return bySub(id.sub)
    const theirs = providers.filter(({ upstream }) => upstream?.issuer === id.iss)
    const found = await Promise.all(
      theirs.map(provider => ofProvider({ provider, authority: id.iss, id: id.sub, claims: {} })),
    )
    return [...new Set(found.flat())]
  }
}
