/** Deletes what has expired, in small transactions that pass over whatever row a request holds. */

import type { Stores } from '../../model/ports/stores.ts'
import { among, dueRows, free } from './batches.ts'
import type { Database } from './database.ts'
import { removal } from './registered-clients.ts'
import { one } from './statements.ts'

/** Rows that one transaction looks at. */
const batch = 500
/** Rows that live on and are put off by it: a request for one of them waits for no more than these. */
const livingBatch = 50

/**
 * A table, its key, the column that says when to look at a row (`expires_at` unless another is named), and, where rows
 * may live on then, until when: null or a time that has passed means not at all.
 */
type Table = {
  readonly table: string
  readonly key: string
  readonly due?: string
  readonly until?: string
}

const tables: readonly Table[] = [
  { table: 'families', key: 'id', due: 'clean_at', until: 'least(expires_at, idle_expires_at)' },
  {
    // A used code is kept until its authorization ends, so that a replay of it is recognised.
    table: 'codes',
    key: 'hash',
    due: 'clean_at',
    until: `case when used_at is not null
      then (select a.expires_at from authorizations a where a.id = codes.authorization_id) end`,
  },
  { table: 'reference_tokens', key: 'hash' },
  { table: 'revoked_tokens', key: 'jti' },
  { table: 'replays', key: 'hash' },
  { table: 'pushed_requests', key: 'hash' },
  { table: 'upstream_requests', key: 'hash' },
  { table: 'upstream_sessions', key: 'id' },
  { table: 'pending_sign_ins', key: 'hash' },
  { table: 'sessions', key: 'hash', due: 'clean_at', until: 'idle_expires_at' },
  { table: 'session_clients', key: 'sid, client_id' },
  { table: 'logout_notices', key: 'sid, client_id' },
  { table: 'waiting_mails', key: 'id' },
  { table: 'attempts', key: 'hash' },
  { table: 'devices', key: 'hash' },
  { table: 'registered_clients', key: 'client_id' },
  { table: 'authorizations', key: 'id', due: 'clean_at', until: 'expires_at' },
]

/** Nobody is told of it, and what a crash brings back goes again: so no lock is held until it is on disk, or at a standby. */
const soon = `set_config('synchronous_commit', 'off', true)`

/** A statement that answers how many rows went, and how many it put off. */
function sweepOf({ table, key, due = 'expires_at', until }: Table): string {
  const rows = dueRows(table, { key, due, limit: `${batch}` })
  if (table === 'registered_clients')
    return `with due as materialized (${rows} ${free}), ${removal(among(key, 'due'))}, 0, ${soon}`
  if (!until)
    return `with due as materialized (${rows} ${free}),
      gone as (delete from ${table} where ${among(key, 'due')} returning 1)
      select count(*), 0, ${soon} from gone`
  const looked = `select ${key} from ${table} where ${among(key, 'due')}`
  const over = `coalesce(${until}, 0) <= $1`
  return `with due as materialized (${rows}),
    over as materialized (${looked} and ${over} ${free}),
    gone as (delete from ${table} where ${among(key, 'over')} and ${over} returning 1),
    living as materialized (${looked} and ${until} > $1 limit ${livingBatch} ${free}),
    put_off as (update ${table} set ${due} = ${until} where ${among(key, 'living')} returning 1)
    select (select count(*) from gone), (select count(*) from put_off), ${soon}`
}

export function createCleanUp({ run }: Database): Stores['cleanUp'] {
  const sweeps = tables.map(table => one(run, sweepOf(table)))
  return async at => {
    let total = 0
    for (const sweep of sweeps) {
      // What is left when a sweep finds nothing is held by requests: its time comes with the next clean-up.
      for (let more = true; more; ) {
        const [gone, putOff] = ((await sweep(at)) ?? []).map(Number) as [number, number]
        total += gone
        more = gone + putOff > 0
      }
    }
    return total
  }
}
