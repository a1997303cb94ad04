/** Groups and roles of users, which are the claims `groups` and `roles` (RFC 7643 §4.1.2, RFC 9068 §2.2.3.1). */

import type { JsonObject } from '@tessera/protocol/result'

export const memberships = ['groups', 'roles'] as const
export type Membership = (typeof memberships)[number]
/** Omitted: not set, so that a provider's claim counts. Empty: none. */
export type Memberships = { readonly [Kind in Membership]?: readonly string[] }

/**
 * The maximum number of groups, and of roles, of a configured or stored user. Limited, because tokens must fit into
 * HTTP headers.
 */
export const mostMemberships = 200
export const longestMembership = 200

/** Returns whether a group or role can have this name: one line of at most 200 characters. */
export const isMembershipName = (name: string): boolean =>
  name.trim() === name &&
  name !== '' &&
  name.length <= longestMembership &&
  !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name)

/** Returns whether the user can have these groups and roles. */
export const areMembershipNames = ({ groups = [], roles = [] }: Memberships): boolean =>
  [groups, roles].every(names => names.length <= mostMemberships && names.every(isMembershipName))

/** Returns the user's groups or roles. A claim with a single name counts as a list of one. */
export const membershipsOf = (claims: JsonObject, kind: Membership): readonly string[] =>
  Object.hasOwn(claims, kind) ? [claims[kind]].flat().filter(name => typeof name === 'string') : []

/** Returns the claims with these groups and roles, each name once. Omitted ones are not changed. */
export const withMemberships = (claims: JsonObject, { groups, roles }: Memberships): JsonObject => ({
  ...claims,
  ...(groups && { groups: [...new Set(groups)] }),
  ...(roles && { roles: [...new Set(roles)] }),
})
