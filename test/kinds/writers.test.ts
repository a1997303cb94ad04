/**
 * Everything that the process writes to: full, slow, gone, and back. The table has a row for each source file that
 * writes to something outside of the process; rows run actual processes, or name the test that verifies the file's
 * behaviour.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { mkdir, readFile, rename, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, test } from 'node:test'
import { testFolder } from '../support/folder.ts'
import { startPostgres } from '../support/postgres.ts'
import { textsOf } from '../support/repository.ts'
import {
  ask,
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

/** Runs the server until the test ends. */
async function serve({
  storage,
  configuration,
  ...given
}: Omit<Serving, 'file'> & { readonly storage?: string } = {}) {
  const directory = folder.at(nextName())
  await mkdir(directory)
  const server = await startServer({
    file: join(directory, 'tessera.json'),
    configuration: { ...(storage !== undefined && { storage }), ...configuration },
    ...given,
  })
  children.push(server.child)
  return { ...server, database: join(directory, 'tessera.db') }
}

/** How long a file of the process may become, in bytes. Without `prlimit` (util-linux) the test fails. */
function limitFiles({ pid }: ChildProcess, bytes: string): void {
  execFileSync('prlimit', [`--pid=${pid}`, `--fsize=${bytes}:unlimited`])
}

/** Asserts that valid clients are served, and that the server exits on a signal. */
async function assertServes(server: Server): Promise<void> {
  // More lines than a pipe and a buffer of 1 MiB hold.
  for (let round = 0; round < 20; round++)
    await Promise.all(Array.from({ length: 20 }, () => server.refused()))
  assert.equal((await server.token()).status, 200)
  assert.equal(await server.status('/readyz'), 200)
  assert.equal(await server.ends(), 0)
}

/** Runs a CLI command until it exits. */
async function run(words: readonly string[], stdout: Output, mostBytes?: number) {
  const limit = mostBytes === undefined ? [] : ['prlimit', `--fsize=${mostBytes}:unlimited`]
  const [command = '', ...args] = [...limit, process.execPath, entry, ...words]
  const child = spawn(command, args, { stdio: ['ignore', stdout, 'pipe'] })
  children.push(child)
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const [code] = await once(child, 'close')
  return { code, stderr }
}

type Check = readonly [title: string, run: () => Promise<void>]

type Streams = readonly ('stdout' | 'stderr')[]

const outputs = (streams: Streams, workers: number): readonly Check[] => {
  const name = `${streams.join(' and ')}, ${workers} process(es)`
  const serveTo = (fd: number) =>
    serve({ workers, ...Object.fromEntries(streams.map(stream => [stream, fd] as const)) })
  return [
    [
      `${name}: on a full disk`,
      async () => {
        const fd = openSync('/dev/full', 'w')
        await assertServes(await serveTo(fd))
        closeSync(fd)
      },
    ],
    [
      `${name}: to a pipe that nobody reads`,
      async () => {
        const pipe = await openPipe(folder.at(nextName()))
        await assertServes(await serveTo(pipe.fd))
        pipe.close()
      },
    ],
    [
      `${name}: to a pipe whose reader is gone`,
      async () => {
        const pipe = await openPipe(folder.at(nextName()))
        pipe.close()
        await assertServes(await serveTo(pipe.fd))
      },
    ],
  ]
}

