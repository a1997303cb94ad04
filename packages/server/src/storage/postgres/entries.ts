/** Entries that are made while the server runs, in PostgreSQL. */

import type { ClientNeeds } from '../../model/entry.ts'
import type { EntryStores, Messages } from '../../model/ports/stores.ts'
import { revisionSetting } from '../tables/entries.ts'
import { announce, type Changes } from './changes.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { all, one, type Run } from './statements.ts'
import { storeMessages } from './webhooks.ts'

const { names, placeholders, encode, decode } = codecs.entries

const findRevision = `select value from settings where name = '${revisionSetting}'`
const putRevision = `insert into settings (name, value) values ('${revisionSetting}', $1)
  on conflict (name) do update set value = excluded.value`

const putEntry = `insert into entries (${names}) values (${placeholders()})
  on conflict (kind, id) do update set (${names}) = row (${names
    .split(', ')
    .map(name => `excluded.${name}`)
    .join(', ')})`
const enable = `insert into standing (kind, id, stands) values ('stored_client', $1, $2)
  on conflict (kind, id) do update set stands = excluded.stands`
/** Releases the id of a client that was once in the file, and no longer is. */
const release = `delete from standing where kind = 'client' and id = $1 and stands = 0`
const removeEntry = 'delete from entries where kind = $1 and id = $2'
const disable = `delete from standing where kind = 'stored_client' and id = $1`

export function createEntryStores({ run, locked, schema }: Database, changes: Changes): EntryStores {
  const revision = one(run, findRevision)
  const find = one(run, `select ${names} from entries where kind = $1 and id = $2`)
  const list = all(
    run,
    `select ${names} from entries where kind = $1 and id > $2 order by id limit $3::bigint`,
  )
  const shared = all(run, `select ${names} from entries where kind <> 'clients' order by kind, id`)
  const count = one(run, `select count(*) from entries where kind = 'clients'`)
  const index = all(
    run,
    `select id, version, case when enabled = 1 then needs end from entries
    where kind = 'clients' and revision > $1::bigint`,
  )

  /** Writes one after the other, unless another write came before this one. */
  const writing = (
    since: number,
    messages: Messages | undefined,
    work: (write: Run) => Promise<void>,
  ): Promise<boolean> =>
    locked(['entries'], async write => {
      const [value] = (await write(findRevision, [])).rows[0] ?? []
      if (Number(value ?? 0) !== since) return false
      await write(putRevision, [String(since + 1)])
      await work(write)
      await storeMessages(write, messages)
      await write(announce, [])
      return true
    })

  return {
    entries: {
      revision: async () => Number((await revision())?.[0] ?? 0),
      find: async (kind, id) => decode((await find(kind, id)) ?? []),
      list: async (kind, { after = '', limit }) =>
        (await list(kind, after, limit)).flatMap(row => decode(row) ?? []),
      shared: async () => (await shared()).flatMap(row => decode(row) ?? []),
      async clientIndex(after = -1) {
        const rows = await index(after)
        return {
          count: Number((await count())?.[0]),
          rows: rows.map(([id, version, needs]) => ({
            id: String(id),
            version: Number(version),
            ...(needs !== null && { needs: JSON.parse(String(needs)) as ClientNeeds }),
          })),
        }
      },
      put: (entry, since, messages) =>
        writing(since, messages, async write => {
          await write(putEntry, encode({ ...entry, revision: since + 1 }))
          if (entry.kind !== 'clients') return
          await write(enable, [entry.id, entry.enabled])
          await write(release, [entry.id])
        }),
      remove: (kind, id, since, messages) =>
        writing(since, messages, async write => {
          await write(removeEntry, [kind, id])
          if (kind === 'clients') await write(disable, [id])
        }),
      watch: changed => changes.watch(schema, changed),
    },
  }
}
