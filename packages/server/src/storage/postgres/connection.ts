/** Opens connections to the database, and converts values. */

import pg from 'pg'
import type { Log } from '../../runtime/ports.ts'
import type { Value } from './codecs.ts'
import { mapDriverError } from './failure.ts'
import { passwordOfFile } from './pass-file.ts'
import type { Answer, Run } from './statements.ts'

export type PostgresOptions = {
  /** `postgres://user@host/database?sslmode=…`; missing parts come from libpq's variables (PGPASSWORD, PGPASSFILE, …). */
  readonly url: string
  /** Called for each new connection, for passwords that are short-lived tokens. */
  readonly password?: () => Promise<string>
  /** The maximum number of connections of this process; 10 by default. */
  readonly poolSize?: number
  readonly log?: Log
  /** Default: {@link defaultTimeouts}. */
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

/** For a standby, because requests fall back to the primary after a timeout. */
export const standbyTimeouts: Timeouts = { connection: 1000, statement: 1000, lock: 1000 }

export const defaultTimeouts: Timeouts = { connection: 10_000, statement: 5000, lock: 3000 }

/**
 * Part of a `select` that sets what the statements rely on, because the database or the role may have other defaults.
 * In transactions of another isolation level, a statement that waited for a row fails instead of finding it used, and
 * one that waited for an advisory lock doesn't see what was committed meanwhile. The driver sends `null` in arrays, and
 * bytes are read in hexadecimal.
 */
export const reliedUpon = `set_config('default_transaction_isolation', 'read committed', false),
  set_config('array_nulls', 'on', false), set_config('bytea_output', 'hex', false)`

/** Hosts whose traffic does not leave the machine. */
const nearby = /^(localhost|127\.|::1$|\/)/

/**
 * Returns the parts of the URL, as parsed by pg. If pg parsed it itself, a password in the URL, even an empty one,
 * would override the hook.
 */
export function settingsOf({
  url,
  password: hook,
  timeouts = defaultTimeouts,
}: PostgresOptions): pg.ClientConfig {
  const { host, port, user, database, ssl, password } = new pg.Client({ connectionString: strict(url) })
  const place = { host, port, database: database ?? '', user: user ?? '' }
  const secret = hook ?? password ?? (() => passwordOfFile(place) ?? '')
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

/**
 * Names the mode that the driver uses for weaker ones anyway. Otherwise it prints a warning, and its next version would
 * not verify certificates.
 */
const strict = (url: string): string =>
  /[?&]uselibpqcompat=true\b/.test(url)
    ? url
    : url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, '$1verify-full')

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
    // Uses the extended protocol even without parameters, because BindComplete shows that the server has started.
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

/** Returns whether traffic to the database could be intercepted. */
export function isExposed(options: PostgresOptions): boolean {
  const { host = '', ssl } = settingsOf(options)
  return !ssl && !nearby.test(host)
}

export async function openConnection(options: PostgresOptions): Promise<Connection> {
  const client = new pg.Client(settingsOf(options))
  // Its queries report the error.
  client.on('error', () => {})
  await mapDriverError(() => client.connect())
  try {
    await ask(client, `select ${reliedUpon}`)
  } catch (error) {
    await client.end().catch(() => {})
    throw error
  }
  return {
    run: (text, values) => ask(client, text, values),
    script: async sql => void (await mapDriverError(() => client.query(sql))),
    close: () => client.end().catch(() => {}),
  }
}

export const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`

// PostgreSQL's `text` holds every character except U+0000, which a request may contain (in a nonce, or in a name that
// is looked up). It is written as U+0001 and a digit, and so is U+0001 itself, so that different texts remain
// different.
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

/** `bigint` columns contain seconds and counts, which are all safe integers. */
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
