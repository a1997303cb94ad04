/**
 * Maps users of other identity providers to local subjects. A `sub` is unique only for its issuer (OpenID Connect Core 1.0
 * §2, §5.7), so a provider's `sub` is never used as a local one.
 */

import { hash } from 'node:crypto'
import { isTooDeep } from '@tessera/protocol/json'
import { type Json, type JsonObject, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Events } from '../model/events.ts'
import type { CheckedHook } from '../model/hook.ts'
import type { IdentityLinks } from '../model/ports/stores.ts'
import {
  type FederatedSubjectHook,
  type IdentityProvider,
  reservedClaims,
  type User,
  type Users,
} from '../model/user.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import { isEmail } from './email-address.ts'

export type ExternalIdentity = {
  readonly provider: Pick<IdentityProvider, 'name' | 'linking'>
  /** The issuer of the ID token, or the base of the directory. */
  readonly authority: string
  /** The provider's permanent identifier of the user. */
  readonly id: string
  /** The claims that are copied from the provider. */
  readonly claims: JsonObject
  /** An email address that the provider states it has verified. */
  readonly verified_email?: string
}

/** The local user, and their record if there is one. */
type LocalSubject = {
  readonly sub: string
  readonly record?: User
  /** Set if they were linked by this sign-in, because both have the same verified address. */
  readonly linked?: true
}

export type ResolveSubject = (
  identity: ExternalIdentity,
  tenant: string | undefined,
) => Promise<Result<LocalSubject>>

type SubjectPorts = {
  readonly users: Pick<Users, 'find' | 'findByVerifiedEmail' | 'isShared'>
  readonly links: IdentityLinks
  /** The operator's hook. */
  readonly decideSubject?: CheckedHook<FederatedSubjectHook>
  readonly clock: Clock
  readonly log: Log
  readonly events: Pick<Events, 'emit'>
}

/** Returns the key of an identity in the store: 43 characters, regardless of what the provider sends. */
export const identityKey = ({ provider, authority, id }: ExternalIdentity): string =>
  hash('sha256', JSON.stringify([provider.name, authority, id]), 'base64url')

/** Returns a `sub` that no client, configured user or user of another provider can have: the configuration rejects this form. */
export const derivedSub = (identity: ExternalIdentity): string => `fed_${identityKey(identity)}`

/**
 * Resolves the local subject, in this order: the decision of the operator's hook; an existing link; a local user with the
 * same verified address, if the provider may link by it; a `sub` derived from provider, authority and id.
 * Refuses `access_denied` if the hook rejects the user, or if the local user was deleted, belongs to another tenant, shares
 * the `sub` with another user, or has no room for a further link.
 */
export function createSubjectResolver({
  users,
  links,
  decideSubject,
  clock,
  log,
  events,
}: SubjectPorts): ResolveSubject {
  return async (identity, tenant) => {
    const decided = await decideSubject?.(questionOf(identity, tenant))
    if (decided === null) return denied('provider_user_refused', identity)
    if (decided !== undefined) return withRecord(decided, identity, tenant)
    const known = await find(identity)
    if (known !== undefined && (await users.isShared(known)))
      return denied('stored_user_hidden', identity, known)
    const linked = known === undefined ? await linkByAddress(identity, tenant) : ok(known)
    if (!linked.ok) return linked
    if (linked.value === undefined) return withRecord(derivedSub(identity), identity, tenant)
    const subject = await withRecord(linked.value, identity, tenant)
    if (!subject.ok) return subject
    if (!subject.value.record) return denied('linked_user_gone', identity, linked.value)
    return known === undefined ? ok({ ...subject.value, linked: true }) : subject
  }

  async function find(identity: ExternalIdentity): Promise<string | undefined> {
    return (await links.find(identity.provider.name, identityKey(identity)))?.sub
  }

  /**
   * Links the local user with the same verified address and returns their `sub`. Text that is not a valid address
   * matches no one.
   */
  async function linkByAddress(
    identity: ExternalIdentity,
    tenant: string | undefined,
  ): Promise<Result<string | undefined>> {
    const { provider, verified_email: label } = identity
    if (provider.linking !== 'verified_email' || label === undefined || !isEmail(label)) return ok(undefined)
    const user = await users.findByVerifiedEmail(label, tenant)
    if (!user) return ok(undefined)
    if (await users.isShared(user.sub)) return denied('stored_user_hidden', identity, user.sub)
    const link = { provider: provider.name, identity: identityKey(identity), sub: user.sub, label }
    const added = await links.add({ ...link, created_at: clock.now() })
    if (added === 'full') return denied('identity_links_exhausted', identity, user.sub)
    if (added === 'added') {
      log.info('identity_linked', { provider: provider.name, sub: user.sub, by: 'verified_email' })
      events.emit('user.identity_linked', { sub: user.sub, provider: provider.name })
    }
    return ok(added === 'added' ? user.sub : await find(identity))
  }

  /** Refuses a user whose record belongs to a tenant other than the one of the sign-in. */
  async function withRecord(
    sub: string,
    identity: ExternalIdentity,
    tenant: string | undefined,
  ): Promise<Result<LocalSubject>> {
    const record = await users.find(sub)
    if (record && record.tenant !== tenant) return denied('user_of_another_tenant', identity, sub)
    return ok({ sub, record })
  }
}

const questionOf = (identity: ExternalIdentity, tenant: string | undefined) => {
  const { provider, authority, id, claims } = identity
  const sub = derivedSub(identity)
  // The operator's hook does not receive members without a value.
  return { provider: provider.name, authority, id, claims, sub, ...(tenant !== undefined && { tenant }) }
}

const denied = (reason: string, { provider }: ExternalIdentity, sub?: string): Refusal =>
  refuse('access_denied', reason, {
    description: 'The user may not sign in here',
    log: { provider: provider.name, sub },
  })

/** Limits what a provider can add to sessions and tokens, which contain these claims. */
const mostClaimCharacters = 8192

/**
 * Returns the claims that the mapping (ours → theirs) selects, except reserved claims, which only this server sets. Returns
 * undefined if they are too large or have too many levels.
 */
export function mapClaims(
  mapping: Readonly<Record<string, string>>,
  theirs: Readonly<Record<string, unknown>>,
  lists: ReadonlySet<string> = new Set(),
): JsonObject | undefined {
  const claims = Object.fromEntries(
    Object.entries(mapping).flatMap(([ours, name]) => {
      const value = Object.hasOwn(theirs, name) ? (theirs[name] as Json | undefined) : undefined
      if (value === undefined || value === null || reservedClaims.has(ours)) return []
      return [[ours, lists.has(ours) ? [value].flat() : value] as const]
    }),
  )
  const text = JSON.stringify(claims)
  return text.length <= mostClaimCharacters && !isTooDeep(text) ? claims : undefined
}