const sqlite: readonly Check[] = [
  [
    'a database file that is moved away is 503 until it is back, and a write lock that another process holds keeps the server neither from serving nor from ending',
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
      const holder = new DatabaseSync(file)
      // The server may be writing in the background.
      holder.exec('pragma busy_timeout = 10000; begin immediate')
      assert.equal((await server.token()).status, 200)
      assert.equal(await server.ends(), 0)
      holder.close()
    },
  ],
  [
    'a file that can’t grow is 503 for writes, reads continue, and writes recover once there is space',
    async () => {
      const [client, api] = ['web', 'urn:api']
      const server = await serve({
        storage: 'sqlite:./tessera.db',
        configuration: {
          clients: [
            {
              ...{ client_id: client, client_secrets: [{ value: 'secret' }], scope: 'api' },
              ...{ grant_types: ['client_credentials'], access_token_type: 'reference' },
            },
          ],
          api_resources: [{ name: api, scopes: ['api'], api_secrets: [{ value: 'api-secret' }] }],
        },
      })
      const first = await server.token()
      assert.equal(first.status, 200)
      const { access_token } = JSON.parse(first.body) as { access_token: string }
      const introspect = () =>
        ask(`${server.url}/connect/introspect`, `token=${access_token}`, {
          authorization: `Basic ${btoa(`${encodeURIComponent(api)}:api-secret`)}`,
        })
      // As a full disk does: nothing beyond this many bytes of a file can be written.
      limitFiles(server.child, '4096')
      await until('a write is refused', async () => (await server.token()).status === 503)
      const refused = await server.token()
      assert.deepEqual([refused.status, refused.retryAfter !== undefined], [503, true])
      assert.equal(await server.status('/readyz'), 503)
      assert.equal(await server.status('/healthz'), 200)
      const read = await introspect()
      assert.equal(read.status, 200)
      assert.match(read.body, /"active":true/)
      limitFiles(server.child, 'unlimited')
      await until('the server is ready', async () => (await server.status('/readyz')) === 200)
      assert.equal((await server.token()).status, 200)
      assert.match((await introspect()).body, /"active":true/)
      assert.equal(await server.ends(), 0)
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
  'a hung primary keeps no worker from serving, /metrics included',
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
    'a command whose reader closes early ends quietly, and one whose output is full fails, whichever it is',
    async () => {
      const name = nextName()
      const configuration = {
        storage: `sqlite:./${name}.db`,
        accounts: {},
        users: [{ sub: '1', username: 'a' }],
      }
      const file = await folder.write(`${name}.json`, JSON.stringify(configuration))
      const on = (...words: string[]) => [...words, '--config', file]
      const add = [...on('users', 'add'), '--no-password', '--username']
      assert.equal((await run([...add, 'dora'], 'ignore')).code, 0)
      // All write by one function, and one place tells a closed pipe from a failed write.
      for (const words of [['config', 'schema'], ['--help'], [...add, 'emil']]) {
        const pipe = await openPipe(folder.at(nextName()))
        pipe.close()
        const { code, stderr } = await run(words, pipe.fd)
        assert.deepEqual([code, /EPIPE|Error|^ {4}at /m.test(stderr)], [0, false], words.join(' '))
      }
      const full = openSync('/dev/full', 'w')
      for (const words of [
        ...[['config', 'schema'], ['config', 'check', file], ['--help'], ['--version'], ['users', '--help']],
        ...[on('keys', 'rotate'), on('keys', 'list'), on('users', 'list'), [...add, 'fritz']],
      ]) {
        const { code, stderr } = await run(words, full)
        assert.equal(code, 1, words.join(' '))
        assert.match(stderr, /^tessera: standard output: ENOSPC/m, words.join(' '))
      }
      closeSync(full)
    },
  ],
  [
    'a command whose errors nobody reads ends quietly with its own exit code',
    async () => {
      const name = nextName()
      const users = Array.from({ length: 3000 }, () => ({ sub: '', username: '' }))
      const file = await folder.write(`${name}.json`, JSON.stringify({ storage: 'memory:', users }))
      const pipe = await openPipe(folder.at(nextName()))
      pipe.close()
      const child = spawn(process.execPath, [entry, 'config', 'check', file], {
        stdio: ['ignore', 'ignore', pipe.fd],
      })
      children.push(child)
      assert.deepEqual(await once(child, 'close'), [1, null])
    },
  ],
]

