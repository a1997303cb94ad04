/** Passkeys in PostgreSQL. */

import type { Passkeys } from '../../model/ports/stores.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { factorsOf } from './second-factors.ts'
import { all, change, one } from './statements.ts'

const codec = codecs.passkeys

const { names, count, placeholders } = codec
const addPasskey = `insert into passkeys (${names}) select ${placeholders()}
  where (select count(*) from passkeys where sub = $2) < $${count + 1}::bigint on conflict do nothing`

export function createPasskeys({ run, locked }: Database): Passkeys {
  const find = one(run, `select ${names} from passkeys where id = $1`)
  const of = all(run, `select ${names} from passkeys where sub = $1 order by place`)
  const rename = change(run, 'update passkeys set name = $3 where sub = $1 and id = $2')
  const use = change(
    run,
    `update passkeys set counter = $2, backed_up = $3, last_used_at = $4
    where id = $1 and (counter < $2 or (counter = 0 and $2 = 0))`,
  )
  return {
    find: async id => codec.decode((await find(id)) ?? []),
    of: async sub => (await of(sub)).flatMap(row => codec.decode(row) ?? []),
    // Counted before it is added: one at a time for each user.
    add: (passkey, most) =>
      locked(
        [factorsOf(passkey.sub)],
        async write => (await write(addPasskey, [...codec.encode(passkey), most])).count === 1,
      ),
    rename: async (sub, id, name) => (await rename(sub, id, name)) === 1,
    use: async (id, { counter, backed_up, at }) =>
      (await use(id, counter, JSON.stringify(backed_up), at)) === 1,
  }
}
