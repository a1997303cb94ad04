/** `tessera serve --workers N`: several processes on one port and one store, from start to exit. */

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { request as send } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { freePort } from '../support/process.ts'
import { until } from '../support/until.ts'
import { finish, logEventsIn, readyUrl, start, tessera } from './tessera.ts'

const options = { timeout: 120_000 }

let folder = ''
let running: ChildProcess | undefined
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-workers-'))
})
afterEach(() => running?.kill('SIGKILL'))
after(async () => {
  ;(await shared)?.child.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

const configuration = {
  storage: 'sqlite:./workers.db',
  clients: [
    {
      client_id: 'web',
      client_secrets: [{ value: 'secret' }],
      grant_types: ['password', 'refresh_token'],
      scope: 'openid offline_access',
      refresh_token_retry_window: 0,
    },
  ],
  users: [{ sub: '1', username: 'alice', password: 'alice' }],
}

let files = 0
async function fileOf(changes: object = {}): Promise<string> {
  const name = `configuration-${++files}`
  const file = join(folder, `${name}.json`)
  await writeFile(file, JSON.stringify({ ...configuration, storage: `sqlite:./${name}.db`, ...changes }))
  return file
}

/** Serves with this many workers, as an operator does, and gives access to the log. */
async function serve(words: readonly string[], variables: Record<string, string> = {}) {
  const child = start(['serve', ...words], variables)
  running = child
  let log = ''
  child.stderr.on('data', chunk => {
    log += chunk
  })
  const end = finish(child)
  const url = await readyUrl(child)
  const events = (event: string) => logEventsIn(log).filter(line => line.event === event)
  return { child, url, end, events, pids: () => events('worker_started').map(({ pid }) => pid as number) }
}

/** On its own connection, so that any worker may respond. */
function request(
  url: string,
  { headers, form }: { headers?: Record<string, string>; form?: Record<string, string> } = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      method: form ? 'POST' : 'GET',
      agent: false,
      headers: { connection: 'close', ...(form && formHeaders), ...headers },
    }
    const sent = send(url, options, answer => {
      let body = ''
      answer.setEncoding('utf8').on('data', chunk => {
        body += chunk
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }))
      answer.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(form && String(new URLSearchParams(form)))
  })
}

const formHeaders = {
  'content-type': 'application/x-www-form-urlencoded',
  authorization: `Basic ${Buffer.from('web:secret').toString('base64')}`,
}

async function ask(
  url: string,
  path: string,
  form?: Record<string, string>,
): Promise<{ status: number; json: any }> {
  const { status, body } = await request(url + path, form ? { form } : {})
  return { status, json: JSON.parse(body) }
}

const password = { grant_type: 'password', username: 'alice', password: 'alice' }

type Serving = Awaited<ReturnType<typeof serve>>
type Shared = Serving & { readonly file: string }

/** Sends a signal to the server while it processes requests; resolves to a check that each gets its response. */
async function stopWhileServing(server: Serving, signal: NodeJS.Signals): Promise<() => Promise<void>> {
  const before = server.events('tokens_issued').length
  const answers = Promise.all(Array.from({ length: 8 }, () => ask(server.url, '/connect/token', password)))
  await until('tokens are issued', () => server.events('tokens_issued').length > before)
  server.child.kill(signal)
  return async () =>
    assert.deepEqual(
      (await answers).map(({ status }) => status),
      Array(8).fill(200),
    )
}

async function assertEnded(server: Serving): Promise<void> {
  assert.equal((await server.end).code, 0)
  assert.deepEqual(server.pids().filter(lives), [])
  await assert.rejects(ask(server.url, '/readyz'))
}

const metricsToken = 'a-token-of-thirty-two-characters'

/** Two workers for the tests that leave two workers, because each process costs a second of CPU. Ended by the last. */
let shared: Promise<Shared> | undefined
function serveShared(): Promise<Shared> {
  shared ??= (async () => {
    const file = await fileOf({ metrics: { tokens: [{ value: metricsToken }] } })
    const server = await serve(['--config', file, '--port', '0', '--workers', '2'])
    running = undefined
    return { ...server, file }
  })()
  return shared
}

const lives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test(
  'workers: a hung worker is killed and replaced, the others serve in the meantime, and SIGINT ends them all with exit code 0',
  options,
  async () => {
    const server = await serve(['--config', await fileOf({ drain_delay: 1 }), '--port', '0'], {
      TESSERA_WORKERS: '2',
    })
    const [first] = server.pids() as [number]
    process.kill(first, 'SIGSTOP')
    const hung = until('a worker is reported as hung', () => server.events('worker_hung').length > 0, {
      within: 60_000,
    })
    // The system still gives the worker connections: some of these wait until it is killed.
    const answers = Array.from({ length: 20 }, () =>
      ask(server.url, '/readyz').then(
        ({ status }) => status,
        error => error.code,
      ),
    )
    await hung
    await until('a third worker starts', () => server.pids().length === 3)
    const statuses = await Promise.all(answers)
    assert.ok(statuses.includes(200), String(statuses))
    assert.partialDeepStrictEqual(server.events('worker_hung')[0], { level: 'error', worker: 1, pid: first })
    assert.partialDeepStrictEqual(server.events('worker_ended')[0], { worker: 1, signal: 'SIGKILL' })
    const assertServed = await stopWhileServing(server, 'SIGINT')
    await assertServed()
    await assertEnded(server)
  },
)

