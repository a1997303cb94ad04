/** One bounded pool of connections for all issuers, each of which has its own schema. */

import { createHash } from 'node:crypto'
import pg from 'pg'
import { StoreUnavailable } from '../../runtime/ports.ts'
import { repeatedLine } from '../../runtime/repeated-line.ts'
import { createInvalidValueLog } from '../tables/invalid-values.ts'
import { ask, defaultTimeouts, type PostgresOptions, quoted, settingsOf } from './connection.ts'
import { settings } from './durability.ts'
import {
  certainlyNotExecuted,
  connectionEnded,
  isReadOnly,
  isUnanswered,
  mapDriverError,
  sqlState,
} from './failure.ts'
import { createLockQueues } from './lock-queues.ts'
import { retriedAfterDeadlock } from './retries.ts'
import { createConnect } from './shortage.ts'
import { isRead, type Run } from './statements.ts'
import { createWaits } from './waits.ts'

/** One issuer's schema in the database. */
export type Database = {
  readonly schema: string
  readonly run: Run
  /** Runs statements in one transaction that first takes these advisory locks. Each statement sees what was committed before it began. */
  readonly locked: <Value>(locks: readonly string[], work: (run: Run) => Promise<Value>) => Promise<Value>
}

export type Pool = {
  readonly of: (schema: string) => Database
  readonly close: () => Promise<void>
}

/** How much longer than the server's timeout to wait for a response, in milliseconds. */
const answerDelay = 2000

/**
 * Every query here finds rows by a key, one by one. A plan that was made while a table was small must not read the
 * whole table later, and no plan gets better by knowing the parameters.
 */
const lookUps = [
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'enable_material=off',
  'plan_cache_mode=force_generic_plan',
]

/**
 * The maximum number of named statements of all schemas. Further statements are parsed each time instead of being
 * prepared on each connection.
 */
const mostNames = 4000