/** Creates a database that is larger than a test's full disk. */
async function fillDatabase() {
  const name = nextName()
  const file = await folder.write(`${name}.json`, JSON.stringify({ storage: `sqlite:./${name}.db` }))
  assert.equal((await run(['keys', 'rotate', '--config', file], 'ignore')).code, 0)
  const database = new DatabaseSync(folder.at(`${name}.db`))
  database.exec(`insert into consents (sub, client_id, scope, created_at)
    with recursive n (i) as (select 1 union all select i + 1 from n where i < 5000)
    select 'user' || i, 'web', 'openid profile', 1790000000 from n`)
  database.close()
  return { file, at: (ending: string): string => folder.at(`${name}.${ending}`) }
}

const backups: readonly Check[] = [
  [
    'a backup to a full disk fails, says so and leaves no file; once there is space it succeeds',
    async () => {
      const { file, at } = await fillDatabase()
      const words = ['backup', '--config', file, '--to', at('backups')]
      const copy = join(at('backups'), basename(at('db')))
      const full = await run(words, 'ignore', 131_072)
      assert.equal(full.code, 1)
      assert.match(full.stderr, /^tessera: /m)
      assert.equal(existsSync(copy), false)
      assert.deepEqual(await run(words, 'ignore'), { code: 0, stderr: '' })
      assert.equal((await stat(copy)).mode & 0o777, 0o600)
    },
  ],
]

const exported: readonly Check[] = [
  [
    'an export to a missing folder fails and says so',
    async () => {
      const name = nextName()
      const file = await folder.write(`${name}.json`, JSON.stringify({ storage: `sqlite:./${name}.db` }))
      assert.equal((await run(['keys', 'rotate', '--config', file], 'ignore')).code, 0)
      const to = folder.at('gone', `${name}.export`)
      const { code, stderr } = await run(['export', '--config', file, '--to', to], 'ignore')
      assert.equal(code, 1)
      assert.match(stderr, /^tessera: .*gone.*: there is no such file or folder \(ENOENT\)/m)
    },
  ],
  [
    'an export to a full disk fails and says so, and succeeds once there is space',
    async () => {
      const { file, at } = await fillDatabase()
      // More than SQLite writes for a database that is only read, and less than the export.
      const full = await run(['export', '--config', file, '--to', at('export')], 'ignore', 131_072)
      assert.equal(full.code, 1)
      assert.match(full.stderr, /^tessera: EFBIG/m)
      assert.equal((await run(['export', '--config', file, '--to', at('later')], 'ignore')).code, 0)
      assert.match(await readFile(at('later'), 'utf8'), /"total":\d{4,},.*\n$/)
    },
  ],
]

/** The test that already covers a row, by file and title. */
type HeldBy = { readonly heldBy: string; readonly title: string }
type Row = readonly Check[] | HeldBy

const source = (file: string): string => `packages/server/src/${file}`
const mail: HeldBy = {
  heldBy: 'test/accounts/mail.test.ts',
  title:
    'mail: an unresponsive submission server does not prevent storing, and all mail is sent when it is back',
}
const sqliteHeld: HeldBy = {
  heldBy: 'test/contracts/sqlite.test.ts',
  title: 'sqlite: while another process holds the lock, writes are unavailable and reads continue',
}
const passkeys: HeldBy = {
  heldBy: 'test/mfa/passkey-thread.test.ts',
  title:
    'passkeys: if the thread does not answer, the calls that wait get 503, and the next one starts another',
}

