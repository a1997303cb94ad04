/** A user's claims, and whether they may have tokens (OpenID Connect Core 1.0 §5.1). An operator's module can decide both. */

import type { JsonObject } from '@tessera/protocol/result'
import type { Authorization } from '../model/authorization.ts'
import type { VerifiedToken } from '../model/extension-grant.ts'
import { mergeClaims } from '../model/merged-claims.ts'
import {
  type ActiveSubject,
  isOfUser,
  localProvider,
  type Profile,
  type ProfileRequest,
  type User,
  type Users,
} from '../model/user.ts'
import { applied } from '../runtime/async/promises.ts'
import type { Awaitable } from '../runtime/ports.ts'

export type ProfilePorts = {
  readonly users: Pick<Users, 'find' | 'isShared'>
  /** The operator's hooks. */
  readonly profile?: Partial<Profile>
  /** The tenants that share this issuer. */
  readonly tenants: ReadonlySet<string>
  /** Returns whether a third party vouches for a subject without a record. */
  readonly isVouchedFor: (subject: ActiveSubject) => Awaitable<boolean>
}

/**
 * Reads claims from the user's record, then from the sign-in (provider, validator or grant). Claims from a third party
 * don't replace those in the record. A user with a record is active if the record says so. A user without one is active
 * if a third party vouches for them. Users of a tenant that was removed, or that has its own issuer since, are inactive.
 */
export const createProfile = ({ users, profile, tenants, isVouchedFor }: ProfilePorts): Profile => ({
  claims:
    profile?.claims ??
    (({ subject, names }) => {
      const user = users.find(subject.sub)
      return user instanceof Promise
        ? user.then(found => pick(subject, found, names))
        : pick(subject, user, names)
    }),
  isActive:
    profile?.isActive ??
    (({ subject }) => {
      const active = (user: User | undefined): Awaitable<boolean> => {
        if (!user) return isVouchedFor(subject)
        // The operator may have moved the user to another tenant since the sign-in.
        const isActive = user.active && user.tenant === subject.tenant && isOfTenant(subject, tenants)
        // A stored user signed in, and the configuration has the `sub` now.
        const isTaken = subject.epoch !== undefined && user.epoch === undefined
        return isActive && isTaken ? applied(users.isShared(subject.sub), shared => !shared) : isActive
      }
      const user = users.find(subject.sub)
      return user instanceof Promise ? user.then(active) : active(user)
    }),
})

/** Returns whether the tenant that the user belongs to, or else signed in at, still shares the issuer. True if there is none. */
export function isOfTenant({ tenant, sign_in_tenant }: ActiveSubject, tenants: ReadonlySet<string>): boolean {
  const name = tenant ?? sign_in_tenant
  return name === undefined || tenants.has(name)
}

/** Selects the named claims. `sub` and `tenant` never come from a third party. */
function pick(
  { sub, claims }: ProfileRequest['subject'],
  user: User | undefined,
  names: readonly string[],
): JsonObject {
  const known = { ...mergeClaims(claims ?? {}, user?.claims ?? {}), sub, tenant: user?.tenant }
  return Object.fromEntries(
    names.flatMap(name => {
      const value = Object.hasOwn(known, name) ? known[name as keyof typeof known] : undefined
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
}

/** Returns the user of a token; undefined for a client's own token. The authorization, if any, contains the claims of the sign-in. */
export function subjectOfToken(
  { sub, claims }: Pick<VerifiedToken, 'sub' | 'claims'>,
  authorization?: Authorization,
): (ProfileRequest['subject'] & ActiveSubject) | undefined {
  if (authorization?.sub === sub) return authorization
  if (!isOfUser(claims)) return undefined
  const { idp, tenant } = claims
  return {
    sub,
    idp: typeof idp === 'string' ? idp : localProvider,
    tenant: typeof tenant === 'string' ? tenant : undefined,
  }
}
