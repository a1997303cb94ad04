/** Opens connections to the database, and converts values on the way. */

import pg from 'pg'
import type { Log } from '../../runtime/ports.ts'
import type { Value } from './codecs.ts'
import { mapDriverError } from './failure.ts'
import type { Answer, Run } from './statements.ts'

export type PostgresOptions = {
  /** `postgres://user@host/database?sslmode=…`; missing parts come from libpq's variables (PGPASSWORD, PGPASSFILE, …). */
  readonly url: string
  /** Called for each new connection, for passwords that are short-lived tokens. */
  readonly password?: () => Promise<string>
  /** The most connections of this process; 10 by default. */
  readonly poolSize?: number
  readonly log?: Log
  /** {@link defaultTimeouts} by default. */
  readonly timeouts?: Timeouts
}

/** How long to wait before the database counts as unreachable, in milliseconds. */
type Timeouts = {
  /** For a connection, new or returned to the pool. */
  readonly connection: number
  /** For the server to run one statement. */
  readonly statement: number
  /** For one lock, within the statement's time. */
  readonly lock: number
}

/** For a standby, since a request that waits in vain falls back to the primary. */
export const standbyTimeouts: Timeouts = { connection: 1000, statement: 1000, lock: 1000 }

export const defaultTimeouts: Timeouts = { connection: 10_000, statement: 5000, lock: 3000 }

/** Hosts to which traffic does not leave the machine. */
const nearby = /^(localhost|127\.|::1$|\/)/

/** Returns pg's reading of the address in parts, since its own password, even an empty one, would override the hook's. */
export function settingsOf({
  url,
  password: hook,
  timeouts = defaultTimeouts,
}: PostgresOptions): pg.ClientConfig {
  const { host, port, user, database, ssl, password } = new pg.Client({ connectionString: url })
  const secret = hook ?? password ?? undefined
  return {
    host,
    port,
    ssl,
    application_name: 'tessera',
    keepAlive: true,
    connectionTimeoutMillis: timeouts.connection,
    user,
    database,
    password: secret,
  }
}

/** Runs a statement on a connection. A statement with a name is parsed once for each connection. */
export async function ask(
  client: pg.ClientBase,
  text: string,
  values: readonly Value[] = [],
  name?: string,
): Promise<Answer> {
  const query = {
    text,
    types,
    rowMode: 'array' as const,
    values: values.map(parameter),
    // The extended protocol even without parameters, since BindComplete shows that the server has begun.
    queryMode: 'extended',
    name,
  }
  const answer = await mapDriverError(() => client.query<unknown[]>(query))
  return { rows: answer.rows, count: answer.rowCount ?? 0 }
}

/** A separate connection, outside the pool and without its timeouts. */
export type Connection = {
  readonly run: Run
  /** Runs a script: any number of statements without parameters. */
  readonly script: (sql: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** Returns whether traffic to the database could be read on the way. */
export function isExposed(options: PostgresOptions): boolean {
  const { host = '', ssl } = settingsOf(options)
  return !ssl && !nearby.test(host)
}

export async function openConnection(options: PostgresOptions): Promise<Connection> {
  const client = new pg.Client(settingsOf(options))
  // Its queries report the error.
  client.on('error', () => {})
  await mapDriverError(() => client.connect())
  return {
    run: (text, values) => ask(client, text, values),
    script: async sql => void (await mapDriverError(() => client.query(sql))),
    close: () => client.end().catch(() => {}),
  }
}

export const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`

// PostgreSQL's `text` holds every character except U+0000, which a request may contain (in a nonce, or in a name that is
// looked up). It is written as U+0001 and a digit, and so is U+0001 itself, so different texts stay different.
const special = /[\u0000\u0001]/g
const written = /\u0001([01])/g

const writeText = (text: string): string =>
  text.replace(special, character => (character === '\u0000' ? '\u00010' : '\u00011'))

const readText = (text: string): string =>
  text.includes('\u0001')
    ? text.replace(written, (_, digit: string) => (digit === '0' ? '\u0000' : '\u0001'))
    : text

function parameter(value: Value): unknown {
  if (typeof value === 'string') return writeText(value)
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
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
