/** Tessera as an operator starts it: `tessera serve` on the embedded store, every commit on disk. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { openSqliteStores } from '../../../packages/server/src/storage/sqlite/stores.ts'
import type { Paths } from '../rows/row.ts'
import type { Cores } from './cores.ts'
import { ended, startNode, temporaryDirectory, unlessEnded } from './process.ts'
import type { Candidate, Server } from './server.ts'
import { configuration } from './tessera-configuration.ts'
import { makeCredentials } from './tessera-credentials.ts'

const command = fileURLToPath(new URL('../../../packages/server/src/cli/tessera.js', import.meta.url))

export const paths: Paths = {
  token: '/connect/token',
  dpopToken: '/connect/token',
  introspection: '/connect/introspect',
  userinfo: '/connect/userinfo',
  discovery: '/.well-known/openid-configuration',
  jwks: '/.well-known/openid-configuration/jwks',
}

export type TesseraOptions = {
  readonly cores?: Cores
  /** Keys in addition to those of the parties, or instead of them. */
  readonly configuration?: object
  /** The folder of configuration and database; a new one by default. */
  readonly directory?: string
  /** The client of codes and refresh tokens, which has no secret; `web` by default. */
  readonly publicClient?: string
  /** Processes that share the port; one by default. */
  readonly workers?: number
  readonly env?: Readonly<Record<string, string>>
  /** How the bench reads and writes the same store. */
  readonly openStores?: (directory: string) => Promise<Stores>
}

export const database = 'tessera.db'

export const openDatabase = (directory: string): Promise<Stores> =>
  openSqliteStores({ file: join(directory, database) })

export async function startTessera({
  cores = 'server',
  directory = temporaryDirectory('tessera'),
  openStores = openDatabase,
  workers = 1,
  publicClient,
  ...options
}: TesseraOptions = {}): Promise<Server> {
  const file = join(directory, 'tessera.json')
  writeFileSync(
    file,
    JSON.stringify({ storage: `sqlite:./${database}`, ...configuration, ...options.configuration }),
  )
  const before = performance.now()
  const child = startNode([command, 'serve', '--config', file, '--port', '0', '--workers', String(workers)], {
    ...{ cores, stdio: 'output' },
    // A log line costs 4 µs; the peers write none.
    env: { TESSERA_LOG_LEVEL: 'error', ...options.env },
  })
  const port = await unlessEnded(child, listening(child.stdout!))
  const startMs = performance.now() - before
  let stores: Promise<Stores> | undefined
  return {
    ...{ port, paths, pid: child.pid!, startMs },
    async prepare(kind, count) {
      stores ??= openStores(directory)
      return makeCredentials(await stores, { port, tokenPath: paths.token, publicClient }, kind, count)
    },
    async stop() {
      await (await stores)?.close()
      await terminate(child)
    },
  }
}

async function listening(output: Readable): Promise<number> {
  const lines = createInterface({ input: output })
  for (;;) {
    const [line] = await once(lines, 'line')
    const [, url] = /^listening on (\S+)$/.exec(line) ?? []
    if (url) return Number(new URL(url).port)
  }
}

async function terminate(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  await ended(child)
}

export const tessera: Candidate = {
  name: 'Tessera',
  note: 'tessera serve on SQLite; every commit is on disk before the response',
  paths,
  start: ({ cores = 'server' } = {}) => startTessera({ cores }),
}

/** A restart, because the first start also creates keys, which takes a random time. */
export function startedAgain(): Candidate {
  let directory: string | undefined
  return {
    ...tessera,
    name: 'Tessera, second start',
    start({ cores = 'server' } = {}) {
      directory ??= temporaryDirectory('tessera')
      return startTessera({ cores, directory })
    },
  }
}
