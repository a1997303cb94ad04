/** Deletes expired rows, in small transactions. */

import type { DatabaseSync } from 'node:sqlite'
import type { Seconds } from '@tessera/protocol/brand'
import { type ExpiringTable, expiringTables } from '../../tables/expiry.ts'
import { queues } from '../../tables/queues.ts'
import { change } from '../statements.ts'
import type { Writes } from './operation.ts'

/** Rows that one transaction examines. */
export const batch = 500

export const expiring = expiringTables({ name: 'sqlite', least: 'min' })

type Swept = readonly [deleted: number, looked: number]

export const cleanUpWrites = {
  sweep(database) {
    const sweeps = new Map(expiring.map(table => [table.table, createSweep(database, table)]))
    return (table: string, at: Seconds): Swept => sweeps.get(table)?.(at) ?? [0, 0]
  },
  hasten(database) {
    const changes = queues.map(({ table, longestWait }) =>
      change(database, `update ${table} set due_at = ?1 where due_at > ?1 + ${longestWait}`),
    )
    return (now: Seconds): void => {
      for (const hasten of changes) hasten(now)
    }
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
    // Rows that were not postponed now come first in the same order.
    const postponed = postpone(at)
    const deleted = remove(at, batch - postponed)
    return [deleted, deleted + postponed]
  }
}
