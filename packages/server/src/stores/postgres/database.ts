/** The database: one bounded pool of connections for every issuer, each of whose stores is a schema of its own. */

import { createHash } from 'node:crypto'
import pg from 'pg'
import { type Log, StoreUnavailable } from '../../core/runtime.ts'
import type { Value } from './columns.ts'
import { asking, sqlState } from './failure.ts'
import type { Answer, Run } from './statements.ts'
import { readText, writeText } from './text.ts'

export type PostgresOptions = {
  /** `postgres://user@host/database?sslmode=…`; what it leaves out comes from libpq's variables (PGPASSWORD, PGPASSFILE, …). */
  readonly url: string
  /** Asked for each new connection, where passwords are short-lived tokens. */
  readonly password?: () => Promise<string>
  /** Connections of this process, at most; 10 unless said otherwise. */
  readonly poolSize?: number
  readonly log?: Log
}

/** One issuer's part of the database. */
export type Database = {
  readonly schema: string
  readonly run: Run
  /** Runs statements as one transaction that holds these locks first, whatever rows there are; each sees what was committed before it began. */
  readonly locked: <Value>(locks: readonly string[], work: (run: Run) => Promise<Value>) => Promise<Value>
}

export type Pool = {
  readonly of: (schema: string) => Database
  /** Runs a script of any number of statements as one transaction under a lock of the whole database; for migrations. */
  readonly script: (work: (execute: (sql: string) => Promise<Answer>) => Promise<void>) => Promise<void>
  readonly close: () => Promise<void>
}

/** How long to wait for a connection, new or given back, in milliseconds. */
const connectTimeout = 10_000
/** How long the server works on one statement, and waits for one lock, in milliseconds. */
const statementTimeout = 5000
const lockTimeout = 3000
/** How long to wait for an answer: a little longer than the server does. */
const answerTimeout = statementTimeout + 2000
/** Migrations may take their time. */
const scriptTimeout = 3_600_000

/** Names given to statements, for all schemas: beyond, those of more tenants are parsed each time rather than kept by each connection. */
const mostNames = 4000

export function openPool(options: PostgresOptions): Pool {
  const { poolSize = 10, log } = options
  const settings: pg.PoolConfig = {
    ...connectionOf(options),
    application_name: 'tessera',
    keepAlive: true,
    connectionTimeoutMillis: connectTimeout,
  }
  const pool = new pg.Pool({
    ...settings,
    max: poolSize,
    statement_timeout: statementTimeout,
    lock_timeout: lockTimeout,
    idle_in_transaction_session_timeout: answerTimeout,
    query_timeout: answerTimeout,
    // Every query here is a look-up by a key: a plan made while a table was small must not read it whole later.
    options: '-c enable_seqscan=off',
  })
  // A connection that breaks while nobody uses it; whoever asks next gets a new one.
  pool.on('error', error => log?.warn('database_connection_lost', { error: error.message }))
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
        await asking(() => client.query(`set search_path = ${quoted(schema)}`))
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

  const runOn =
    (client: pg.ClientBase, schema: string): Run =>
    async (text, values) => {
      const name = nameOf(schema, text)
      const query = {
        ...({ text, rowMode: 'array', types, values: values.map(parameter) } as const),
        ...(name !== undefined && { name }),
      }
      const answer = await asking(() => client.query<unknown[]>(query))
      return { rows: answer.rows, count: answer.rowCount ?? 0 }
    }

  return {
    of: schema => ({
      schema,
      run: (text, values) => connected(schema, client => runOn(client, schema)(text, values)),
      locked: (locks, work) =>
        connected(schema, async client => {
          const begin = `begin; ${lockAll(locks.map(lock => `${schema} ${lock}`))}`
          await asking(() => client.query(begin))
          try {
            const value = await work(runOn(client, schema))
            await asking(() => client.query('commit'))
            return value
          } catch (error) {
            await client.query('rollback').catch(() => {})
            throw error
          }
        }),
    }),
    async script(work) {
      const client = new pg.Client({ ...settings, options: `-c statement_timeout=${scriptTimeout}` })
      // Its queries tell of it.
      client.on('error', () => {})
      try {
        await asking(() => client.connect())
        await asking(() => client.query(`begin; ${lockAll(['schema'])}`))
        await work(async text => {
          const answer = await asking(() => client.query<unknown[]>({ text, types, rowMode: 'array' }))
          return { rows: answer.rows, count: answer.rowCount ?? 0 }
        })
        await asking(() => client.query('commit'))
      } finally {
        await client.end().catch(() => {})
      }
    },
    async close() {
      closed = true
      await pool.end()
    },
  }
}

/** What pg makes of the address; taken apart, since its own password, even none, would stand before the hook's. */
function connectionOf({ url, password: hook }: PostgresOptions): pg.PoolConfig {
  const { host, port, user, database, ssl, password } = new pg.Client({ connectionString: url })
  const secret = hook ?? password ?? undefined
  return {
    ...{ host, port, ssl },
    ...(user !== undefined && { user }),
    ...(database !== undefined && { database }),
    ...(secret !== undefined && { password: secret }),
  }
}

export const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`

/** In one order for all, so that no two wait for each other. */
function lockAll(locks: readonly string[]): string {
  const numbers = locks.map(lock => createHash('sha256').update(lock).digest().readBigInt64BE())
  return [...new Set(numbers)]
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map(number => `select pg_advisory_xact_lock(${number})`)
    .join('; ')
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

function parameter(value: Value): unknown {
  if (typeof value === 'string') return writeText(value)
  return Array.isArray(value) ? value.map(parameter) : value
}

/** `bigint` holds seconds and counts, all of them safe integers here. */
const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  16: text => text === 't',
  17: text => new Uint8Array(Buffer.from(text.slice(2), 'hex')),
  20: Number,
  23: Number,
  25: readText,
}
const types = {
  getTypeParser: (oid: number) => parsers[oid] ?? ((text: string) => text),
} as pg.CustomTypesConfig
