/** The port of entries that are made while the server runs, for the main thread. */

import type { DatabaseSync } from 'node:sqlite'
import type { ClientNeeds } from '../../../model/entry.ts'
import type { EntryStores } from '../../../model/ports/stores.ts'
import { revisionSetting } from '../../tables/entries.ts'
import { codecs } from '../codecs.ts'
import { all, one, reading } from '../statements.ts'
import type { entryWrites } from '../writes/entries.ts'
import type { Calls } from '../writes/operation.ts'
import { messageRows } from './webhooks.ts'

const { names, encode, decode } = codecs.entries

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
      list: reading(database, (kind, { after = '', limit }) =>
        list(kind, after, limit).flatMap(row => decode(row) ?? []),
      ),
      shared: reading(database, () => shared().flatMap(row => decode(row) ?? [])),
      clientIndex: reading(database, (after = -1) => ({
        count: Number(count()?.[0]),
        rows: index(after).map(([id, version, needs]) => ({
          id: String(id),
          version: Number(version),
          ...(needs !== null && { needs: JSON.parse(String(needs)) as ClientNeeds }),
        })),
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
