/** Passwords of users, and what else gives access to their accounts. */

import type { Accounts } from '../../identity/accounts.ts'
import type { StoredUsers } from '../../model/ports/stores.ts'
import { importedPasswordHash } from '../../runtime/password-hash/exported.ts'
import { passwordHashError } from '../../runtime/password-hash/read.ts'
import type { Handlers } from './operation.ts'
import { type EntryError, invalidEntry, problem } from './problem.ts'
import { findStored } from './stored-user.ts'
import type { userOperations } from './user-operations.ts'
import { shownUser } from './user-schema.ts'

type PasswordPorts = {
  /** The `sub` of each user of the configuration file. */
  readonly configured: ReadonlySet<string>
  readonly storedUsers: Pick<StoredUsers, 'find'>
  readonly accounts: Pick<Accounts, 'passwordProblem' | 'setPassword' | 'setPasswordHash'>
  /** Removes all second factors of a user, and returns how many apps and passkeys there were. */
  readonly resetFactors: (sub: string) => Promise<number>
}

export const createPasswordHandlers = ({
  configured,
  storedUsers,
  accounts,
  resetFactors,
}: PasswordPorts): Pick<Handlers<typeof userOperations>, 'setUserPassword' | 'resetSecondFactors'> => ({
  async setUserPassword(call) {
    const user = await findStored(call, configured, storedUsers, 'optional')
    if ('ok' in user) return user
    const { password, password_hash: exported } = call.body
    const errors = passwordErrors(call.body, user, accounts)
    if (errors.length > 0) return invalidEntry(errors)
    if (call.dryRun) return { ok: true, status: 200, body: shownUser(user) }
    const set =
      password === undefined
        ? await accounts.setPasswordHash(user, importedPasswordHash(exported ?? ''))
        : await accounts.setPassword(user, password)
    if (!set.ok) return problem('admin_entry_changed', 'try again', { log: { reason: set.reason } })
    call.changed('user', user.sub)
    return { ok: true, status: 204 }
  },
  async resetSecondFactors(call) {
    const { sub = '' } = call.path
    const removed = await resetFactors(sub)
    if (removed > 0) call.changed('user', sub)
    return { ok: true, status: 200, body: { removed } }
  },
})

type Given = { readonly password?: string | undefined; readonly password_hash?: string | undefined }
type Named = { readonly username: string; readonly email?: string | undefined }

const tooWeak = {
  too_short: 'it is too short',
  too_long: 'it is too long',
  too_common: 'it is too easy to guess',
  like_name: 'it is too similar to the name of the user',
} as const

/** Returns what is wrong with a password or a hash. */
export function passwordErrors(
  { password, password_hash: exported }: Given,
  { username, email }: Named,
  accounts: Pick<Accounts, 'passwordProblem'>,
): readonly EntryError[] {
  if (exported !== undefined) {
    const error = passwordHashError(importedPasswordHash(exported))
    return error ? [{ path: 'password_hash', ...error, fix: 'export the hash as documented' }] : []
  }
  if (password === undefined) return []
  const weak = accounts.passwordProblem(password, { username, ...(email !== undefined && { email }) })
  return weak
    ? [
        {
          path: 'password',
          problem: tooWeak[weak],
          expected: 'a password that accounts.password_policy allows',
          fix: 'choose another password',
        },
      ]
    : []
}
