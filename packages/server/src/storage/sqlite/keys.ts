/** Sealed signing keys in SQLite, the oldest first; of one second, in the order in which they were added. */

import type { DatabaseSync } from 'node:sqlite'
import type { Keys } from '../../model/ports/stores.ts'
import { codecs, type Row } from './codecs.ts'
import { all, change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.keys

export const keyWrites = {
  addKey(database) {
    const newest = one(
      database,
      'select kid from keys where alg = ? order by created_at desc, rowid desc limit 1',
    )
    const insert = change(
      database,
      `insert into keys (${codec.names}) values (${codec.placeholders}) on conflict do nothing`,
    )
    return (key: Row, alg: string, newestSeen: string | undefined): boolean =>
      newest(alg)?.[0] === newestSeen && insert(...key) === 1
  },
  removeKey(database) {
    const remove = change(database, 'delete from keys where kid = ?')
    return (kid: string): void => void remove(kid)
  },
} as const satisfies Writes

export function createKeys(database: DatabaseSync, write: Calls<typeof keyWrites>): Keys {
  const rows = all(database, `select ${codec.names} from keys order by created_at, rowid`)
  return {
    all: reading(database, () => rows().flatMap(row => codec.decode(row) ?? [])),
    add: (key, newestSeen) => write.addKey(codec.encode(key), key.alg, newestSeen),
    remove: kid => write.removeKey(kid),
  }
}
