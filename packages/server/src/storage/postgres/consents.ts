/** Consents in PostgreSQL. */

import type { Consents } from '../../model/ports/stores.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { all, change, one } from './statements.ts'

const codec = codecs.consents

export function createConsents({ run, locked }: Database): Consents {
  const { names, placeholders } = codec
  const find = one(run, `select ${names} from consents where sub = $1 and client_id = $2`)
  const ofUser = all(run, `select ${names} from consents where sub = $1 order by client_id`)
  const save = change(
    run,
    `insert into consents (${names}) values (${placeholders()})
    on conflict (sub, client_id) do update set (${names}) = row (excluded.*)`,
  )
  // Waits for who is taking it back.
  const stands = one(run, 'select 1 from consents where sub = $1 and client_id = $2 for share')
  const remove = 'delete from consents where sub = $1 and client_id = $2'
  // A statement of its own, after the consent's lock: it sees whatever was written while the consent stood.
  const revokeAll = `update authorizations set revoked_at = $3
    where sub = $1 and client_id = $2 and revoked_at is null`
  return {
    find: async (sub, clientId) => codec.decode((await find(sub, clientId)) ?? []),
    save: async consent => void (await save(...codec.encode(consent))),
    ofUser: async sub => (await ofUser(sub)).flatMap(row => codec.decode(row) ?? []),
    stands: async (sub, clientId) => (await stands(sub, clientId)) !== undefined,
    revoke: (sub, clientId, at) =>
      locked([], async write => {
        if ((await write(remove, [sub, clientId])).count === 0) return false
        await write(revokeAll, [sub, clientId, at])
        return true
      }),
  }
}
