/** Users who are kept in the store, in memory. */

import type { StoredUsers } from '../../model/ports/stores.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import { endAccess } from './access.ts'
import type { Tables } from './tables.ts'

export function createStoredUsers(tables: Tables): StoredUsers {
  const { userRecords, storedUsers } = tables
  const ofTenant = (tenant: string | undefined) =>
    [...userRecords.values()].filter(user => user.tenant === tenant)
  const verified = (user: StoredUser) => user.email_verified_at !== undefined && user.email_key !== undefined
  /** Its name, and its address where that is verified: each is nobody else's, as the one or as the other. */
  const namesOf = (user: StoredUser) => [user.username_key, ...(verified(user) ? [user.email_key ?? ''] : [])]
  const clash = (user: StoredUser): boolean =>
    ofTenant(user.tenant).some(
      other => other.sub !== user.sub && namesOf(other).some(name => namesOf(user).includes(name)),
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
      // Also that of a user who was removed.
      if (storedUsers.has(user.sub) || clash(user)) return false
      write(user)
      return true
    },
    async replace(user, ending) {
      if (userRecords.get(user.sub)?.version !== user.version - 1) return { outcome: 'changed' }
      if (clash(user)) return { outcome: 'taken' }
      write(user)
      return { outcome: 'replaced', ended: ending ? endAccess(tables, user.sub, ending) : [] }
    },
    async remove(sub, ending) {
      if (!userRecords.delete(sub)) return undefined
      storedUsers.set(sub, false)
      for (const { upstream, sub: owner } of tables.sessions.values())
        if (owner === sub && upstream !== undefined) tables.upstreamSessions.delete(upstream)
      tables.totpSecrets.delete(sub)
      tables.recoveryCodes.delete(sub)
      for (const table of [tables.passkeys, tables.identityLinks, tables.consents])
        for (const [id, row] of table) if (row.sub === sub) table.delete(id)
      return endAccess(tables, sub, ending)
    },
  }
}