const rows: Readonly<Record<string, Row>> = {
  'operations/output/line-sink.ts': outputs(['stderr'], 1),
  // With workers, the primary prints one line to standard output, by the same function as a single process.
  'operations/output/standard-output.ts': [...outputs(['stdout'], 1), ...outputs(['stdout', 'stderr'], 2)],
  'cli/program.ts': command,
  'storage/transfer/write.ts': exported,
  'storage/sqlite/database.ts': sqlite,
  'storage/sqlite/writer/thread.ts': sqliteHeld,
  'storage/sqlite/writer/writer.ts': sqliteHeld,
  'storage/sqlite/backup.ts': backups,
  'identity/passkey-thread.ts': passkeys,
  'identity/passkey-verification.ts': passkeys,
  'storage/postgres/database.ts': postgres,
  'storage/postgres/connection.ts': {
    heldBy: 'test/contracts/postgres-connections.test.ts',
    title:
      'postgres connections: fewer connections than the pool allows serve all requests, and this is logged',
  },
  'storage/postgres/changes.ts': {
    heldBy: 'test/contracts/postgres-connections.test.ts',
    title: 'postgres connections: after a failover, lost open connections fail no request',
  },
  'operations/workers/primary.ts': [hungPrimary],
  'operations/workers/supervision.ts': {
    heldBy: 'test/cli/workers.test.ts',
    title:
      'workers: a hung worker is killed and replaced, the others serve in the meantime, and SIGINT ends them all with exit code 0',
  },
  'operations/mail/smtp.ts': mail,
  'outbound/outbound.ts': {
    heldBy: 'test/outbound/outbound.test.ts',
    title: 'outbound: a response that is too large, too slow or aborted is an error',
  },
  'sessions/logout-delivery.ts': {
    heldBy: 'test/sessions/backchannel-logout.test.ts',
    title: 'back-channel logout: undelivered notices survive a restart',
  },
  'identity/directory/connection.ts': {
    heldBy: 'test/federation/ldap.test.ts',
    title: 'ldap: there are at most the configured connections, however many users sign in',
  },
  'keys/unconfigured-master-key.ts': {
    heldBy: 'test/keys/master-key.test.ts',
    title: 'master key: if no file can be created, the operator gets an error with a fix',
  },
}

/** Matches code that writes to something outside of the process. */
const writes =
  /new DatabaseSync\(|[^.a-zA-Z]backup\(|new pg\.(Pool|Client)\(|import\('node:https'\)|createTransport\(|writeSync\(|writeFile\(|createWriteStream\(|await open\(|openSync\(|linkSync\(|process\.send|worker\.send\(|new Client\(|\.postMessage\(|process\.stdout\.on|process\.stderr\.on|sendLogoutToken|outbound\.post/

/** Reads only, or writes to the standard streams that `operations/output/standard-output.ts` guards for every command. */
const readers = ['cli/reload-signal.ts', 'runtime/regular-file.ts', 'storage/sqlite/inspect.ts']

test('writers: each file that writes to something outside of the process has a row', () => {
  const files = [...textsOf('packages/server/src/**/*.ts')]
    .filter(([, text]) => writes.test(text))
    .map(([file]) => file.replace('packages/server/src/', ''))
    .filter(file => !readers.includes(file))
  assertCovers(
    Object.keys(rows),
    [...files, 'cli/program.ts', 'sessions/logout-delivery.ts'].filter(
      (file, index, all) => all.indexOf(file) === index,
    ),
    'file that writes',
  )
})

test('writers: every entry point guards its standard streams', () => {
  const entries = [...textsOf('packages/server/src/cli/*.js').values()].flatMap(text =>
    [...text.matchAll(/await import\('\.\/([\w-]+\.ts)'\)/g)].map(([, file]) => source(`cli/${file}`)),
  )
  assert.deepEqual(
    entries.toSorted(),
    ['program', 'worker'].map(name => source(`cli/${name}.ts`)),
  )
  for (const file of entries) assert.match(textsOf(file).get(file) ?? '', /guardStandardOutput\(\)/, file)
})

for (const [file, row] of Object.entries(rows)) {
  if (!('heldBy' in row)) {
    for (const [title, check] of row) test(`writers: ${file}: ${title}`, options, check)
    continue
  }
  test(`writers: ${file} is covered by another test`, () => {
    const text = textsOf(row.heldBy).get(row.heldBy) ?? ''
    assert.ok(text.includes(`'${row.title}'`), `${row.heldBy} has no test "${row.title}"`)
  })
}
