/** Users who are kept in the store, in SQLite. Triggers write with one whether it stands. */

import type { DatabaseSync } from 'node:sqlite'
import type { StoredUser } from '../../core/stored-user.ts'
import type { StoredUsers } from '../../core/stores.ts'
import { createCodec, type Row } from './columns.ts'
import { all, change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = createCodec<StoredUser>({
  sub: 'value',
  version: 'value',
  username: 'value',
  username_key: 'value',
  tenant: 'value',
  email: 'value',
  email_key: 'value',
  email_verified_at: 'value',
  claims: 'json',
  password: 'value',
  password_changed_at: 'value',
  created_at: 'value',
  disabled_at: 'value',
})

export const storedUserWrites = {
  addStoredUser(database) {
    const insert = change(
      database,
      `insert into stored_users (${codec.names}) values (${codec.marks}) on conflict do nothing`,
    )
    return (user: Row): boolean => insert(...user) === 1
  },
  replaceStoredUser(database) {
    const stands = one(database, 'select 1 from stored_users where sub = ? and version = ?')
    const replace = change(
      database,
      `update or ignore stored_users set (${codec.names}) = (${codec.marks}) where sub = ? and version = ?`,
    )
    return (user: Row, sub: string, version: number): 'replaced' | 'changed' | 'taken' => {
      if (replace(...user, sub, version) === 1) return 'replaced'
      return stands(sub, version) ? 'taken' : 'changed'
    }
  },
} as const satisfies Writes

export function createStoredUsers(
  database: DatabaseSync,
  write: Calls<typeof storedUserWrites>,
): StoredUsers {
  const find = one(database, `select ${codec.names} from stored_users where sub = ?`)
  const byName = one(
    database,
    `select ${codec.names} from stored_users where coalesce(tenant, '') = ? and username_key = ?`,
  )
  const byEmail = one(
    database,
    `select ${codec.names} from stored_users
    where coalesce(tenant, '') = ? and email_key = ? and email_verified_at is not null`,
  )
  const any = one(database, 'select 1 from stored_users limit 1')
  const list = all(database, `select ${codec.names} from stored_users where sub > ? order by sub limit ?`)
  return {
    find: reading(sub => codec.decode(find(sub) ?? [])),
    // No tenant's name is empty.
    findByName: reading((key, tenant) => codec.decode(byName(tenant ?? '', key) ?? [])),
    findByVerifiedEmail: reading((key, tenant) => codec.decode(byEmail(tenant ?? '', key) ?? [])),
    any: reading(() => any() !== undefined),
    list: reading(({ after = '', limit }) => list(after, limit).flatMap(row => codec.decode(row) ?? [])),
    add: user => write.addStoredUser(codec.encode(user)),
    replace: user => write.replaceStoredUser(codec.encode(user), user.sub, user.version - 1),
  }
}