test(
  'workers: a second signal to the primary ends it and all workers without draining, with exit code 1',
  options,
  async () => {
    const server = await serve([
      '--config',
      await fileOf({ drain_delay: 300 }),
      '--port',
      '0',
      '--workers',
      '2',
    ])
    server.child.kill('SIGTERM')
    await until('they drain', async () => (await ask(server.url, '/readyz')).status === 503)
    server.child.kill('SIGTERM')
    assert.equal((await once(server.child, 'exit'))[0], 1)
    await until('the workers end', () => !server.pids().some(lives))
  },
)

test(
  'workers: when the primary is killed they end too, and the port is free for the next',
  options,
  async () => {
    const file = await fileOf()
    const port = String(await freePort())
    const before = await serve(['--config', file, '--port', port, '--workers', '2'])
    const { json } = await ask(before.url, '/connect/token', password)
    before.child.kill('SIGKILL')
    // One process, because it only has to listen at the same port.
    const after = await serve(['--config', file, '--port', port, '--workers', '1'])
    await until('the workers end', () => !before.pids().some(lives))
    const { refresh_token } = json
    const refreshed = await ask(after.url, '/connect/token', { grant_type: 'refresh_token', refresh_token })
    assert.equal(refreshed.status, 200)
    after.child.kill('SIGTERM')
    assert.equal((await after.end).code, 0)
  },
)

test(
  'workers: if one worker can’t start, all stop, and the error is logged once with exit code 1',
  options,
  async () => {
    const file = await fileOf()
    assert.equal((await tessera(['keys', 'rotate', '--config', file])).code, 0)
    const key = file.replace(/json$/, 'db.key')
    await rm(key)
    const { code, stdout, stderr } = await tessera([
      'serve',
      '--config',
      file,
      '--port',
      '0',
      '--workers',
      '2',
    ])
    assert.deepEqual([code, stdout], [1, ''])
    assert.equal(stderr.match(/the master key of \S+ is missing/g)?.length, 1, stderr)
  },
)

test(
  'workers: an invalid configuration and a port in use are reported as by one process',
  options,
  async () => {
    const faulty = await fileOf({ storag: 'memory:' })
    const [one, two] = await Promise.all(
      ['1', '2'].map(count => tessera(['serve', '--config', faulty, '--workers', count])),
    )
    assert.deepEqual(two, one)
    assert.equal(two?.code, 1)
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const file = await fileOf()
    const ends = await Promise.all(
      ['1', '2'].map(count =>
        tessera(['serve', '--config', file, '--port', String(port), '--workers', count]),
      ),
    )
    taken.close()
    for (const { code, stdout, stderr } of ends) {
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, /^tessera: [^ ]+: another process listens there \(EADDRINUSE\)\n/m)
    }
  },
)

test('workers: memory belongs to one process, so several are refused with it', options, async () => {
  const file = await fileOf({ storage: 'memory:' })
  const { code, stderr } = await tessera(['serve', '--config', file, '--port', '0', '--workers', '2'])
  assert.equal(code, 1)
  assert.match(stderr, /^--workers: each process would have its own memory/)
  const server = await serve(['--config', file, '--port', '0'])
  await ask(server.url, '/connect/token', password)
  assert.deepEqual(server.pids(), [])
  server.child.kill('SIGTERM')
  assert.equal((await server.end).code, 0)
})

for (const count of ['1', '2'])
  test(
    `workers: a server that is stopped reports so first, and accepts connections for a while, and running requests get their responses [${count}]`,
    options,
    async () => {
      const file = await fileOf({ drain_delay: 5 })
      const server = await serve(['--config', file, '--port', '0', '--workers', count])
      assert.equal((await ask(server.url, '/readyz')).status, 200)
      const assertServed = await stopWhileServing(server, 'SIGTERM')
      await until('the server is not ready', async () => (await ask(server.url, '/readyz')).status === 503)
      assert.equal((await ask(server.url, '/healthz')).status, 200)
      assert.equal((await ask(server.url, '/connect/token', password)).status, 200)
      await assertServed()
      await assertEnded(server)
    },
  )

test('workers: mail that is only displayed can’t be used with several processes', options, async () => {
  const server = await serve(['--config', await fileOf({ accounts: {} }), '--port', '0'])
  await ask(server.url, '/connect/token', password)
  assert.deepEqual(server.pids(), [])
  server.child.kill('SIGTERM')
  assert.equal((await server.end).code, 0)
})

test('workers: they share one port, and all of them serve', options, async () => {
  const server = await serveShared()
  const served = () => new Set(server.events('tokens_issued').map(({ worker }) => worker))
  await until('every worker serves', async () => {
    await Promise.all(Array.from({ length: 10 }, () => ask(server.url, '/connect/token', password)))
    return served().size === 2
  })
})

