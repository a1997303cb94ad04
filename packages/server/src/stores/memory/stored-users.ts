/** Users who are kept in the store, in memory. */

import type { StoredUser } from '../../core/stored-user.ts'
import type { StoredUsers } from '../../core/stores.ts'
import type { Tables } from './tables.ts'

export function createStoredUsers({ userRecords, storedUsers }: Tables): StoredUsers {
  const ofTenant = (tenant: string | undefined) =>
    [...userRecords.values()].filter(user => user.tenant === tenant)
  const verified = (user: StoredUser) => user.email_verified_at !== undefined && user.email_key !== undefined
  const clash = (user: StoredUser): boolean =>
    ofTenant(user.tenant).some(
      other =>
        other.sub !== user.sub &&
        (other.username_key === user.username_key ||
          (verified(user) && verified(other) && other.email_key === user.email_key)),
    )
  const write = (user: StoredUser): void => {
    userRecords.set(user.sub, user)
    storedUsers.set(user.sub, user.disabled_at === undefined)
  }

  return {
    find: sub => userRecords.get(sub),
    findByName: (key, tenant) => ofTenant(tenant).find(user => user.username_key === key),
    findByVerifiedEmail: (key, tenant) =>
      ofTenant(tenant).find(user => verified(user) && user.email_key === key),
    any: () => userRecords.size > 0,
    list: ({ after = '', limit }) =>
      [...userRecords.values()]
        .filter(({ sub }) => sub > after)
        .sort((a, b) => (a.sub < b.sub ? -1 : 1))
        .slice(0, limit),
    async add(user) {
      if (userRecords.has(user.sub) || clash(user)) return false
      write(user)
      return true
    },
    async replace(user) {
      if (userRecords.get(user.sub)?.version !== user.version - 1) return 'changed'
      if (clash(user)) return 'taken'
      write(user)
      return 'replaced'
    },
  }
}
