/** A real PostgreSQL for tests: one for the whole run, or a separate one for a file that stops it. */

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFile, chmod, chown, cp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after } from 'node:test'
import { promisify } from 'node:util'
import { openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import { loadEmbeddedPostgres, reachableFolder } from './postgres-package.ts'
import { freePort } from './process.ts'
import { until } from './until.ts'

/** The databases of a server. */
export type Databases = {
  /** Returns the address of a database without rows: a new one (created `with`), or one that was released. */
  readonly database: (made?: string) => Promise<string>
  /** Deletes its rows and releases it; no connection to it remains. */
  readonly giveBack: (url: string) => Promise<void>
  /** Resolves when no connection to it remains. */
  readonly alone: (url: string) => Promise<void>
  /** Closes every connection to it, even if it is in use. */
  readonly disconnect: (url: string) => Promise<void>
  /** Removes everything that was created here, and closes its connections. */
  readonly drop: () => Promise<void>
}

export type PostgresServer = Databases & {
  /** The address for other processes, with the right to create databases. */
  readonly address: string
  /** Where root had to copy the package, for other processes of the run. */
  readonly packageCopy?: string
  /** A copy of its data before it started, for the other servers of the run. */
  readonly dataCopy?: string
  /** Stops the server, which looks like a crash to its clients; the data remain. */
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
  /** Creates a standby that follows it from now on; the standby must be removed first. */
  readonly standby: () => Promise<Standby>
  /** Stops it, and deletes its data. */
  readonly remove: () => Promise<void>
}

export type Standby = Pick<PostgresServer, 'start' | 'stop' | 'remove'> & {
  /** Returns the path at the standby of a file at the primary. */
  readonly at: (url: string) => string
}

/** The variables that contain the run's server, its data before it started, and the package if it had to be copied. */
export const sharedServer = 'TESSERA_TEST_POSTGRES'
export const sharedData = 'TESSERA_TEST_POSTGRES_DATA'
export const sharedPackage = 'TESSERA_TEST_POSTGRES_PACKAGE'

type Shared = Databases & Pick<PostgresServer, 'address'>

/** The server of the whole run; a file that runs alone starts its own, and stops it at its end. */
export function providePostgres(): () => Promise<Shared> {
  const address = process.env[sharedServer]
  if (!address) return provideOwnPostgres()
  const shared = { address, ...databasesAt(address) }
  after(shared.drop)
  return async () => shared
}

/** A server that this file may stop. `durable`: acknowledged commits are on disk, which is slower. */
export function provideOwnPostgres({ durable = false } = {}): () => Promise<PostgresServer> {
  let starting: Promise<PostgresServer> | undefined
  after(async () => (await starting)?.remove())
  return () => {
    starting ??= startPostgres({ durable })
    return starting
  }
}

/**
 * `copied`: keeps a copy of the data for other servers of the run, because copying takes a tenth of creating them.
 * `unrelated`: does not use such a copy, because PostgreSQL would take the two servers for one cluster.
 */
export async function startPostgres({
  durable = false,
  connections = 120,
  copied = false,
  unrelated = false,
} = {}): Promise<PostgresServer> {
  const { [sharedServer]: sharedAddress, [sharedData]: copy = '' } = process.env
  const initialData = unrelated ? '' : copy
  const isRoot = process.getuid?.() === 0
  const {
    Postgres,
    copy: packageCopy,
    remove: removePackage,
  } = await loadEmbeddedPostgres(process.env[sharedPackage])
  const folder = await reachableFolder('tessera-postgres-')
  const port = await freePort()
  const user = 'tessera'
  // Part of the data.
  const password =
    initialData && sharedAddress ? new URL(sharedAddress).password : randomBytes(12).toString('hex')
  const serverIn = (databaseDir: string, at: number) =>
    new Postgres({
      ...{ port: at, user, password, databaseDir },
      persistent: true,
      createPostgresUser: isRoot,
      authMethod: 'scram-sha-256',
      // With the default of 4096 rounds, signing in would take the client longer than most statements.
      initdbFlags: ['--encoding=UTF8', '--no-sync', '-c', 'scram_iterations=1'],
      postgresFlags: [
        ...['-c', 'unix_socket_directories=', '-c', 'listen_addresses=127.0.0.1'],
        ...['-c', `fsync=${durable ? 'on' : 'off'}`, '-c', `max_connections=${connections}`],
      ],
      onLog: () => {},
      onError: () => {},
    })
  const data = join(folder, 'data')
  const server = serverIn(data, port)
  if (initialData) await copyData(initialData, data)
  else await inReachableFolder(folder, () => server.initialise())
  const dataCopy = join(folder, 'initial')
  if (copied) await copyData(data, dataCopy)
  await server.start()
  const address = `postgres://${user}:${password}@127.0.0.1:${port}/postgres`
  return {
    address,
    ...(packageCopy && { packageCopy }),
    ...(copied && { dataCopy }),
    ...databasesAt(address),
    stop: () => server.stop(),
    start: () => server.start(),
    async standby() {
      const copy = join(folder, 'standby')
      const backup = await openConnection({ url: address })
      await backup.run("select pg_backup_start('standby', true)::text", [])
      await cp(data, copy, { recursive: true, filter: path => !path.endsWith('postmaster.pid') })
      const [label] = (await backup.run('select labelfile from pg_backup_stop(false)', [])).rows
      await backup.close()
      await writeFile(join(copy, 'backup_label'), String(label))
      await writeFile(join(copy, 'standby.signal'), '')
      const source = `host=127.0.0.1 port=${port} user=${user} password=${password}`
      await appendFile(join(copy, 'postgresql.auto.conf'), `primary_conninfo = '${source}'\n`)
      await chmod(copy, 0o700)
      const { uid, gid } = await stat(data)
      for (const name of ['', ...(await readdir(copy, { recursive: true }))])
        if (isRoot) await chown(join(copy, name), uid, gid)
      const place = await freePort()
      const following = serverIn(copy, place)
      const at = (url: string): string => Object.assign(new URL(url), { port: place }).href
      const start = async () => {
        // It waits for a message that only a primary writes.
        following.start().catch(() => {})
        const isUp = async () => (await openConnection({ url: at(address) })).close()
        await until('the standby starts', () =>
          isUp().then(
            () => true,
            () => false,
          ),
        )
      }
      await start()
      const stop = () => following.stop()
      return { at, start, stop, remove: stop }
    },
    async remove() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
      await removePackage()
    },
  }
}

