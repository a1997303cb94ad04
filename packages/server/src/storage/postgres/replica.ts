/**
 * Reads from a streaming standby instead of the primary: only rows that may be slightly old, and only while the standby
 * is known to have everything that was written up to {@link maxAge} ago. Otherwise queries the primary.
 */

import type { Awaitable, Log } from '../../runtime/ports.ts'
import type { Database, Pool } from './database.ts'
import type { Run } from './statements.ts'

export type Replica = {
  /** Queries the standby; falls back to the primary when it is stale, unreachable or returns nothing. */
  readonly query: <Reads, Value>(
    onStandby: Reads,
    onPrimary: Reads,
    look: (reads: Reads) => Awaitable<Value>,
  ) => Promise<Value>
  /** Runs statements on the standby itself. */
  readonly runOf: (schema: string) => Run
  /** Records a write that must be visible. The standby is not queried again until it has that write. */
  readonly outdated: () => void
  readonly close: () => Promise<void>
}

/** The maximum age of its rows, in milliseconds. */
const maxAge = 2000

/** Milliseconds between two checks of its position, while it is up to date and while it is not. */
const pollInterval = 500
const catchUpInterval = 50

/** How long a request waits for the standby before it queries the primary, in milliseconds. */
const standbyTimeout = 1000

/** Selects the position on disk, which includes every acknowledged write, and the identity of the cluster. */
const written = `select pg_current_wal_flush_lsn()::text, system_identifier::text from pg_control_system()`

/** Selects whether the standby has reached a position and still follows this cluster. */
const reached = `select pg_is_in_recovery() and pg_last_wal_replay_lsn() >= $1::text::pg_lsn
  and system_identifier::text = $2::text from pg_control_system()`

/** @param standby connections with short timeouts, since a request waits for them before it queries the primary. */
export function followReplica(primary: Database, standby: Pool, log?: Log): Replica {
  const standbyStore = standby.of(primary.schema)
  /** The time by the monotonic clock until which its rows are not older than {@link maxAge}. */
  let freshUntil = 0
  /** Counts the writes that it must have before it is queried again. */
  let generation = 0
  let abandoned = false
  let closed = false
  let timer: NodeJS.Timeout | undefined

  /**
   * Returns whether it has everything that was written before this call; undefined if a later write made the result
   * obsolete.
   */
  async function look(): Promise<boolean | undefined> {
    const [begun, wanted] = [performance.now(), generation]
    const [position = []] = (await primary.run(written, [])).rows
    while (performance.now() < begun + maxAge) {
      const [has] = (await standbyStore.run(reached, position.map(String))).rows
      if (closed || wanted !== generation) return undefined
      if (has?.[0] === true) {
        freshUntil = begun + maxAge
        return true
      }
      await new Promise(resolve => setTimeout(resolve, catchUpInterval).unref())
    }
    return false
  }

  async function follow(): Promise<void> {
    const caught = await look().catch(() => false)
    if (closed) return
    if (caught === abandoned) {
      abandoned = !caught
      if (abandoned)
        log?.warn('database_replica_disconnected', {
          advice: 'the standby is unreachable, too far behind, or not a standby of this primary',
        })
      else log?.info('database_replica_connected')
    }
    timer = setTimeout(() => void follow(), caught ? pollInterval : catchUpInterval).unref()
  }
  void follow()

  return {
    async query(onStandby, onPrimary, look) {
      if (performance.now() < freshUntil) {
        try {
          const found = await within(standbyTimeout, look(onStandby))
          if (found) return found
        } catch {
          // The next check decides whether it can be queried.
          freshUntil = 0
        }
      }
      return look(onPrimary)
    },
    runOf: schema => standby.of(schema).run,
    outdated() {
      generation += 1
      freshUntil = 0
    },
    async close() {
      closed = true
      clearTimeout(timer)
      await standby.close()
    },
  }
}

/** Rejects after `limit` milliseconds, and ignores a later result of the work. */
async function within<Value>(limit: number, work: Awaitable<Value>): Promise<Value> {
  if (!(work instanceof Promise)) return work
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, limit, new Error('the standby does not respond'))
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
