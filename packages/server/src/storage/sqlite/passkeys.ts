/** Passkeys in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { Passkeys } from '../../model/ports/stores.ts'
import { codecs, type Row } from './codecs.ts'
import { all, change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.passkeys

export const passkeyWrites = {
  addPasskey(database) {
    const count = one(database, 'select count(*) from passkeys where sub = ?')
    const insert = change(
      database,
      `insert into passkeys (${codec.names}) values (${codec.placeholders}) on conflict do nothing`,
    )
    return (passkey: Row, sub: string, most: number): boolean =>
      Number(count(sub)?.[0]) < most && insert(...passkey) === 1
  },
  renamePasskey(database) {
    const rename = change(database, 'update passkeys set name = ? where sub = ? and id = ?')
    return (sub: string, id: string, name: string): boolean => rename(name, sub, id) === 1
  },
  usePasskey(database) {
    const use = change(
      database,
      `update passkeys set counter = ?2, backed_up = ?3, last_used_at = ?4
       where id = ?1 and (counter < ?2 or (counter = 0 and ?2 = 0))`,
    )
    return (id: string, counter: number, backedUp: string, at: number): boolean =>
      use(id, counter, backedUp, at) === 1
  },
} as const satisfies Writes

export function createPasskeys(database: DatabaseSync, write: Calls<typeof passkeyWrites>): Passkeys {
  const find = one(database, `select ${codec.names} from passkeys where id = ?`)
  const of = all(database, `select ${codec.names} from passkeys where sub = ? order by rowid`)
  return {
    find: reading(database, id => codec.decode(find(id) ?? [])),
    of: reading(database, sub => of(sub).flatMap(row => codec.decode(row) ?? [])),
    add: (passkey, most) => write.addPasskey(codec.encode(passkey), passkey.sub, most),
    rename: (sub, id, name) => write.renamePasskey(sub, id, name),
    use: (id, { counter, backed_up, at }) => write.usePasskey(id, counter, JSON.stringify(backed_up), at),
  }
}
