/**
 * Everything that the process writes to: full, slow, gone, and back. The table has a row for each source file that writes
 * to something outside of the process; rows run real processes, or name the test that holds the file's behaviour.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, test } from 'node:test'
import { testFolder } from '../support/folder.ts'
import { startPostgres } from '../support/postgres.ts'
import { textsOf } from '../support/repository.ts'
import {
  entry,
  metricsToken,
  type Output,
  type Server,
  type Serving,
  startServer,
} from '../support/serving.ts'
import { openPipe } from '../support/sinks.ts'
import { until } from '../support/until.ts'
import { assertCovers } from './coverage.ts'

const options = { timeout: 120_000, skip: process.platform === 'win32' }
const folder = testFolder()
const children: Pick<ChildProcess, 'kill'>[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

let count = 0
const nextName = (): string => `writers-${++count}`

/** Serves until the test ends. */
async function serve({
  storage,
  ...given
}: Omit<Serving, 'file' | 'configuration'> & { readonly storage?: string } = {}) {
  const directory = folder.at(nextName())
  await mkdir(directory)
  const server = await startServer({
    file: join(directory, 'tessera.json'),
    ...(storage !== undefined && { configuration: { storage } }),
    ...given,
  })
  children.push(server.child)
  return { ...server, database: join(directory, 'tessera.db') }
}

/** Asserts that good clients are served, and that the server ends when it is told to. */
async function assertServes(server: Server): Promise<void> {
  // More lines than a pipe and a buffer of 1 MiB hold.
  for (let round = 0; round < 20; round++)
    await Promise.all(Array.from({ length: 20 }, () => server.refused()))
  assert.equal((await server.token()).status, 200)
  assert.equal(await server.status('/readyz'), 200)
  assert.equal(await server.ends(), 0)
}

/** A command of the command line, to its end. */
async function run(words: readonly string[], stdout: Output) {
  const child = spawn(process.execPath, [entry, ...words], { stdio: ['ignore', stdout, 'pipe'] })
  children.push(child)
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const [code] = await once(child, 'close')
  return { code, stderr }
}

type Check = readonly [title: string, run: () => Promise<void>]

const outputs = (place: 'stdout' | 'stderr', workers: number): readonly Check[] => [
  [
    `${place} on a full disk, ${workers} process(es)`,
    async () => {
      const fd = openSync('/dev/full', 'w')
      await assertServes(await serve({ workers, [place]: fd }))
      closeSync(fd)
    },
  ],
  [
    `${place} to a pipe that nobody reads, ${workers} process(es)`,
    async () => {
      const pipe = await openPipe(folder.at(nextName()))
      await assertServes(await serve({ workers, [place]: pipe.fd }))
      pipe.close()
    },
  ],
  [
    `${place} to a pipe whose reader is gone, ${workers} process(es)`,
    async () => {
      const pipe = await openPipe(folder.at(nextName()))
      pipe.close()
      await assertServes(await serve({ workers, [place]: pipe.fd }))
    },
  ],
]

const sqlite: readonly Check[] = [
  [
    'a database file that is moved away is 503 until it is back',
    async () => {
      const server = await serve({ storage: 'sqlite:./tessera.db' })
      const file = server.database
      assert.equal((await server.token()).status, 200)
      await rename(file, `${file}.away`)
      await until('the server is unready', async () => (await server.status('/readyz')) === 503)
      assert.equal(await server.status('/healthz'), 200)
      await rename(`${file}.away`, file)
      await until('the server is ready', async () => (await server.status('/readyz')) === 200)
      assert.equal((await server.token()).status, 200)
      assert.equal(await server.ends(), 0)
    },
  ],
  [
    'a write lock that another process holds keeps the server neither from serving nor from ending',
    async () => {
      const server = await serve({ storage: 'sqlite:./tessera.db' })
      const holder = new DatabaseSync(server.database)
      holder.exec('begin immediate')
      assert.equal((await server.token()).status, 200)
      assert.equal(await server.ends(), 0)
      holder.close()
    },
  ],
]

const postgres: readonly Check[] = [
  [
    'a database that stops is 503 with Retry-After until it is back',
    async () => {
      const database = await startPostgres()
      try {
        const server = await serve({ storage: await database.database(), workers: 2 })
        assert.equal(await server.status('/readyz'), 200)
        await database.stop()
        await until('the server is unready', async () => (await server.status('/readyz')) === 503)
        assert.equal(await server.status('/healthz'), 200)
        await database.start()
        await until('the server is ready', async () => (await server.status('/readyz')) === 200)
        assert.equal((await server.token()).status, 200)
        await database.stop()
        assert.equal(await server.ends(), 0)
      } finally {
        await database.remove()
      }
    },
  ],
]

const hungPrimary: Check = [
  'a primary that hangs keeps no worker from serving, /metrics included',
  async () => {
    const server = await serve({ workers: 2 })
    server.child.kill('SIGSTOP')
    assert.equal((await server.token()).status, 200)
    const metrics = await server.get('/metrics', { authorization: `Bearer ${metricsToken}` })
    assert.equal(metrics.status, 200)
    assert.match(metrics.body, /^tessera_log_lines_dropped_total 0$/m)
    server.child.kill('SIGCONT')
    assert.equal(await server.ends(), 0)
  },
]

const command: readonly Check[] = [
  [
    'a command whose standard output is full fails and says so',
    async () => {
      const fd = openSync('/dev/full', 'w')
      const { code, stderr } = await run(['config', 'schema'], fd)
      closeSync(fd)
      assert.equal(code, 1)
      assert.match(stderr, /^tessera: standard output: ENOSPC/)
    },
  ],
  [
    'a command whose reader has seen enough ends quietly',
    async () => {
      const pipe = await openPipe(folder.at(nextName()))
      pipe.close()
      assert.deepEqual(await run(['config', 'schema'], pipe.fd), { code: 0, stderr: '' })
    },
  ],
]