/** With the owner and the modes, which PostgreSQL checks. */
async function copyData(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to])
}

/**
 * The package writes the password to a temporary file that the database user must read, whatever the umask of this
 * process.
 */
async function inReachableFolder<Value>(folder: string, act: () => Promise<Value>): Promise<Value> {
  const before = process.env.TMPDIR
  const mask = process.umask(0o022)
  process.env.TMPDIR = folder
  try {
    return await act()
  } finally {
    process.umask(mask)
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  }
}

/** The databases that this process created. Several files of it may use one server. */
let created = 0

/** Creates databases at a server that another process may have started. */
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
      const name = `tessera_${process.pid}_${++created}`
      made.push(name)
      await asOwner(`create database ${name} ${like}`)
      return at(name)
    },
    async giveBack(url) {
      await asOwner(deleteAll, url)
      free.push(url)
    },
    async alone(url) {
      const connected = `select 1 from pg_stat_activity where datname = '${nameOf(url)}'`
      await until('nobody is connected to the database', async () => (await asOwner(connected)) === 0)
    },
    async disconnect(url) {
      await asOwner(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${nameOf(url)}'`)
    },
    async drop() {
      // Another file of the process may create databases later.
      free.length = 0
      for (const name of made.splice(0)) await asOwner(`drop database if exists ${name} with (force)`)
    },
  }
}

/**
 * A schema takes longer to create than to empty; the number of its migrations remains. Deleting the rows of a small
 * table takes a tenth of the time of truncating it, which creates new files for the table and for each of its indexes.
 */
const deleteAll = `do $$
  declare found record;
  begin
    -- Foreign keys are not checked: in the end everything is gone.
    set local session_replication_role = replica;
    for found in
      select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname like 'tessera%' and tablename <> 'tessera_schema'
    loop
      if pg_relation_size(found.name) > 1048576 then
        execute format('truncate %s cascade', found.name);
      else
        execute format('delete from %s', found.name);
      end if;
    end loop;
    for found in
      select format('%I.%I', schemaname, sequencename) as name from pg_sequences
      where schemaname like 'tessera%' and last_value is not null
    loop
      execute format('alter sequence %s restart', found.name);
    end loop;
  end $$`
