/**
 * A streaming standby, asked in place of the database that is written: only for what may be a little old, and only while it
 * is known to hold everything that was written up to {@link oldest} ago. Where it is not, the database itself is asked.
 */

import type { Awaitable, Log } from '../../runtime/ports.ts'
import type { Database, Pool } from './database.ts'
import type { Run } from './statements.ts'

export type Replica = {
  /** Asks there, and here, the database that is written, where the standby is behind, away, or finds nothing. */
  readonly ask: <Reads, Value>(
    there: Reads,
    here: Reads,
    look: (reads: Reads) => Awaitable<Value>,
  ) => Promise<Value>
  /** Asks the standby itself. */
  readonly runOf: (schema: string) => Run
  /** Something was written that must be seen: the standby is asked again once it has that. */
  readonly outdated: () => void
  readonly close: () => Promise<void>
}

/** How old what it answers may be, in milliseconds. */
const oldest = 2000

/** Between two looks at how far it is, in milliseconds: while it keeps up, and while it does not. */
const calmly = 500
const eagerly = 50

/** How long a request waits for the standby, all in all, before it asks the primary, in milliseconds. */
const askLimit = 1000

/** What is on disk, as whoever was told that a write is durable may rely on; and of which cluster. */
const written = `select pg_current_wal_flush_lsn()::text, system_identifier::text from pg_control_system()`

/** It has that, and goes on following this cluster. */
const reached = `select pg_is_in_recovery() and pg_last_wal_replay_lsn() >= $1::text::pg_lsn
  and system_identifier::text = $2::text from pg_control_system()`

/** @param standby connections that give up soon: a request waits for them before it asks the database. */
export function followReplica(primary: Database, standby: Pool, log?: Log): Replica {
  const asked = standby.of(primary.schema)
  /** Up to when, by the monotonic clock, nothing that it answers is older than {@link oldest}. */
  let freshUntil = 0
  /** Counts what it must have before it is asked again. */
  let generation = 0
  let left = false
  let closed = false
  let timer: NodeJS.Timeout | undefined

  /** Whether it has what was written before this was called; undefined where that is no longer the question. */
  async function look(): Promise<boolean | undefined> {
    const [begun, wanted] = [performance.now(), generation]
    const [position = []] = (await primary.run(written, [])).rows
    while (performance.now() < begun + oldest) {
      const [has] = (await asked.run(reached, position.map(String))).rows
      if (closed || wanted !== generation) return undefined
      if (has?.[0] === true) {
        freshUntil = begun + oldest
        return true
      }
      await new Promise(resolve => setTimeout(resolve, eagerly).unref())
    }
    return false
  }

  async function follow(): Promise<void> {
    const caught = await look().catch(() => false)
    if (closed) return
    if (caught === left) {
      left = !caught
      if (left)
        log?.warn('database_replica_left', { advice: 'it is away, too far behind, or no standby of it' })
      else log?.info('database_replica_followed')
    }
    timer = setTimeout(() => void follow(), caught ? calmly : eagerly).unref()
  }
  void follow()

  return {
    async ask(there, here, look) {
      if (performance.now() < freshUntil) {
        try {
          const found = await within(askLimit, look(there))
          if (found) return found
        } catch {
          // Whatever it was: the next look says whether it can be asked.
          freshUntil = 0
        }
      }
      return look(here)
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

/** Rejects after so many milliseconds; whatever the work comes to later is ignored. */
async function within<Value>(limit: number, work: Awaitable<Value>): Promise<Value> {
  if (!(work instanceof Promise)) return work
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, limit, new Error('the standby does not answer'))
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
