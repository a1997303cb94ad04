/** Finds expired rows on the main thread, and requests their deletion when no other write is waiting. */

import type { DatabaseSync } from 'node:sqlite'
import type { Seconds } from '@tessera/protocol/brand'
import type { Stores } from '../../../model/ports/stores.ts'
import { queues } from '../../tables/queues.ts'
import { one, reading } from '../statements.ts'
import { batch, type cleanUpWrites, expiring } from '../writes/clean-up.ts'
import type { Calls } from '../writes/operation.ts'

/**
 * Reads first, so that the writer thread of a server that never writes is not started. @param idle resolves when no
 * write is waiting.
 */
export function createCleanUp(
  database: DatabaseSync,
  write: Calls<typeof cleanUpWrites>,
  idle: () => Promise<void>,
): Stores['cleanUp'] {
  const checks = expiring.map(({ table, due }) => {
    const first = one(database, `select 1 from ${table} where ${due} <= ? limit 1`)
    return { table, isDue: reading(database, (at: Seconds): boolean => first(at) !== undefined) }
  })
  const late = one(
    database,
    queues
      .map(
        ({ table, longestWait }) =>
          `select 1 where exists (select 1 from ${table} where due_at > ?1 + ${longestWait})`,
      )
      .join(' union all '),
  )
  const anyLate = reading(database, (now: Seconds): boolean => late(now) !== undefined)
  return async (at, now) => {
    let total = 0
    for (const { table, isDue } of checks) {
      for (let more = await isDue(at); more; ) {
        await idle()
        const [deleted, looked] = await write.sweep(table, at)
        total += deleted
        more = looked === batch
      }
    }
    if (now !== undefined && (await anyLate(now))) await write.hasten(now)
    return total
  }
}
