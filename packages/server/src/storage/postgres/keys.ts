/** Sealed signing keys in PostgreSQL, the oldest first; of one second, in the order in which they were added. */

import type { Keys } from '../../model/ports/stores.ts'
import { announce, type Changes } from './changes.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { all, change } from './statements.ts'

const codec = codecs.keys

const { names, count, placeholders } = codec
const addKey = `insert into keys (${names}) select ${placeholders()}
  where (select kid from keys where alg = $2 order by created_at desc, place desc limit 1)
    is not distinct from $${count + 1}::text
  on conflict do nothing`

export function createKeys({ run, locked, schema }: Database, changes: Changes): Keys {
  const rows = all(run, `select ${names} from keys order by created_at, place`)
  const remove = change(
    run,
    `with gone as (delete from keys where kid = $1 returning 1) ${announce} from gone`,
  )
  return {
    all: async () => (await rows()).flatMap(row => codec.decode(row) ?? []),
    // The nodes elect who rotates by this lock: one adds its key, the others find that theirs is not wanted.
    add: (key, newestSeen) =>
      locked(['keys'], async write => {
        const { count } = await write(addKey, [...codec.encode(key), newestSeen ?? null])
        if (count === 1) await write(announce, [])
        return count === 1
      }),
    remove: async kid => void (await remove(kid)),
    watch: changed => changes.watch(schema, changed),
  }
}
