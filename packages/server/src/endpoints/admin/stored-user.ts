/** Finds the stored user of a call that changes one. */

import type { StoredUsers } from '../../model/ports/stores.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import type { Call } from './operation.ts'
import { type Problem, problem } from './problem.ts'
import { etagOf } from './user-schema.ts'

export const unknownUser = problem('admin_entry_unknown', 'no user has this sub')
export const readOnlyUser = problem('admin_entry_read_only', 'change the user in the configuration file')

/** Returns the stored user of a call that changes it, or why it may not be changed. */
export async function findStored(
  { path: { sub = '' }, conditions }: Pick<Call, 'path' | 'conditions'>,
  configured: ReadonlySet<string>,
  storedUsers: Pick<StoredUsers, 'find'>,
  optional?: 'optional',
): Promise<StoredUser | Problem> {
  if (configured.has(sub)) return readOnlyUser
  const user = await storedUsers.find(sub)
  if (!user) return unknownUser
  return conditions.forChange(etagOf(user), optional) ?? user
}
