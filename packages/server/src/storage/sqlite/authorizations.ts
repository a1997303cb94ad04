/** Authorizations in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { AuthorizationId } from '../../model/authorization.ts'
import type { Authorizations } from '../../model/ports/stores.ts'
import { codecs, type Row } from './codecs.ts'
import { all, change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

export const authorizationCodec = codecs.authorizations

const { names, placeholders } = authorizationCodec
const end = names.indexOf('expires_at') + 1

export function insertAuthorization(database: DatabaseSync): (row: Row) => void {
  const insert = change(
    database,
    `insert into authorizations (${names}, clean_at) values (${placeholders}, ?${end})`,
  )
  return row => void insert(...row)
}

export const authorizationWrites = {
  revokeAuthorization(database) {
    const revoke = change(
      database,
      'update authorizations set revoked_at = ? where id = ? and revoked_at is null',
    )
    return (id: AuthorizationId, at: number): void => void revoke(at, id)
  },
  trimAuthorizations(database) {
    const surplus = all(
      database,
      `select id from (
        select id from authorizations where sub = ? order by expires_at desc, id desc limit ? offset ?) as found
      where not exists (select 1 from codes where authorization_id = found.id and used_at is null)`,
    )
    const deletions = [
      'codes where authorization_id',
      'families where authorization_id',
      'authorizations where id',
    ].map(condition => change(database, `delete from ${condition} = ?`))
    return (sub: string, keep: number, most: number): number => {
      const ids = surplus(sub, most, keep).flat()
      for (const id of ids) for (const remove of deletions) remove(id as string)
      return ids.length
    }
  },
} as const satisfies Writes

export function createAuthorizations(
  database: DatabaseSync,
  write: Calls<typeof authorizationWrites>,
): Authorizations {
  const find = one(database, `select ${names} from authorizations where id = ?`)
  return {
    find: reading(database, id => authorizationCodec.decode(find(id) ?? [])),
    revoke: (id, at) => write.revokeAuthorization(id, at),
    trim: (sub, keep, most) => write.trimAuthorizations(sub, keep, most),
  }
}
