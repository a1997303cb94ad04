/** Deletes expired rows, in small transactions that skip rows locked by requests. */

import type { Stores } from '../../model/ports/stores.ts'
import { type ExpiringTable, expiringTables } from '../tables/expiry.ts'
import { queues } from '../tables/queues.ts'
import type { Database } from './database.ts'
import { dueRows, keyIn, skipLocked } from './due-rows.ts'
import { removal } from './registered-clients.ts'
import { change, one } from './statements.ts'

/** Rows that one transaction examines. */
const batch = 500
/** Unexpired rows that one transaction postpones. Limited, because requests for these rows have to wait. */
const livingBatch = 50

const tables = expiringTables({ name: 'postgres', least: 'least' })

/**
 * Rows that reappear after a crash are deleted again, so the commit need not wait for the disk or a standby while it
 * holds locks.
 */
const soon = `set_config('synchronous_commit', 'off', true)`

/** Returns a statement that selects how many rows it deleted and how many it postponed. */
function sweepOf({ table, key, due, until }: ExpiringTable): string {
  const rows = dueRows(table, { key, due, limit: `${batch}` })
  if (table === 'registered_clients')
    return `with due as materialized (${rows} ${skipLocked}), ${removal(keyIn(key, 'due'))}, 0, ${soon}`
  if (!until)
    return `with due as materialized (${rows} ${skipLocked}),
      gone as (delete from ${table} where ${keyIn(key, 'due')} returning 1)
      select count(*), 0, ${soon} from gone`
  const looked = `select ${key} from ${table} where ${keyIn(key, 'due')}`
  const over = `coalesce(${until}, 0) <= $1`
  return `with due as materialized (${rows}),
    over as materialized (${looked} and ${over} ${skipLocked}),
    gone as (delete from ${table} where ${keyIn(key, 'over')} and ${over} returning 1),
    living as materialized (${looked} and ${until} > $1 limit ${livingBatch} ${skipLocked}),
    put_off as (update ${table} set ${due} = ${until} where ${keyIn(key, 'living')} returning 1)
    select (select count(*) from gone), (select count(*) from put_off), ${soon}`
}

/** Skips rows that are being sent, because their delay is set again afterwards. */
function hasteningOf({ table, key, longestWait }: (typeof queues)[number]): string {
  return `with late as materialized (
      select ${key} from ${table} where due_at > $1 + ${longestWait} limit ${batch} ${skipLocked})
    update ${table} set due_at = $1 where ${keyIn(key, 'late')}`
}

export function createCleanUp({ run }: Database): Stores['cleanUp'] {
  const sweeps = tables.map(table => one(run, sweepOf(table)))
  const hastenings = queues.map(queue => change(run, hasteningOf(queue)))
  return async (at, now) => {
    let total = 0
    for (const sweep of sweeps) {
      // When a sweep finds nothing, the remaining rows are locked by requests, and the next clean-up handles them.
      for (let more = true; more; ) {
        const [gone, putOff] = ((await sweep(at)) ?? []).map(Number) as [number, number]
        total += gone
        more = gone + putOff > 0
      }
    }
    if (now === undefined) return total
    for (const hasten of hastenings) while ((await hasten(now)) === batch);
    return total
  }
}