export function openPool(options: PostgresOptions): Pool {
  const { poolSize = 10, log, timeouts = defaultTimeouts } = options
  const answerTimeout = timeouts.statement + answerDelay
  const pool = new pg.Pool({
    ...settingsOf(options),
    Client: DatedClient,
    max: poolSize,
    statement_timeout: timeouts.statement,
    lock_timeout: timeouts.lock,
    idle_in_transaction_session_timeout: answerTimeout,
    query_timeout: answerTimeout,
    options: lookUps.map(setting => `-c ${setting}`).join(' '),
  })
  const connect = createConnect(pool, { poolSize, limit: timeouts.connection, log })
  // A read-only server refuses each write, after which its connection is replaced.
  const reportLost =
    log && repeatedLine(log.warn, { event: 'database_connection_lost', count: 'connections' })
  // An idle connection broke. The next request gets a new one.
  pool.on('error', error => reportLost?.({ error: error.message, retried: false }))
  const bound = new WeakSet<pg.ClientBase>()
  pool.on('connect', client => {
    // If a connection breaks while in use, its query fails. Without a listener, the error event would end the process.
    client.on('error', () => {})
    const { connection } = client as unknown as DatedClient
    connection.on('bindComplete', () => bound.add(client))
  })
  const waits = createWaits(poolSize)
  const afterOthers = createLockQueues(timeouts.statement)
  const schemas = new WeakMap<pg.ClientBase, string>()
  const logInvalidValues = createInvalidValueLog(log)
  const nameOf = createNames()
  /** Requests for a connection. */
  const connecting = new Set<Promise<unknown>>()
  /** Transactions that take locks, also those that wait for others of this process. */
  const locking = new Set<Promise<unknown>>()
  let closed = false

  function requireOpen(): void {
    if (closed) throw new StoreUnavailable('the database is closed')
  }

  /** Errors after which the work may be retried, because none of it was or will be written. */
  const repeatable = new WeakSet<object>()

  /** Returns a connection that was opened after this time, and closes older idle ones. */
  async function take(openedAfter: number): Promise<DatedClient & pg.PoolClient> {
    for (;;) {
      const connection = mapDriverError(connect)
      connecting.add(connection)
      const client = (await connection.finally(() => connecting.delete(connection))) as DatedClient &
        pg.PoolClient
      if (client.openedAt >= openedAfter) return client
      client.release(true)
    }
  }

  async function connected<Value>(
    schema: string,
    work: (client: pg.ClientBase) => Promise<Value>,
    openedAfter: number,
  ): Promise<Value> {
    const client = await take(openedAfter)
    const end = waits.begin()
    try {
      if (schemas.get(client) !== schema) {
        await ask(client, settings, [quoted(schema)])
        schemas.set(client, schema)
      }
      bound.delete(client)
      const value = await work(client)
      client.release()
      return value
    } catch (error) {
      if (certainlyNotExecuted(error, bound.has(client))) repeatable.add(error as object)
      if (isUnanswered(error)) client.reset()
      // After a violated constraint (classes 22 and 23) the connection is usable; after other errors it may not be.
      client.release(!/^2[23]/.test(sqlState(error) ?? ''))
      throw error
    } finally {
      end()
    }
  }

  /**
   * Runs work on a connection, and retries on a new one if the first had ended, so that after a failover, or if a proxy
   * closes idle connections, requests don't fail once for each open connection. A write whose outcome is unknown is not
   * retried.
   */
  async function surviving<Value>(
    schema: string,
    reads: boolean,
    work: (client: pg.ClientBase) => Promise<Value>,
  ): Promise<Value> {
    waits.require({ waiting: pool.waitingCount, reads })
    const begun = performance.now()
    let reached: DatedClient | undefined
    let sentAt = 0
    try {
      return await connected(
        schema,
        client => {
          reached = client as DatedClient
          sentAt = performance.now()
          return work(client)
        },
        0,
      )
    } catch (error) {
      // A demoted primary refused the write. The host name may resolve to another server now.
      const demoted = isReadOnly(error) && reached !== undefined && reached.openedAt < begun
      const unsent = connectionEnded(error) && (reads || reached === undefined)
      // After a stall, the caller of a write may have given up and retried elsewhere.
      const late = !reads && reached !== undefined && performance.now() - sentAt > timeouts.statement
      if (!(demoted || unsent || repeatable.has(error as object)) || late || closed) throw error
      reportLost?.({ error: String((error as Error).cause ?? error), retried: true })
      return connected(schema, work, performance.now())
    }
  }

  const runOn =
    (client: pg.ClientBase, schema: string): Run =>
    (text, values) =>
      ask(client, text, values, nameOf(schema, text))

  const createRun = (schema: string): Run => {
    const run: Run = (text, values) =>
      retriedAfterDeadlock(async () => {
        requireOpen()
        return surviving(schema, isRead(text), client => runOn(client, schema)(text, values))
      })
    logInvalidValues(run)
    return run
  }

  return {
    of: schema => ({
      schema,
      run: createRun(schema),
      async locked(locks, work) {
        requireOpen()
        const names = locks.map(lock => `${schema} ${lock}`)
        const attempt = () =>
          surviving(schema, false, async client => {
            let committing = false
            try {
              await mapDriverError(() => client.query(`begin; ${lockAll(names)}`))
              const run = runOn(client, schema)
              logInvalidValues(run)
              const value = await work(run)
              committing = true
              await ask(client, 'commit')
              return value
            } catch (error) {
              // A transaction whose connection ends before it is committed is rolled back.
              if (connectionEnded(error) && !committing) repeatable.add(error as object)
              // So is one whose connection is reset.
              else if (!isUnanswered(error)) await client.query('rollback').catch(() => {})
              throw error
            }
          })
        const done = afterOthers(names, () => retriedAfterDeadlock(attempt))
        locking.add(done)
        return done.finally(() => locking.delete(done))
      },
    }),
    async close() {
      closed = true
      while (locking.size > 0) await Promise.allSettled(locking)
      // The pool forgets those that wait when it ends.
      while (connecting.size > 0) await Promise.allSettled(connecting)
      await pool.end()
    },
  }
}

type ResettableSocket = {
  readonly remoteAddress?: string
  readonly destroy: () => void
  readonly resetAndDestroy: () => void
}

/** A connection with the time at which it was opened. */
class DatedClient extends pg.Client {
  readonly openedAt = performance.now()
  /** Later, the driver may use another one for TLS, which wraps it. */
  readonly #socket = this.connection.stream as unknown as ResettableSocket

  /**
   * Closes the connection by a reset, so that the system discards what the other side has not received. Otherwise it would
   * send a write again for minutes, and that could take effect long after its request failed.
   */
  reset(): void {
    // Only TCP has resets.
    if (this.#socket.remoteAddress === undefined) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }
}

function createNames(): (schema: string, text: string) => string | undefined {
  const names = new Map<string, string>()
  return (schema, text) => {
    const key = `${schema} ${text}`
    const before = names.get(key)
    if (before !== undefined || names.size >= mostNames) return before
    const name = createHash('sha256').update(key).digest('base64url').slice(0, 22)
    names.set(key, name)
    return name
  }
}

/** Returns a script that takes advisory locks in one global order, so that no two transactions wait for each other. */
export function lockAll(locks: readonly string[]): string {
  const numbers = locks.map(lock => createHash('sha256').update(lock).digest().readBigInt64BE())
  return [...new Set(numbers)]
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map(number => `select pg_advisory_xact_lock(${number})`)
    .join('; ')
}
