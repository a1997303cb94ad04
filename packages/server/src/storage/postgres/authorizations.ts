/** Authorizations in PostgreSQL. */

import type { Authorization } from '../../model/authorization.ts'
import type { Authorizations } from '../../model/ports/stores.ts'
import { free } from './batches.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { byKey } from './gathering.ts'
import { change } from './statements.ts'

export const authorizationCodec = codecs.authorizations

const { names, count, placeholders, encode, decode } = authorizationCodec

/** An insert of a row's parameters, from this number on, where the condition holds. */
export const insertAuthorization = (from: number, where = 'true'): string =>
  `insert into authorizations (${names}, clean_at) select ${placeholders(from)}, $${from + count}::bigint where ${where}`

/** The parameters of that insert. */
export const authorizationRow = (authorization: Authorization) => [
  ...encode(authorization),
  authorization.expires_at,
]

export function createAuthorizations({ run }: Database): Authorizations {
  const find = byKey(run, `select ${names} from authorizations where id = any ($1::text[])`)
  const revoke = change(run, 'update authorizations set revoked_at = $2 where id = $1 and revoked_at is null')
  // Found first and locked then: `for update` would lock the rows that `offset` skips too, which are those that are kept.
  // Passes over authorizations that a request is extending.
  const trim = change(
    run,
    `with found as materialized (
      select id from authorizations where sub = $1 order by expires_at desc, id desc limit $3::bigint offset $2::bigint),
    surplus as materialized (
      select id from authorizations where id = any (array(select id from found))
        and not exists (select from codes where authorization_id = authorizations.id and used_at is null)
      order by id ${free}),
    of_codes as (delete from codes where authorization_id in (select id from surplus)),
    of_families as (delete from families where authorization_id in (select id from surplus))
    delete from authorizations where id in (select id from surplus)`,
  )
  return {
    find: async id => decode((await find(id)) ?? []),
    revoke: async (id, at) => void (await revoke(id, at)),
    trim: (sub, keep, most) => trim(sub, keep, most),
  }
}
