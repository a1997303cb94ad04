/** SIGHUP: a running server reloads its configuration. */

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { after, afterEach, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { jwkOfOne, one } from '../support/certificates.ts'
import { testFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'
import { finish, logEventsIn, readyUrl, start, tessera } from './tessera.ts'

const options = { timeout: 120_000 }
const folder = testFolder()
let running: ChildProcess | undefined
afterEach(() => running?.kill('SIGKILL'))
after(async () => {
  for (const server of shared.values()) (await server).child.kill('SIGKILL')
})

const client = (value: string) => ({
  client_id: 'machine',
  client_secrets: [{ value }],
  grant_types: ['client_credentials'],
  scope: 'api1',
  access_token_type: 'reference',
})

const scopes = { api_scopes: [{ name: 'api1' }] }

let files = 0
/** A file, and a function that writes it again. */
async function configured(secret: string) {
  const storage = `sqlite:./reload-${++files}.db`
  const file = folder.at(`reload-${files}.json`)
  const write = (changes: object = {}) =>
    writeFile(file, JSON.stringify({ storage, ...scopes, clients: [client(secret)], ...changes }))
  await write()
  return { file, write }
}

async function serve(...words: readonly string[]) {
  const child = start(['serve', '--port', '0', ...words])
  running = child
  let log = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    log += text
  })
  const end = finish(child)
  const url = await readyUrl(child)
  const events = (event: string) => logEventsIn(log).filter(line => line.event === event)
  /** Resolves when this many processes have logged the event. */
  const reload = async (event: string, count = 1): Promise<void> => {
    const wanted = events(event).length + count
    child.kill('SIGHUP')
    await until(`${event} is logged`, () => events(event).length >= wanted)
  }
  const stop = async (): Promise<number | null> => {
    child.kill('SIGTERM')
    return (await end).code
  }
  return { url, child, events, reload, stop }
}

type Shared = Awaited<ReturnType<typeof serve>> & Awaited<ReturnType<typeof configured>>

/** One server with one process and one with two, because each process costs a second of CPU. Ended by the last tests. */
const shared = new Map<number, Promise<Shared>>()

async function startShared(workers: number): Promise<Shared> {
  const configuration = await configured('before')
  const server = await serve('--config', configuration.file, '--workers', String(workers))
  running = undefined
  return { ...configuration, ...server }
}

/** Gives the shared server a file with this secret; `events` returns those that are logged from then on. */
async function serveShared(workers: number, secret: string): Promise<Shared> {
  const starting = shared.get(workers) ?? startShared(workers)
  shared.set(workers, starting)
  const server = await starting
  const write = (changes: object = {}) => server.write({ clients: [client(secret)], ...changes })
  await write()
  await server.reload('configuration_applied', workers)
  const before = new Map<string, number>()
  for (const event of ['configuration_refused', 'worker_start_failed', 'tokens_issued'])
    before.set(event, server.events(event).length)
  return { ...server, write, events: event => server.events(event).slice(before.get(event) ?? 0) }
}

/** On its own connection, so that any worker may respond. */
const ask = (url: string, value: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = {
      authorization: `Basic ${Buffer.from(`machine:${value}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    }
    const asked = request(`${url}/connect/token`, { method: 'POST', agent: false, headers }, answer => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0))
    })
    asked.once('error', reject)
    asked.end('grant_type=client_credentials')
  })

