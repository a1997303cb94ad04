/** Users who are kept in the store, in SQLite. Triggers write with one whether it stands. */

import type { DatabaseSync } from 'node:sqlite'
import type { AccessEnding, StoredUsers } from '../../model/ports/stores.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import { createEndAccess } from './access.ts'
import { codecs, type Row } from './codecs.ts'
import { type Ended, endedOf } from './sessions.ts'
import { all, change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.storedUsers

export const storedUserWrites = {
  addStoredUser(database) {
    const taken = createNameCheck(database)
    const insert = change(
      database,
      `insert into stored_users (${codec.names}) values (${codec.placeholders}) on conflict do nothing`,
    )
    return (user: Row, sub: string, names: Names): boolean => !taken(sub, names) && insert(...user) === 1
  },
  replaceStoredUser(database) {
    const stands = one(database, 'select 1 from stored_users where sub = ? and version = ?')
    const replace = change(
      database,
      `update or ignore stored_users set (${codec.names}) = (${codec.placeholders}) where sub = ? and version = ?`,
    )
    const taken = createNameCheck(database)
    const endAccess = createEndAccess(database)
    return (
      user: Row,
      sub: string,
      version: number,
      names: Names,
      ending: AccessEnding | null,
    ): readonly Ended[] | 'changed' | 'taken' => {
      if (!stands(sub, version)) return 'changed'
      if (taken(sub, names) || replace(...user, sub, version) === 0) return 'taken'
      return ending ? endAccess(sub, ending) : []
    }
  },
  removeStoredUser(database) {
    const remove = change(database, 'delete from stored_users where sub = ?')
    const endUpstream = change(
      database,
      'delete from upstream_sessions where id in (select upstream from sessions where sub = ?)',
    )
    const endAccess = createEndAccess(database)
    const removals = ['totp_secrets', 'passkeys', 'recovery_codes', 'identity_links', 'consents'].map(table =>
      change(database, `delete from ${table} where sub = ?`),
    )
    return (sub: string, ending: AccessEnding): readonly Ended[] | undefined => {
      if (remove(sub) === 0) return undefined
      endUpstream(sub)
      for (const removeAll of removals) removeAll(sub)
      return endAccess(sub, ending)
    }
  },
} as const satisfies Writes

/** Tenant, name and verified address, as they are compared. */
type Names = readonly [tenant: string, username: string, address: string | null]

const namesOf = ({ tenant = '', username_key, email_key, email_verified_at }: StoredUser): Names => [
  tenant,
  username_key,
  email_verified_at === undefined ? null : (email_key ?? null),
]

/** Whether the name is another's verified address, or the address another's name: the indexes see only like with like. */
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
    find: reading(database, sub => codec.decode(find(sub) ?? [])),
    // No tenant's name is empty.
    findByName: reading(database, (key, tenant) => codec.decode(byName(tenant ?? '', key) ?? [])),
    findByVerifiedEmail: reading(database, (key, tenant) => codec.decode(byEmail(tenant ?? '', key) ?? [])),
    any: reading(database, () => any() !== undefined),
    list: reading(database, ({ after = '', limit }) =>
      list(after, limit).flatMap(row => codec.decode(row) ?? []),
    ),
    add: user => write.addStoredUser(codec.encode(user), user.sub, namesOf(user)),
    async replace(user, ending) {
      const row = codec.encode(user)
      const { sub, version } = user
      const replaced = await write.replaceStoredUser(row, sub, version - 1, namesOf(user), ending ?? null)
      return typeof replaced === 'string'
        ? { outcome: replaced }
        : { outcome: 'replaced', ended: replaced.flatMap(ended => endedOf(ended) ?? []) }
    },
    async remove(sub, ending) {
      return (await write.removeStoredUser(sub, ending))?.flatMap(ended => endedOf(ended) ?? [])
    },
  }
}
