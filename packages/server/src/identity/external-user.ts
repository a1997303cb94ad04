/** Commits for users who are not in this server's file or store: users of the operator's store and of providers. */

import type { Commit, CommitOutcome, IdentityLinks, Stores } from '../model/ports/stores.ts'
import { type IdentityProvider, isDerivedSub, type Subject, type Users } from '../model/user.ts'
import type { ConfiguredSubs } from './configured-subs.ts'

/** Returns whether the user exists, and neither the file nor the store of this server has them. */
export type IsExternalUser = (subject: Pick<Subject, 'sub' | 'idp'>) => Promise<boolean>

type ExternalUserPorts = {
  readonly configured: ConfiguredSubs
  readonly users: Pick<Users, 'find'>
  readonly links: Pick<IdentityLinks, 'ofUser'>
  readonly identityProviders: ReadonlyMap<string, Pick<IdentityProvider, 'name'>>
}

/**
 * Users of a provider have no record. One who is linked to a local user is that user, so they are gone if the record is. A
 * password validator or an extension grant can't be asked about a `sub`, so it vouches for nobody here.
 */
export function createExternalUserCheck({
  configured,
  users,
  links,
  identityProviders,
}: ExternalUserPorts): IsExternalUser {
  return async ({ sub, idp }) => {
    const record = await users.find(sub)
    // Only stored users have an epoch.
    if (record) return record.epoch === undefined && !configured.has(sub)
    return identityProviders.has(idp) && (isDerivedSub(sub) || (await links.ofUser(sub)).length === 0)
  }
}

/**
 * Commits for a user. If that is refused because the `sub` was once in the file or that of a stored user, and the user is
 * an external one now, commits as such: see `Commit.external`. Looks the user up only then.
 */
export async function commitForUser(
  commit: Commit,
  subject: Pick<Subject, 'sub' | 'idp'> | undefined,
  {
    stores,
    isExternalUser,
  }: { readonly stores: Pick<Stores, 'commit'>; readonly isExternalUser: IsExternalUser },
): Promise<CommitOutcome> {
  const outcome = await stores.commit(commit)
  return outcome === 'revoked' && subject && (await isExternalUser(subject))
    ? stores.commit({ ...commit, external: true })
    : outcome
}
