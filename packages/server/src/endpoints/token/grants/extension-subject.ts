/** The user that an extension grant decided on, with what shows whether their access ended meanwhile. */

import type { JsonObject } from '@tessera/protocol/result'
import { accessOf } from '../../../identity/access-endings.ts'
import type { Authorization } from '../../../model/authorization.ts'
import type { GrantContext, GrantDecision } from '../../../model/extension-grant.ts'
import { mergeClaims } from '../../../model/merged-claims.ts'
import type { CheckedSubject, User } from '../../../model/user.ts'
import type { ActiveToken } from '../../../tokens/verification.ts'
import type { GrantPorts, TokenSubject } from '../decision.ts'

type FoundUsers = {
  /** Finds users for the grant, and keeps them as they were before it checked anything else. */
  readonly user: GrantContext['user']
}

export function createFoundUsers({ extension }: Pick<GrantPorts, 'extension'>): FoundUsers {
  const found = new Map<string, User>()
  return {
    async user(sub) {
      const user = found.get(sub) ?? (await extension.user(sub))
      if (user) found.set(sub, user)
      return user
    },
  }
}

/** The record of a decision's user, and their access. */
export type DecidedUser = { readonly record?: User | undefined } & Pick<CheckedSubject, 'epoch' | 'ending'>

/**
 * Reads the user of a decision. A token that is derived from an earlier sign-in ends with its authorization, so the access
 * is read only for a new one, and the record only of another user.
 */
export async function decidedUserOf(
  { subject, derivedFrom }: GrantDecision,
  source: ActiveToken | undefined,
  { user }: FoundUsers,
  { accessEndings }: Pick<GrantPorts, 'accessEndings'>,
): Promise<DecidedUser> {
  if (!subject || signInOf(subject.sub, source)) return {}
  const record = await user(subject.sub)
  if (derivedFrom?.authorization_id !== undefined) return { record }
  return { record, ...(await accessOf(subject.sub, record, accessEndings)) }
}

/** Returns the authorization of the original token, if it is a sign-in of this user. */
export const signInOf = (sub: string, source: ActiveToken | undefined): Authorization | undefined =>
  source?.authorization?.sub === sub ? source.authorization : undefined

/**
 * Takes the tenant, and the claims that the grant does not set, from the original token's authorization, as a refresh
 * does. Without one, the tenant is that of the user's record. It never comes from the request.
 */
export function subjectOf(
  given: NonNullable<GrantDecision['subject']>,
  { record, ...access }: DecidedUser,
  source: ActiveToken | undefined,
  { clock }: Pick<GrantPorts, 'clock'>,
): TokenSubject {
  const now = clock.now()
  const { tenant: _, auth_time = now, ...rest } = given
  const signedIn = signInOf(given.sub, source)
  const { tenant } = signedIn ?? record ?? {}
  return {
    idp: 'local',
    amr: [],
    ...rest,
    ...(signedIn?.claims && { claims: mergeClaims(signedIn.claims, given.claims ?? {}) as JsonObject }),
    auth_time,
    ...(auth_time !== now && { signed_in_at: now }),
    tenant,
    ...access,
  }
}
