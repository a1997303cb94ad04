/** Consents in PostgreSQL. */

import type { Consent } from '../../core/authorization.ts'
import type { Consents } from '../../core/stores.ts'
import { createCodec } from './columns.ts'
import type { Database } from './database.ts'
import { all, change, one } from './statements.ts'

const codec = createCodec<Consent>({
  sub: 'text',
  client_id: 'text',
  scope: 'json',
  created_at: 'integer',
  remembered: 'json',
  remembered_until: 'integer',
})

export function createConsents({ run }: Database): Consents {
  const { names, marks } = codec
  const find = one(run, `select ${names} from consents where sub = $1 and client_id = $2`)
  const ofUser = all(run, `select ${names} from consents where sub = $1 order by client_id`)
  const save = change(
    run,
    `insert into consents (${names}) values (${marks()})
    on conflict (sub, client_id) do update set (${names}) = row (excluded.*)`,
  )
  const revoke = one(
    run,
    `with gone as (delete from consents where sub = $1 and client_id = $2 returning 1),
    revoked as (
      update authorizations set revoked_at = $3
      where sub = $1 and client_id = $2 and revoked_at is null and exists (select 1 from gone))
    select exists (select 1 from gone)`,
  )
  return {
    find: async (sub, clientId) => codec.decode((await find(sub, clientId)) ?? []),
    save: async consent => void (await save(...codec.encode(consent))),
    ofUser: async sub => (await ofUser(sub)).flatMap(row => codec.decode(row) ?? []),
    revoke: async (sub, clientId, at) => (await revoke(sub, clientId, at))?.[0] === true,
  }
}
