/**
 * Locks that one connection holds, and the queries that wait for them: with a limit, so that a missing lock fails a
 * test instead of hanging it.
 */

import { type Connection, openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import { until } from './until.ts'

/**
 * Resolves when a query waits for what this connection holds; rejects when none does in time, or `asked` ends without
 * waiting.
 */
export async function untilSomebodyWaits(holder: Connection, asked?: Promise<unknown>): Promise<void> {
  const blocked = `select 1 from pg_stat_activity
    where datname = current_database() and pg_backend_pid() = any (pg_blocking_pids(pid))`
  let ended = false
  asked?.then(
    () => {
      ended = true
    },
    () => {
      ended = true
    },
  )
  const isBlocked = async () => {
    // Read before the query, because a connection that has ended since may have been blocked until then.
    const isOver = ended
    if ((await holder.run(blocked, [])).count > 0) return true
    if (isOver) throw new Error('it ended and waited for no lock')
    return false
  }
  await until('somebody waits for the lock', isBlocked, { every: 5 })
}

/**
 * Runs `ask` while another transaction holds a lock, which is committed this many seconds after `ask` waits for it.
 *
 * @param further what that transaction does before it is committed.
 */
export const waitingFor = <Value>(
  url: string,
  held: string,
  ask: () => Promise<Value>,
  seconds = 0,
  further = '',
): Promise<Value> =>
  whileHeld(url, held, async holder => {
    const asked = ask()
    await untilSomebodyWaits(holder, asked)
    if (seconds > 0) await holder.run('select pg_sleep($1::text::float8)::text', [String(seconds)])
    await holder.script(`${further}; commit`)
    return asked
  })

/** Runs `ask` while another transaction holds rows and keeps them: `ask` must not wait. */
export const passingOver = <Value>(url: string, held: string, ask: () => Promise<Value>): Promise<Value> =>
  whileHeld(url, held, ask)

/** Runs `use` with the connection of a transaction that began with the statement `held`. */
async function whileHeld<Value>(
  url: string,
  held: string,
  use: (holder: Connection) => Promise<Value>,
): Promise<Value> {
  const holder = await openConnection({ url })
  try {
    await holder.script(`set search_path = tessera; begin; ${held}`)
    return await use(holder)
  } finally {
    await holder.close()
  }
}