const exported: readonly Check[] = [
  [
    'an export to a place that is gone fails and says so',
    async () => {
      const name = nextName()
      const file = await folder.write(`${name}.json`, JSON.stringify({ storage: `sqlite:./${name}.db` }))
      assert.equal((await run(['keys', 'rotate', '--config', file], 'ignore')).code, 0)
      const to = folder.at('gone', `${name}.export`)
      const { code, stderr } = await run(['export', '--config', file, '--to', to], 'ignore')
      assert.equal(code, 1)
      assert.match(stderr, /^tessera: ENOENT.*gone/m)
    },
  ],
]

/** What already has a test of its own, by its title. */
type HeldBy = { readonly heldBy: string; readonly title: string }
type Row = readonly Check[] | HeldBy

const source = (file: string): string => `packages/server/src/${file}`
const mail: HeldBy = {
  heldBy: 'test/flows/mail.test.ts',
  title: 'mail: what can not be handed on waits in the store, is tried again, and is sent once',
}
const sqliteHeld: HeldBy = {
  heldBy: 'test/contracts/sqlite.test.ts',
  title: 'sqlite: while another process holds the lock, writes are unavailable and reads go on',
}

const rows: Readonly<Record<string, Row>> = {
  'output/line-sink.ts': [...outputs('stderr', 1), ...outputs('stderr', 2)],
  'output/standard-output.ts': [...outputs('stdout', 1), ...outputs('stdout', 2)],
  'cli/program.ts': command,
  'portability/write.ts': exported,
  'stores/sqlite/database.ts': sqlite,
  'stores/sqlite/writer-thread.ts': sqliteHeld,
  'stores/sqlite/writer.ts': sqliteHeld,
  'stores/sqlite/backup.ts': {
    heldBy: 'test/cli/carry.test.ts',
    title:
      'cli: a backup made beside a running server starts as it is; a family that went on since is an alarm',
  },
  'stores/postgres/database.ts': postgres,
  'stores/postgres/connection.ts': {
    heldBy: 'test/contracts/postgres-connections.test.ts',
    title: 'postgres connections: fewer than the pool wants serve all requests, and the log says so',
  },
  'stores/postgres/changes.ts': {
    heldBy: 'test/contracts/postgres-connections.test.ts',
    title: 'postgres connections: after a failover no request fails for each connection that had been open',
  },
  'workers/primary.ts': [hungPrimary],
  'workers/supervision.ts': {
    heldBy: 'test/cli/workers.test.ts',
    title: 'workers: one that hangs is killed and replaced, and the others serve meanwhile',
  },
  'mail/smtp.ts': mail,
  'outbound/outbound.ts': {
    heldBy: 'test/flows/outbound.test.ts',
    title: 'outbound: an answer that is too large, too slow or broken off is none',
  },
  'logout/delivery.ts': {
    heldBy: 'test/flows/backchannel-logout.test.ts',
    title: 'back-channel logout: what was not delivered survives a restart',
  },
  'directory/connection.ts': {
    heldBy: 'test/flows/ldap.test.ts',
    title:
      'ldap: a directory that is away or silent is told to be so, counts no guess, and breaks nothing else',
  },
  'keys/master-key.ts': {
    heldBy: 'test/keys/master-key.test.ts',
    title: 'master key: where no file can be made, the operator is told what to do',
  },
}

/** What code that writes to something outside of the process contains. */
const writes =
  /new DatabaseSync\(|[^.a-zA-Z]backup\(|new pg\.(Pool|Client)\(|import\('node:https'\)|createTransport\(|writeSync\(|writeFile\(|createWriteStream\(|await open\(|openSync\(|linkSync\(|process\.send|worker\.send\(|new Client\(|\.postMessage\(|process\.stdout\.on|process\.stderr\.on|sendLogoutToken|outbound\.post/

/** Reads only, or writes to the standard streams that `output/standard-output.ts` guards for every command. */
const readers = ['cli/reload-signal.ts']

test('writers: each file that writes to something outside of the process has a row', () => {
  const files = [...textsOf('packages/server/src/**/*.ts')]
    .filter(([, text]) => writes.test(text))
    .map(([file]) => file.replace('packages/server/src/', ''))
    .filter(file => !readers.includes(file))
  assertCovers(
    Object.keys(rows),
    [...files, 'cli/program.ts', 'logout/delivery.ts'].filter(
      (file, index, all) => all.indexOf(file) === index,
    ),
    'file that writes',
  )
})

test('writers: every entry point guards its standard streams', () => {
  const guarded = [...textsOf('packages/server/src/cli/*.ts')]
    .filter(([, text]) => text.includes('guardStandardOutput()'))
    .map(([file]) => file)
  assert.deepEqual(
    guarded.toSorted(),
    ['primary', 'program', 'worker'].map(name => source(`cli/${name}.ts`)),
  )
})

for (const [file, row] of Object.entries(rows)) {
  if (!('heldBy' in row)) {
    for (const [title, check] of row) test(`writers: ${file}: ${title}`, options, check)
    continue
  }
  test(`writers: ${file} is held by a test of its own`, () => {
    const text = textsOf(row.heldBy).get(row.heldBy) ?? ''
    assert.ok(text.includes(`'${row.title}'`), `${row.heldBy} has no test "${row.title}"`)
  })
}
