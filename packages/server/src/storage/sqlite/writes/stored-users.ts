/** Writes of stored users. Triggers write their principals. */

import type { DatabaseSync } from 'node:sqlite'
import type { AccessEnding } from '../../../model/ports/stores.ts'
import { isStoredClient } from '../../tables/subjects.ts'
import { codecs, type Row } from '../codecs.ts'
import { change, one } from '../statements.ts'
import type { Writes } from './operation.ts'
import { createEndAccess, type Ended } from './sessions.ts'
import { storeMessages } from './webhooks.ts'

export const storedUserWrites = {
  addStoredUser(database) {
    const taken = createNameCheck(database)
    const isClient = one(database, `select 1 where ${isStoredClient('?1')}`)
    const insert = change(
      database,
      `insert into stored_users (${codecs.storedUsers.names}) values (${codecs.storedUsers.placeholders}) on conflict do nothing`,
    )
    const store = storeMessages(database)
    return (user: Row, sub: string, names: Names, messages: readonly Row[] | null): boolean => {
      if (isClient(sub) || taken(sub, names) || insert(...user) === 0) return false
      store(messages)
      return true
    }
  },
  replaceStoredUser(database) {
    const find = one(database, 'select 1 from stored_users where sub = ? and version = ?')
    const replace = change(
      database,
      `update or ignore stored_users set (${codecs.storedUsers.names}) = (${codecs.storedUsers.placeholders}) where sub = ? and version = ?`,
    )
    const taken = createNameCheck(database)
    const endAccess = createEndAccess(database)
    const store = storeMessages(database)
    return (
      user: Row,
      sub: string,
      version: number,
      names: Names,
      ending: AccessEnding | null,
      messages: readonly Row[] | null,
    ): readonly Ended[] | 'changed' | 'taken' => {
      if (!find(sub, version)) return 'changed'
      if (taken(sub, names) || replace(...user, sub, version) === 0) return 'taken'
      store(messages)
      return ending ? endAccess(sub, ending) : []
    }
  },
  upgradeStoredPassword(database) {
    const upgrade = change(database, 'update stored_users set password = ? where sub = ? and password = ?')
    return (sub: string, from: string, to: string): boolean => upgrade(to, sub, from) === 1
  },
} as const satisfies Writes

/** Tenant, name and verified address, in normalized form (see `identityKey`). */
export type Names = readonly [tenant: string, username: string, address: string | null]

/**
 * Checks whether the name is another user's verified address, or the address another user's name. No index covers this.
 */
function createNameCheck(database: DatabaseSync): (sub: string, names: Names) => boolean {
  const clash = one(
    database,
    `select 1 from stored_users where coalesce(tenant, '') = ?2 and email_key = ?3
      and email_verified_at is not null and sub <> ?1
    union all
    select 1 from stored_users where coalesce(tenant, '') = ?2 and username_key = ?4 and sub <> ?1`,
  )
  return (sub, [tenant, username, address]) => clash(sub, tenant, username, address) !== undefined
}
