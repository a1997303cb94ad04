/** Deletes what has expired, in small transactions while no other write waits. */

import type { DatabaseSync } from 'node:sqlite'
import type { Seconds } from '@tessera/protocol/brand'
import type { Stores } from '../../model/ports/stores.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

/** Rows that one transaction looks at. */
const batch = 500

/**
 * A table, the column that says when to look at a row, and, where rows may live on then, until when: null or a
 * time that has passed means not at all.
 */
const tables = [
  { table: 'families', due: 'clean_at', until: 'min(expires_at, idle_expires_at)' },
  {
    // A used code is kept until its authorization ends, so that a replay of it is recognised.
    table: 'codes',
    due: 'clean_at',
    until: `case when used_at is not null
      then (select a.expires_at from authorizations a where a.id = codes.authorization_id) end`,
  },
  { table: 'reference_tokens', due: 'expires_at' },
  { table: 'revoked_tokens', due: 'expires_at' },
  { table: 'replays', due: 'expires_at' },
  { table: 'pushed_requests', due: 'expires_at' },
  { table: 'upstream_requests', due: 'expires_at' },
  { table: 'upstream_sessions', due: 'expires_at' },
  { table: 'pending_sign_ins', due: 'expires_at' },
  { table: 'sessions', due: 'idle_expires_at' },
  { table: 'session_clients', due: 'expires_at' },
  { table: 'logout_notices', due: 'expires_at' },
  { table: 'waiting_mails', due: 'expires_at' },
  { table: 'attempts', due: 'expires_at' },
  { table: 'devices', due: 'expires_at' },
  { table: 'registered_clients', due: 'expires_at' },
  { table: 'authorizations', due: 'clean_at', until: 'expires_at' },
] as const satisfies readonly {
  readonly table: string
  readonly due: string
  readonly until?: string
}[]

type Swept = readonly [deleted: number, looked: number]

export const cleanUpWrites = {
  sweep(database) {
    const sweeps = tables.map(table => createSweep(database, table))
    return (table: number, at: Seconds): Swept => sweeps[table]?.(at) ?? [0, 0]
  },
} as const satisfies Writes

function createSweep(
  database: DatabaseSync,
  { table, due, until }: { table: string; due: string; until?: string },
): (at: Seconds) => Swept {
  const rows = (limit: string) =>
    `rowid in (select rowid from ${table} where ${due} <= ?1 order by ${due}, rowid limit ${limit})`
  const postpone = until
    ? change(database, `update ${table} set ${due} = ${until} where ${rows(`${batch}`)} and ${until} > ?1`)
    : () => 0
  const remove = change(database, `delete from ${table} where ${rows('?2')}`)
  return at => {
    // What is not postponed now comes first in the same order.
    const postponed = postpone(at)
    const deleted = remove(at, batch - postponed)
    return [deleted, deleted + postponed]
  }
}

/**
 * Read first: where nothing is due nothing is written, and the writer thread of a server that never writes never starts.
 * @param idle is fulfilled when no write waits.
 */
export function createCleanUp(
  database: DatabaseSync,
  write: Calls<typeof cleanUpWrites>,
  idle: () => Promise<void>,
): Stores['cleanUp'] {
  const due = tables.map(({ table, due }) =>
    one(database, `select 1 from ${table} where ${due} <= ? limit 1`),
  )
  const isDue = reading(database, (table: number, at: Seconds): boolean => due[table]?.(at) !== undefined)
  return async at => {
    let total = 0
    for (const table of tables.keys()) {
      for (let more = isDue(table, at); more; ) {
        await idle()
        const [deleted, looked] = await write.sweep(table, at)
        total += deleted
        more = looked === batch
      }
    }
    return total
  }
}
