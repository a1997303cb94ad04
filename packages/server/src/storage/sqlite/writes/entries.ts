/** Writes of entries that are made while the server runs. */

import type { DatabaseSync } from 'node:sqlite'
import { revisionSetting } from '../../tables/entries.ts'
import { codecs, type Row } from '../codecs.ts'
import { change, one } from '../statements.ts'
import type { Writes } from './operation.ts'
import { storeMessages } from './webhooks.ts'

const { names, placeholders } = codecs.entries

/** Returns whether nothing was written since this revision, and counts this write. */
function createAdvance(database: DatabaseSync): (since: number) => boolean {
  const find = one(database, `select value from settings where name = '${revisionSetting}'`)
  const put = change(
    database,
    `insert or replace into settings (name, value) values ('${revisionSetting}', ?)`,
  )
  return since => Number(find()?.[0] ?? 0) === since && put(String(since + 1)) === 1
}

export const entryWrites = {
  putEntry(database) {
    const advance = createAdvance(database)
    const store = storeMessages(database)
    const put = change(
      database,
      `insert into entries (${names}) values (${placeholders}) on conflict do update set
        ${names.map(name => `${name} = excluded.${name}`).join(', ')}`,
    )
    // A client that was once in the file, and no longer is.
    const release = change(database, `delete from standing where kind = 'client' and id = ? and stands = 0`)
    return (row: Row, kind: string, id: string, since: number, messages: readonly Row[] | null): boolean => {
      if (!advance(since)) return false
      put(...row)
      store(messages)
      if (kind === 'clients') release(id)
      return true
    }
  },
  removeEntry(database) {
    const advance = createAdvance(database)
    const store = storeMessages(database)
    const remove = change(database, 'delete from entries where kind = ? and id = ?')
    return (kind: string, id: string, since: number, messages: readonly Row[] | null): boolean => {
      if (!advance(since)) return false
      remove(kind, id)
      store(messages)
      return true
    }
  },
} as const satisfies Writes
