/** Writes of entries that are made while the server runs. */

import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type { Seconds } from '@tessera/protocol/brand'
import { revisionSetting } from '../../tables/entries.ts'
import { isEntryOfUser } from '../../tables/subjects.ts'
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

/**
 * Deletes principals that the file left behind, for stored clients of the same ids. A revocation remains in force for
 * the stored client.
 * @param which the condition on these principals.
 */
export function createRelease(
  database: DatabaseSync,
  which: string,
): (...values: readonly SQLInputValue[]) => void {
  const carry = change(
    database,
    `update standing as stored set revoked_at = max(coalesce(stored.revoked_at, 0), left_behind.revoked_at)
    from (select id, revoked_at from standing where kind = 'client' and revoked_at is not null and ${which}) as left_behind
    where stored.kind = 'stored_client' and stored.id = left_behind.id`,
  )
  const remove = change(
    database,
    `delete from standing where kind = 'client' and ${which}
      and id in (select id from standing where kind = 'stored_client')`,
  )
  return (...values) => {
    carry(...values)
    remove(...values)
  }
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
    // For a client that was once in the file, and no longer is.
    const release = createRelease(database, 'id = ?1 and stands = 0')
    const isOfUser = one(database, `select 1 where ${isEntryOfUser('?1')}`)
    return (row: Row, kind: string, id: string, since: number, messages: readonly Row[] | null): boolean => {
      if (kind === 'clients' && isOfUser(id)) return false
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
    const revoke = change(
      database,
      `update standing set revoked_at = max(?1, coalesce(revoked_at, 0)) where kind = 'stored_client' and id = ?2`,
    )
    return (
      kind: string,
      id: string,
      since: number,
      at: Seconds,
      messages: readonly Row[] | null,
    ): boolean => {
      if (!advance(since)) return false
      remove(kind, id)
      store(messages)
      if (kind === 'clients') revoke(at, id)
      return true
    }
  },
} as const satisfies Writes
