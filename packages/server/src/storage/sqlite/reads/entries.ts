/** The port of entries that are made while the server runs, for the main thread. */

import type { DatabaseSync } from 'node:sqlite'
import type { EntryStores } from '../../../model/ports/stores.ts'
import { indexedClients, revisionSetting } from '../../tables/entries.ts'
import { fullPage } from '../../tables/full-page.ts'
import { codecs } from '../codecs.ts'
import { all, one, reading } from '../statements.ts'
import type { entryWrites } from '../writes/entries.ts'
import type { Calls } from '../writes/operation.ts'
import { messageRows } from './webhooks.ts'

const { names, encode, decode, decodeAll } = codecs.entries

export function createEntryStores(database: DatabaseSync, write: Calls<typeof entryWrites>): EntryStores {
  const revision = one(database, `select value from settings where name = '${revisionSetting}'`)
  const find = one(database, `select ${names} from entries where kind = ? and id = ?`)
  const list = all(database, `select ${names} from entries where kind = ? and id > ? order by id limit ?`)
  const shared = all(database, `select ${names} from entries where kind <> 'clients' order by kind, id`)
  const count = one(database, `select count(*) from entries where kind = 'clients'`)
  const index = all(
    database,
    `select id, version, iif(enabled = 1, needs, null) from entries where kind = 'clients' and revision > ?`,
  )
  return {
    entries: {
      revision: reading(database, () => Number(revision()?.[0] ?? 0)),
      find: reading(database, (kind, id) => decode(find(kind, id) ?? [])),
      list: (kind, { after = '', limit }) =>
        fullPage(
          limit,
          reading(database, ([, id] = ['', after]) => list(kind, String(id), limit)),
          rows => decodeAll(database, rows),
        ),
      shared: reading(database, () => decodeAll(database, shared())),
      clientIndex: reading(database, (after = -1) => ({
        count: Number(count()?.[0]),
        rows: indexedClients(database, index(after)),
      })),
      put: (entry, since, messages) =>
        write.putEntry(
          encode({ ...entry, revision: since + 1 }),
          entry.kind,
          entry.id,
          since,
          messageRows(messages),
        ),
      remove: (kind, id, { revision: since, at }, messages) =>
        write.removeEntry(kind, id, since, at, messageRows(messages)),
    },
  }
}
