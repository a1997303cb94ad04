/**
 * Stored users whose `sub` the configuration gives to another user. They can't sign in, and the user of the configuration
 * would otherwise be whoever has their passkeys, sessions and tokens.
 */

import { hashHandle } from '../model/handle.ts'
import type { Settings, Stores } from '../model/ports/stores.ts'
import { identityKey, type StoredUser } from '../model/stored-user.ts'
import type { User } from '../model/user.ts'
import type { Log } from '../runtime/ports.ts'

type Configured = Pick<User, 'sub' | 'username' | 'tenant'>

/** Returns whether they are two people. One who moved to the configuration has kept `sub` and name. */
export const isAnother = (stored: StoredUser, { username, tenant }: Configured): boolean =>
  stored.username_key !== identityKey(username) || stored.tenant !== tenant

type HiddenUsersPorts = {
  readonly configured: readonly Configured[]
  readonly stores: Pick<Stores, 'storedUsers'> & { readonly settings: Pick<Settings, 'get' | 'put'> }
  readonly endAccess: (sub: string) => Promise<unknown>
  readonly log: Pick<Log, 'warn'>
}

/** The users whose access was ended. It is not ended at each start, because that signs the user of the configuration out too. */
const settingName = 'hidden_users'

/** Users that are looked up at the same time. */
const atOnce = 50

/** Returns a function that logs each hidden user, and ends their access unless that was done before. */
export const createHiddenUsersEnd =
  ({ configured, stores: { storedUsers, settings }, endAccess, log }: HiddenUsersPorts) =>
  async (): Promise<void> => {
    const done = (await settings.get(settingName)) ?? ''
    const hidden = await findHidden()
    for (const { sub, username } of hidden) log.warn('stored_user_hidden', { sub, username })
    if (textOf(hidden) === done) return
    for (const { sub } of hidden) await endAccess(sub)
    await settings.put(settingName, textOf(await findHidden()))

    async function findHidden(): Promise<readonly StoredUser[]> {
      if (configured.length === 0 || !(await storedUsers.any())) return []
      const found: StoredUser[] = []
      for (let from = 0; from < configured.length; from += atOnce) {
        const some = configured.slice(from, from + atOnce).map(async user => {
          const stored = await storedUsers.find(user.sub)
          return stored && isAnother(stored, user) ? [stored] : []
        })
        found.push(...(await Promise.all(some)).flat())
      }
      return found
    }
  }

/** Returns a text that does not depend on the order, and changes when the access of one of them ends. Empty for no users. */
const textOf = (users: readonly StoredUser[]): string =>
  users.length === 0
    ? ''
    : hashHandle(JSON.stringify(users.map(({ sub, epoch }) => JSON.stringify([sub, epoch])).toSorted()))
