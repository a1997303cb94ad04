/** Deletes what has expired, in small transactions while no other write waits. */

import type { DatabaseSync } from 'node:sqlite'
import type { Seconds } from '@tessera/protocol/brand'
import type { Stores } from '../../model/ports/stores.ts'
import { type ExpiringTable, expiringTables } from '../tables/expiry.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

/** Rows that one transaction looks at. */
const batch = 500

const tables = expiringTables({ name: 'sqlite', least: 'min' })

type Swept = readonly [deleted: number, looked: number]

export const cleanUpWrites = {
  sweep(database) {
    const sweeps = new Map(tables.map(table => [table.table, createSweep(database, table)]))
    return (table: string, at: Seconds): Swept => sweeps.get(table)?.(at) ?? [0, 0]
  },
} as const satisfies Writes

function createSweep(database: DatabaseSync, { table, due, until }: ExpiringTable): (at: Seconds) => Swept {
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
  const checks = tables.map(({ table, due }) => {
    const first = one(database, `select 1 from ${table} where ${due} <= ? limit 1`)
    return { table, isDue: reading(database, (at: Seconds): boolean => first(at) !== undefined) }
  })
  return async at => {
    let total = 0
    for (const { table, isDue } of checks) {
      for (let more = isDue(at); more; ) {
        await idle()
        const [deleted, looked] = await write.sweep(table, at)
        total += deleted
        more = looked === batch
      }
    }
    return total
  }
}