for (const workers of [1, 2])
  test(
    `reload: continuous requests all get responses, through ten new configurations [${workers}]`,
    options,
    async () => {
      const server = await serveShared(workers, 'always')
      const statuses: number[] = []
      let done = false
      const caller = async (): Promise<void> => {
        while (!done) statuses.push(await ask(server.url, 'always'))
      }
      const callers = Promise.all(Array.from({ length: 8 }, caller))
      for (let count = 0; count < 10; count++) {
        const client_secrets = [{ value: 'always' }, { value: `secret-${count}` }]
        await server.write({ clients: [{ ...client('always'), client_secrets }] })
        await server.reload('configuration_applied', workers)
        const [now, before] = [`secret-${count}`, `secret-${count - 1}`]
        assert.deepEqual([await ask(server.url, now), await ask(server.url, before)], [200, 401])
      }
      done = true
      await callers
      assert.ok(statuses.length > 100, `only ${statuses.length}`)
      assert.deepEqual(
        statuses.filter(status => status !== 200),
        [],
      )
    },
  )

for (const workers of [1, 2])
  test(
    `reload: errors in a file are reported as at a start, and the current configuration remains [${workers}]`,
    options,
    async () => {
      const server = await serveShared(workers, 'first')
      const { file, write } = server
      await write({ storag: 'memory:', clients: [client('second')] })
      await server.reload('configuration_refused')
      const { stderr } = await tessera(['serve', '--config', file])
      const [{ errors }] = server.events('configuration_refused') as [Record<string, any>]
      assert.equal(errors.length, 1)
      const { path, problem, expected, nearest, fix } = errors[0]
      assert.ok(
        stderr.startsWith(`${path}: ${problem}\n    expected: ${expected}; did you mean "${nearest}"?`),
      )
      assert.ok(stderr.includes(fix))
      assert.deepEqual([await ask(server.url, 'first'), await ask(server.url, 'second')], [200, 401])
      await writeFile(file, '{')
      await server.reload('configuration_refused')
      await write({ clients: [client('third')] })
      await server.reload('configuration_applied', workers)
      assert.equal(await ask(server.url, 'third'), 200)
      // If the first worker rejects it, the others are not asked.
      assert.equal(server.events('configuration_refused').length, 2)
    },
  )

for (const workers of [1, 2])
  test(
    `reload: a change that needs a restart is refused by name, with everything else in the file [${workers}]`,
    options,
    async () => {
      const server = await serveShared(workers, 'first')
      const { write } = server
      const metrics = { tokens: [{ value: 'a-token-of-thirty-two-characters' }] }
      await write({
        ...{ host: '0.0.0.0', issuer: 'https://other.example', storage: 'sqlite:./other.db', metrics },
        clients: [client('second')],
      })
      await server.reload('configuration_refused')
      const [{ errors }] = server.events('configuration_refused') as [Record<string, any>]
      assert.deepEqual(
        errors.map(({ path }: { path: string }) => path),
        ['issuer', 'host', 'storage', 'metrics'],
      )
      assert.match(errors[0].fix, /restart/)
      assert.deepEqual([await ask(server.url, 'first'), await ask(server.url, 'second')], [200, 401])
    },
  )

test(
  'reload: proxies that forward certificates are trusted while they are configured, and no longer',
  options,
  async () => {
    const mtls = { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.0/8'] }
    const byCertificate = {
      ...{ client_id: 'bound', grant_types: ['client_credentials'], scope: 'api1' },
      ...{ token_endpoint_auth_method: 'self_signed_tls_client_auth' },
      jwks: { keys: [{ ...jwkOfOne, x5c: [one] }] },
    }
    const server = await serveShared(1, 'always')
    const status = async (): Promise<number> => {
      const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'bound' })
      const headers = { 'client-cert': `:${one}:` }
      return (await fetch(`${server.url}/connect/token`, { method: 'POST', headers, body })).status
    }
    const statuses = [await status()]
    for (const trusted_proxies of [['192.0.2.1'], ['127.0.0.0/8'], ['192.0.2.1']]) {
      await server.write({ mtls: { ...mtls, trusted_proxies }, clients: [client('always'), byCertificate] })
      await server.reload('configuration_applied')
      statuses.push(await status())
    }
    assert.deepEqual(statuses, [401, 401, 200, 401])
  },
)