test('workers: the primary runs no server', options, async t => {
  if (process.platform !== 'linux') return t.skip('/proc is Linux’s')
  const server = await serveShared()
  const hasStoreOpen = async (pid: number | undefined) => {
    const names = await readdir(`/proc/${pid}/fd`)
    const open = await Promise.all(names.map(name => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')))
    return open.some(file => /\.db(-wal)?$/.test(file))
  }
  const workers = server.pids()
  assert.equal(workers.length, 2)
  for (const pid of workers) assert.equal(await hasStoreOpen(pid), true)
  assert.equal(await hasStoreOpen(server.child.pid), false)
})

test('workers: a killed worker is replaced, and the others serve in the meantime', options, async () => {
  const server = await serveShared()
  const [first] = server.pids() as [number]
  process.kill(first, 'SIGKILL')
  await until('a worker ends', () => server.events('worker_ended').length > 0)
  assert.equal((await ask(server.url, '/readyz')).status, 200)
  await until('a third worker starts', () => server.pids().length === 3)
  const served = () => new Set(server.events('tokens_issued').map(({ worker }) => worker))
  await until('both workers serve again', async () => {
    await ask(server.url, '/connect/token', password)
    return served().size === 2
  })
  assert.partialDeepStrictEqual(server.events('worker_ended')[0], { worker: 1, signal: 'SIGKILL' })
})

test(
  'workers: a refresh token sent to all workers concurrently is used once, and its second use revokes',
  options,
  async () => {
    const server = await serveShared()
    const { refresh_token } = (await ask(server.url, '/connect/token', password)).json
    const answers = await Promise.all(
      Array.from({ length: 12 }, () =>
        ask(server.url, '/connect/token', { grant_type: 'refresh_token', refresh_token }),
      ),
    )
    const won = answers.filter(({ status }) => status === 200)
    assert.equal(won.length, 1)
    const next = { grant_type: 'refresh_token', refresh_token: won[0]!.json.refresh_token }
    assert.equal((await ask(server.url, '/connect/token', next)).json.error, 'invalid_grant')
  },
)

test(
  'workers: any of them shows the metrics of all, and the counts of a killed one are not lost',
  options,
  async () => {
    const server = await serveShared()
    const metrics = async () => {
      const headers = { authorization: `Bearer ${metricsToken}` }
      const { body: text } = await request(`${server.url}/metrics`, { headers })
      return (series: string) =>
        Number(
          text
            .split('\n')
            .find(line => line.startsWith(`${series} `))
            ?.split(' ')[1],
        )
    }
    const issued = 'tessera_tokens_issued_total{grant_type="password"}'
    const deaths = 'tessera_worker_deaths_total'
    // A worker that was just replaced may report late on a busy machine.
    await until('both workers report', async () => (await metrics())('tessera_workers') === 2)
    const before = await metrics()
    const ended = server.events('worker_ended').length
    for (let count = 0; count < 6; count++) await ask(server.url, '/connect/token', password)
    for (let count = 0; count < 4; count++) {
      const seriesOf = await metrics()
      assert.equal(seriesOf(issued), before(issued) + 6)
      assert.equal(seriesOf('tessera_workers'), 2)
      for (const worker of [1, 2])
        assert.ok(seriesOf(`process_resident_memory_bytes{worker="${worker}"}`) > 0)
    }
    process.kill(server.pids().find(lives)!, 'SIGKILL')
    await until('a worker ends', () => server.events('worker_ended').length > ended)
    await until('the killed worker is counted', async () => (await metrics())(deaths) === before(deaths) + 1)
    await ask(server.url, '/connect/token', password)
    assert.equal((await metrics())(issued), before(issued) + 7)
  },
)

test('workers: a key that the command line adds is published by all workers', options, async () => {
  const server = await serveShared()
  const { stdout } = await tessera(['keys', 'rotate', '--config', server.file])
  assert.match(stdout, /announced/)
  const published = async () =>
    (await ask(server.url, '/.well-known/openid-configuration/jwks')).json.keys.length
  await until('every worker publishes the same keys', async () => {
    const counts = await Promise.all(Array.from({ length: 12 }, published))
    return counts.every(count => count === counts[0] && count > 2)
  })
})

// The last at this server: nobody can sign in after it.
test('workers: guesses at a password are counted for all workers together', options, async () => {
  const server = await serveShared()
  const guess = () => ask(server.url, '/connect/token', { ...password, password: 'wrong' })
  // The limit for one name. If workers counted separately, each would have half of it left.
  for (let count = 0; count < 100; count += 20) await Promise.all(Array.from({ length: 20 }, guess))
  assert.notEqual((await ask(server.url, '/connect/token', password)).status, 200)
})

test(
  'workers: after all of this, SIGTERM ends the server with exit code 0, and it has printed one address',
  options,
  async () => {
    const server = await serveShared()
    server.child.kill('SIGTERM')
    const { code, stdout } = await server.end
    assert.equal(code, 0)
    assert.match(stdout, new RegExp(`^listening on ${server.url}\n(?:in a browser, .*\n)?$`))
  },
)
