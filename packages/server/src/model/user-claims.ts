/** Which claims the `claims` of a stored user may contain, and what counts of those that are stored. */

import type { JsonObject } from '@tessera/protocol/result'
import { type Membership, type Memberships, memberships } from './membership.ts'
import { untagged } from './resource.ts'
import { reservedClaims } from './user.ts'

/** Claims that are members of a stored user, so that `claims` must not contain them. */
const ownMembers: ReadonlySet<string> = new Set(['email', 'email_verified', ...memberships])

/** `member`: the claim is a member of the user. `reserved`: only this server may set it. */
export type ClaimProblem = { readonly claim: string; readonly kind: 'member' | 'reserved' }

/**
 * Returns why a stored user can't have a claim of this name in `claims`; undefined if they can. A language tag makes no
 * difference, because a client that asks for the language gets such a value under the name without it (OpenID Connect
 * Core 1.0 §5.2).
 */
export function problemOfClaim(claim: string): ClaimProblem | undefined {
  const name = untagged(claim)
  if (ownMembers.has(name)) return { claim, kind: 'member' }
  return reservedClaims.has(name) ? { claim, kind: 'reserved' } : undefined
}

/** Returns the first claim that a stored user can't have in `claims`, and why. */
export function problemOfClaims(claims: JsonObject): ClaimProblem | undefined {
  for (const name of Object.keys(claims)) {
    const problem = problemOfClaim(name)
    if (problem) return problem
  }
  return undefined
}

/** The claims of a stored user as their record shows them: groups and roles are members beside `claims`. */
export type RecordClaims = Memberships & { readonly claims: JsonObject }

/**
 * Splits the stored claims of a user. Omits what `claims` must not contain, because an earlier version stored it, and
 * groups and roles that are not lists, because they were not written as groups and roles.
 */
export function recordClaimsOf(stored: JsonObject): RecordClaims {
  const claims = Object.entries(stored).filter(([name]) => problemOfClaim(name) === undefined)
  const [groups, roles] = memberships.map(kind => listOf(stored, kind))
  return { claims: Object.fromEntries(claims), ...(groups && { groups }), ...(roles && { roles }) }
}

function listOf(stored: JsonObject, kind: Membership): readonly string[] | undefined {
  const list = Object.hasOwn(stored, kind) ? stored[kind] : undefined
  return Array.isArray(list) ? list.filter(name => typeof name === 'string') : undefined
}
