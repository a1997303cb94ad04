/** Decides which stored users are hidden by those of the configuration. */

import type { StoredUser } from '../model/stored-user.ts'

/** The `sub` of each user of the configuration. */
export type ConfiguredSubs = Pick<ReadonlySet<string>, 'has'>

export const subsOf = (users: readonly { readonly sub: string }[]): ReadonlySet<string> =>
  new Set(users.map(({ sub }) => sub))

/**
 * Returns the stored user; undefined if there is none, or if the configuration has its `sub`: two people would sign in as
 * one user.
 */
export const visibleStored = (
  stored: StoredUser | undefined,
  configured: ConfiguredSubs,
): StoredUser | undefined => (stored && !configured.has(stored.sub) ? stored : undefined)
