/** Entries that are made while the server runs, in PostgreSQL. */

import type { EntryStores, Messages } from '../../model/ports/stores.ts'
import { indexedClients, revisionSetting } from '../tables/entries.ts'
import { fullPage } from '../tables/full-page.ts'
import { isEntryOfUser } from '../tables/subjects.ts'
import { announce, type Changes } from './changes.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { all, one, type Run } from './statements.ts'
import { subjectLock } from './stored-users.ts'
import { storeMessages } from './webhooks.ts'

const { names, placeholders, overwrite, encode, decode, decodeAll } = codecs.entries

const findRevision = `select value from settings where name = '${revisionSetting}'`
const putRevision = `insert into settings (name, value) values ('${revisionSetting}', $1)
  on conflict (name) do update set value = excluded.value`

const findUserOfEntry = `select 1 where ${isEntryOfUser('$1')}`
const putEntry = `insert into entries (${names}) values (${placeholders()})
  on conflict (kind, id) do update set ${overwrite}`
const enable = `insert into standing (kind, id, stands) values ('stored_client', $1, $2)
  on conflict (kind, id) do update set stands = excluded.stands`

/**
 * Returns statements that delete principals that the file left behind, for stored clients of the same ids. A revocation
 * remains in force for the stored client.
 * @param which the condition on these principals.
 */
export const releasing = (which: string): readonly string[] => [
  `update standing as stored set revoked_at = greatest(coalesce(stored.revoked_at, 0), left_behind.revoked_at)
  from standing as left_behind
  where left_behind.kind = 'client' and left_behind.revoked_at is not null and left_behind.${which}
    and stored.kind = 'stored_client' and stored.id = left_behind.id`,
  `delete from standing as left_behind where kind = 'client' and left_behind.${which}
    and exists (select 1 from standing where kind = 'stored_client' and id = left_behind.id)`,
]

const release = releasing('id = $1 and left_behind.stands = 0')
const removeEntry = 'delete from entries where kind = $1 and id = $2'
const disable = `update standing set stands = 0, revoked_at = greatest($2::bigint, coalesce(revoked_at, 0))
  where kind = 'stored_client' and id = $1`

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

  /**
   * Writes one after the other, unless another write came before this one.
   * @param newClient the id of a client, which is not written if it would be new and have the `sub` of a user.
   */
  const writing = (
    since: number,
    messages: Messages | undefined,
    work: (write: Run) => Promise<void>,
    newClient?: string,
  ): Promise<boolean> =>
    locked(['entries', ...(newClient === undefined ? [] : [subjectLock(newClient)])], async write => {
      if (newClient !== undefined && (await write(findUserOfEntry, [newClient])).count > 0) return false
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
      list: (kind, { after = '', limit }) =>
        fullPage(
          limit,
          ([, id] = ['', after]) => list(kind, String(id), limit),
          rows => decodeAll(run, rows),
        ),
      shared: async () => decodeAll(run, await shared()),
      async clientIndex(after = -1) {
        const rows = await index(after)
        return {
          count: Number((await count())?.[0]),
          rows: indexedClients(run, rows),
        }
      },
      put: (entry, since, messages) =>
        writing(
          since,
          messages,
          async write => {
            await write(putEntry, encode({ ...entry, revision: since + 1 }))
            if (entry.kind !== 'clients') return
            await write(enable, [entry.id, entry.enabled])
            for (const statement of release) await write(statement, [entry.id])
          },
          entry.kind === 'clients' ? entry.id : undefined,
        ),
      remove: (kind, id, { revision: since, at }, messages) =>
        writing(since, messages, async write => {
          await write(removeEntry, [kind, id])
          if (kind === 'clients') await write(disable, [id, at])
        }),
      watch: changed => changes.watch(schema, changed),
    },
  }
}