for (const workers of ['1', '2'])
  test(
    `reload: a module is refused with the fix, and a worker that is restarted reads it [${workers}]`,
    options,
    async () => {
      const own = folder.at(`module-${++files}`)
      await mkdir(own)
      const write = (secret: string): Promise<void> =>
        writeFile(`${own}/secret.mjs`, `export const secrets = [{ value: '${secret}' }]`)
      await write('first')
      await writeFile(
        `${own}/tessera.mts`,
        `import { defineConfig } from '@tessera/server'
import { secrets } from './secret.mjs'
export default defineConfig({
  storage: 'sqlite:./module.db', api_scopes: [{ name: 'api1' }],
  clients: [{ ...${JSON.stringify(client(''))}, client_secrets: secrets }],
})`,
      )
      const server = await serve('--config', `${own}/tessera.mts`, '--workers', workers)
      await write('second')
      await server.reload('configuration_refused')
      const [{ errors }] = server.events('configuration_refused') as [Record<string, any>]
      assert.deepEqual(errors, [
        {
          path: `${own}/tessera.mts`,
          problem: "a module can't be reloaded: Node reads it once per process",
          expected: 'a JSON, JSONC or YAML file',
          fix: 'restart the processes one after the other',
        },
      ])
      assert.deepEqual([await ask(server.url, 'first'), await ask(server.url, 'second')], [200, 401])
      // As docs/guides/operating.md describes a rolling restart.
      const started = server.events('worker_started')
      for (const [index, { pid }] of started.entries()) {
        process.kill(pid as number, 'SIGTERM')
        await until(
          'a new worker is started',
          () => server.events('worker_started').length === started.length + index + 1,
        )
        await until('it serves the new module', async () => (await ask(server.url, 'second')) === 200)
      }
      if (started.length > 0) {
        const statuses = await Promise.all(Array.from({ length: 8 }, () => ask(server.url, 'first')))
        assert.deepEqual(new Set(statuses), new Set([401]))
      }
      assert.equal(server.events('configuration_refused').length, 1)
      assert.equal(await server.stop(), 0)
    },
  )

test(
  'reload: a replaced worker uses the same store as the others, whatever the file says by then',
  options,
  async () => {
    const server = await serveShared(2, 'first')
    const { write } = server
    await write({ storage: 'sqlite:./another.db' })
    await server.reload('configuration_refused')
    process.kill(server.events('worker_started')[0]?.pid, 'SIGKILL')
    await until('the start of a worker fails', () => server.events('worker_start_failed').length > 0)
    assert.match(server.events('worker_start_failed')[0]?.error, /restart the server/)
    assert.equal(await ask(server.url, 'first'), 200)
    await write({ clients: [client('second')] })
    await server.reload('configuration_applied')
    const served = () => Promise.all(Array.from({ length: 8 }, () => ask(server.url, 'second')))
    const workers = () =>
      new Set(
        server
          .events('tokens_issued')
          .slice(-40)
          .map(({ worker }) => worker),
      )
    await until(
      'both workers serve the newest file',
      async () => (await served()).every(status => status === 200) && workers().size === 2,
    )
  },
)

// The last at this server, which may log that it applied a configuration afterwards.
test(
  'reload: signals during a reload are not lost, and the newest configuration is served',
  options,
  async () => {
    const server = await serveShared(2, 'first')
    for (let count = 0; count < 5; count++) {
      await server.write({ clients: [client(`secret-${count}`)] })
      server.child.kill('SIGHUP')
      await setTimeout(5)
    }
    const served = () => Promise.all(Array.from({ length: 8 }, () => ask(server.url, 'secret-4')))
    await until('every worker serves the newest file', async () =>
      (await served()).every(status => status === 200),
    )
  },
)

for (const workers of [1, 2])
  test(
    `reload: after all of this, SIGTERM ends the server with exit code 0 [${workers}]`,
    options,
    async () => {
      const server = await shared.get(workers)
      assert.equal(await server?.stop(), 0)
    },
  )
