/** Exports and deletes everything that is stored about a user, with or without a record. */

import type { PersonalData } from '../../identity/personal-data.ts'
import type { ReplaceUser } from '../../identity/user-replacement.ts'
import type { StoredUsers } from '../../model/ports/stores.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import { recordClaimsOf } from '../../model/user-claims.ts'
import { InvalidStoredValue } from '../../runtime/ports.ts'
import type { Handlers } from './operation.ts'
import { problem } from './problem.ts'
import { readOnlyUser, unknownUser } from './stored-user.ts'
import type { userOperations } from './user-operations.ts'
import { etagOf } from './user-schema.ts'

type UserDataPorts = {
  readonly personalData: Pick<PersonalData, 'exportData' | 'preview' | 'erase'>
  readonly storedUsers: Pick<StoredUsers, 'find'>
  readonly replaceUser: ReplaceUser
}

export const createUserDataHandlers = ({
  personalData,
  storedUsers,
  replaceUser,
}: UserDataPorts): Pick<Handlers<typeof userOperations>, 'exportUser' | 'deleteUser'> => ({
  async exportUser({ path: { sub = '' }, caller }) {
    const exported = await personalData.exportData(sub, caller.client_id)
    return exported.ok ? { ok: true, status: 200, body: exported.value } : unknownUser
  },
  async deleteUser({ path: { sub = '' }, caller, conditions, dryRun, changed }) {
    const found = await personalData.preview(sub)
    if (!found.ok) return found.reason === 'account_configured' ? readOnlyUser : unknownUser
    const { user, etag } = await versionOf(sub, storedUsers)
    const refused = conditions.forChange(etag)
    if (refused) return refused
    if (dryRun) return { ok: true, status: 200, body: { sub, rows: found.value } }
    // Disabling compares the version, so a concurrent change is not deleted unseen.
    const { username = '', email, claims = {} } = user ?? {}
    const emailVerified = user?.email_verified_at !== undefined
    const record = { username, email, emailVerified, ...recordClaimsOf(claims) }
    const disabled = user && (await replaceUser(user, { ...record, active: false }, false))
    if (disabled && !disabled.ok)
      return problem('admin_precondition_failed', 'another request changed the user at the same time', {
        log: { reason: disabled.reason },
      })
    if (!(await personalData.erase(sub, caller.client_id)).ok) return unknownUser
    changed('user', sub)
    return { ok: true, status: 204 }
  },
})

/** A damaged user has no version that a client could name, and is deleted with `If-Match: *`. */
async function versionOf(
  sub: string,
  { find }: UserDataPorts['storedUsers'],
): Promise<{ readonly user?: StoredUser | undefined; readonly etag?: string | undefined }> {
  try {
    const user = await find(sub)
    return { user, etag: user && etagOf(user) }
  } catch (error) {
    if (!(error instanceof InvalidStoredValue)) throw error
    return { etag: 'damaged' }
  }
}
