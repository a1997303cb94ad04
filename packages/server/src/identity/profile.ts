/** What is known of a user and whether they may have tokens (OpenID Connect Core 1.0 §5.1); an operator's module may decide both. */

import type { JsonObject } from '@tessera/protocol/result'
import type { Authorization } from '../model/authorization.ts'
import type { VerifiedToken } from '../model/extension-grant.ts'
import { localProvider, type Profile, type ProfileRequest, type User, type Users } from '../model/user.ts'

export type ProfilePorts = {
  readonly users: Pick<Users, 'find'>
  /** The operator's own answers, where given. */
  readonly profile?: Partial<Profile>
  /** Whether others than `users` vouch for local subjects (a password validator, extension grants): one without a record is active then. */
  readonly vouched?: boolean
}

/**
 * Claims come from the user's record, then from the sign-in (provider, validator or grant): what a third party said
 * never replaces what the record says. A user with a record is active if the record says so; one without is active if
 * someone else vouched for them at sign-in.
 */
export const createProfile = ({ users, profile, vouched = false }: ProfilePorts): Profile => ({
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
      const active = (user: User | undefined) => user?.active ?? (vouched || subject.idp !== localProvider)
      const user = users.find(subject.sub)
      return user instanceof Promise ? user.then(active) : active(user)
    }),
})

/** `sub` and `tenant` are never a third party's to say. */
function pick(
  { sub, claims }: ProfileRequest['subject'],
  user: User | undefined,
  names: readonly string[],
): JsonObject {
  const known = { ...claims, ...user?.claims, sub, tenant: user?.tenant }
  return Object.fromEntries(
    names.flatMap(name => {
      const value = Object.hasOwn(known, name) ? known[name as keyof typeof known] : undefined
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
}

/** The user that a token is about; undefined where it is the client's own. The authorization, if any, has what the sign-in brought. */
export function subjectOfToken(
  { sub, claims }: Pick<VerifiedToken, 'sub' | 'claims'>,
  authorization?: Authorization,
): ProfileRequest['subject'] | undefined {
  if (authorization?.sub === sub) return authorization
  // Only tokens about a user tell when that user signed in.
  if (claims.auth_time === undefined) return undefined
  const { idp, tenant } = claims
  return {
    sub,
    idp: typeof idp === 'string' ? idp : localProvider,
    ...(typeof tenant === 'string' && { tenant }),
  }
}
