/** The database: one bounded pool of connections for every issuer, each of whose stores is a schema of its own. */

import { createHash } from 'node:crypto'
import pg from 'pg'
import { StoreUnavailable } from '../../core/runtime.ts'
import { ask, type PostgresOptions, quoted, settingsOf, standardPatience } from './connection.ts'
import { asking, gaveWay, sqlState } from './failure.ts'
import { lockAll } from './locks.ts'
import type { Run } from './statements.ts'

/** One issuer's part of the database. */
export type Database = {
  readonly schema: string
  readonly run: Run
  /** Runs statements as one transaction that holds these locks first, whatever rows there are; each sees what was committed before it began. */
  readonly locked: <Value>(locks: readonly string[], work: (run: Run) => Promise<Value>) => Promise<Value>
}

export type Pool = {
  readonly of: (schema: string) => Database
  readonly close: () => Promise<void>
}

/** How much longer than the server to wait for an answer, in milliseconds. */
const answerDelay = 2000

/**
 * Every query here looks rows up by a key, one after the other: a plan made while a table was small must not read it
 * whole later, and none gets better by the values that are asked.
 */
const lookUps = [
  ...['enable_seqscan=off', 'enable_hashjoin=off', 'enable_mergejoin=off', 'enable_material=off'],
  'plan_cache_mode=force_generic_plan',
]

/** How often what gave way to another transaction is done again. */
const repetitions = 3

/** Names given to statements, for all schemas: beyond, those of more tenants are parsed each time rather than kept by each connection. */
const mostNames = 4000

export function openPool(options: PostgresOptions): Pool {
  const { poolSize = 10, log, patience = standardPatience } = options
  const answerTimeout = patience.statement + answerDelay
  const pool = new pg.Pool({
    ...settingsOf(options),
    max: poolSize,
    statement_timeout: patience.statement,
    lock_timeout: patience.lock,
    idle_in_transaction_session_timeout: answerTimeout,
    query_timeout: answerTimeout,
    options: lookUps.map(setting => `-c ${setting}`).join(' '),
  })
  // A connection that breaks while nobody uses it; whoever asks next gets a new one.
  pool.on('error', error => log?.warn('database_connection_lost', { error: error.message }))
  // One that breaks in use: its query tells of it, and an error that nobody listens for would end the process.
  pool.on('connect', client => void client.on('error', () => {}))
  const schemas = new WeakMap<pg.ClientBase, string>()
  const nameOf = createNames()
  let closed = false

  async function connected<Value>(
    schema: string,
    work: (client: pg.ClientBase) => Promise<Value>,
  ): Promise<Value> {
    if (closed) throw new StoreUnavailable('the database is closed')
    const client = await asking(() => pool.connect())
    try {
      if (schemas.get(client) !== schema) {
        await ask(client, `set search_path = ${quoted(schema)}`)
        schemas.set(client, schema)
      }
      const value = await work(client)
      client.release()
      return value
    } catch (error) {
      // One that a rule of the database refused has its connection back in order; any other may not.
      client.release(!/^2[23]/.test(sqlState(error) ?? ''))
      throw error
    }
  }

  const repeated = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    for (let left = repetitions; ; left--) {
      try {
        return await work()
      } catch (error) {
        if (left === 0 || !gaveWay(error)) throw error
      }
    }
  }

  const runOn =
    (client: pg.ClientBase, schema: string): Run =>
    (text, values) =>
      ask(client, text, values, nameOf(schema, text))

  return {
    of: schema => ({
      schema,
      run: (text, values) => repeated(() => connected(schema, client => runOn(client, schema)(text, values))),
      locked: (locks, work) =>
        repeated(() =>
          connected(schema, async client => {
            const begin = `begin; ${lockAll(locks.map(lock => `${schema} ${lock}`))}`
            await asking(() => client.query(begin))
            try {
              const value = await work(runOn(client, schema))
              await ask(client, 'commit')
              return value
            } catch (error) {
              await client.query('rollback').catch(() => {})
              throw error
            }
          }),
        ),
    }),
    async close() {
      closed = true
      await pool.end()
    },
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
