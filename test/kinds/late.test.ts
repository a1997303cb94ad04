/**
 * Late responses: before each change for a client, the server checks whether the client is still connected. A response
 * that it did not receive must not be held against it (docs/decisions/0029-clients-that-hang-up.md).
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Route } from '@tessera/protocol/http'
import { kinds, lost, type Nodes, sendTo, sqlite, withNodes } from '../reliability/late.ts'
import { createCountingStores, isWrite } from '../support/counting.ts'
import { ask, serve } from '../support/edges.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { providePostgres } from '../support/postgres.ts'
import { readText } from '../support/repository.ts'
import { createTestServer, type SendOptions, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { secret, world } from '../support/world.ts'
import { assertCovers, everyEndpoint, everythingOn } from './coverage.ts'

const gone = async (): Promise<boolean> => false
const there = async (): Promise<boolean> => true
type Client = Pick<SendOptions, 'connected'>
const web = ['web', secret] as const
const roclient = ['roclient', secret] as const

const redeem = (server: TestServer, code: string, client: Client, code_verifier = verifier) =>
  server.token(
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier },
    { client: web, ...client },
  )

const refresh = async (server: TestServer, refresh_token: string, client: Client = {}) =>
  server.token({ grant_type: 'refresh_token', refresh_token }, { client: roclient, ...client })

type Row = {
  readonly title: string
  /** Causes the refusal with an effect, for a client that is connected or not; resolves to whether it was written. */
  readonly written: (server: TestServer, client: Client) => Promise<boolean>
  readonly reason: string
}

/** The effects that a refusal may have. */
const effects: Readonly<Record<string, readonly Row[]>> = {
  revoke_authorization: [
    {
      title: 'a code that comes a second time',
      reason: 'code_replayed',
      async written(server, client) {
        const scope = ['api1', 'openid', 'offline_access']
        const code = await issueCode(server, { scope })
        const { json } = await redeem(server, code, {})
        const again = await redeem(server, code, client)
        assert.equal(again.json.error, 'invalid_grant')
        assert.equal(server.reason(), 'code_replayed')
        const next = await server.token(
          { grant_type: 'refresh_token', refresh_token: json.refresh_token },
          { client: web },
        )
        return next.status !== 200
      },
    },
    {
      title: 'an old refresh token',
      reason: 'refresh_token_reused',
      async written(server, client) {
        const { json } = await server.token(
          { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1 offline_access' },
          { client: roclient },
        )
        const second = await refresh(server, json.refresh_token)
        const third = await refresh(server, second.json.refresh_token)
        const late = await refresh(server, json.refresh_token, client)
        assert.equal(late.json.error, 'invalid_grant')
        assert.equal(server.reason(), 'refresh_token_reused')
        return (await refresh(server, third.json.refresh_token)).status !== 200
      },
    },
  ],
  burn_code: [
    {
      title: 'a code with a wrong verifier',
      reason: 'code_verifier_wrong',
      async written(server, client) {
        const code = await issueCode(server)
        const wrong = await redeem(server, code, client, 'x'.repeat(43))
        assert.equal(wrong.json.error, 'invalid_grant')
        assert.equal(server.reason(), 'code_verifier_wrong')
        return (await redeem(server, code, {})).status !== 200
      },
    },
  ],
  device_polled: [
    {
      title: 'a poll of a device',
      reason: 'device_pending',
      async written(server, client) {
        const form = { client_id: 'device', scope: 'api1' }
        const { json } = await server.send('POST', '/connect/deviceauthorization', { form })
        const poll = (more: Client = {}) =>
          server.token(
            {
              grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
              device_code: json.device_code,
              client_id: 'device',
            },
            more,
          )
        assert.equal((await poll(client)).json.error, 'authorization_pending')
        assert.equal(server.reason(), 'device_pending')
        return (await poll()).json.error === 'slow_down'
      },
    },
  ],
}

test('late: the table has each effect that a refusal may have', () => {
  const [, declared = ''] = /export type Effect =([\s\S]*)$/.exec(
    readText('packages/server/src/endpoints/token/decision.ts'),
  )!
  const existing = [...declared.matchAll(/kind: '(\w+)'/g)].map(([, kind]) => kind!)
  assertCovers(Object.keys(effects), existing, 'effect of a refusal')
})

for (const { title, written, reason } of Object.values(effects).flat()) {
  test(`late: ${title} is refused and writes, if its client is connected`, async () => {
    const server = await createTestServer(world)
    assert.equal(await written(server, { connected: there }), true)
    const line = server.logged.find(entry => entry.event === 'refused' && entry.reason === reason)
    assert.equal(line?.level, /replayed|reused/.test(reason) ? 'warn' : 'info')
  })

  test(`late: ${title} is refused and writes nothing if its client has hung up`, async () => {
    const server = await createTestServer(world)
    assert.equal(await written(server, { connected: gone }), false)
    const line = server.logged.find(entry => entry.event === 'refused' && entry.reason === reason)
    assert.partialDeepStrictEqual(line, { level: 'info', client_gone: true })
  })
}

test('late: at every endpoint, a refused request of a disconnected client writes only counters of guesses', async () => {
  const { stores, calls } = createCountingStores()
  const server = await createTestServer(everythingOn, { stores, sendMail: false, print: () => {} })
  for (const endpoint of await everyEndpoint()) {
    const [method = '', path = ''] = endpoint.split(' ')
    calls.length = 0
    const form = method === 'GET' ? {} : { form: { client_id: 'nobody', token: 'x', code: 'x' } }
    await server.send(method, path.replace('*', 'x'), { ...form, connected: gone })
    const writes = calls.filter(isWrite).filter(call => !call.startsWith('attempts.'))
    assert.deepEqual(writes, [], endpoint)
  }
  await server.close()
})

test('late: no endpoint starts a waiting request after its client has hung up', async () => {
  const reached: string[] = []
  const begun: (() => void)[] = []
  let waiting: PromiseWithResolvers<void> | undefined
  const endpoints = await everyEndpoint()
  const paths = [...new Set(endpoints.map(endpoint => endpoint.split(' ')[1]!))]
  const edge = await serve([
    ...paths.map(
      (path): Route => ({
        path,
        methods: ['GET', 'POST', 'PUT', 'DELETE'],
        endpoint({ method }) {
          reached.push(`${method} ${path}`)
          return { status: 200, headers: {}, body: '' }
        },
      }),
    ),
    {
      path: '/blocks',
      methods: ['GET'],
      async endpoint() {
        begun.pop()?.()
        await waiting?.promise
        return { status: 200, headers: {}, body: '' }
      },
    },
  ])
  for (const endpoint of endpoints) {
    waiting = Promise.withResolvers<void>()
    const [method, path = ''] = endpoint.split(' ')
    const socket = connect(Number(new URL(edge.url).port), '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    const blocked = new Promise<void>(resolve => begun.push(resolve))
    socket.write(
      `GET /blocks HTTP/1.1\r\nHost: x\r\n\r\n${method} ${path.replace('*', 'x')} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b`,
    )
    await blocked
    socket.resetAndDestroy()
    await setTimeout(5)
    waiting.resolve()
    await setTimeout(5)
  }
  assert.equal((await ask(edge, 'GET', '/')).status, 200)
  assert.deepEqual(reached, ['GET /'])
  await edge.close()
})

/** Sends a request, hangs up, and reports that by the shared number, all while the thread that started it is blocked. */
const hurriedClient = `
const { workerData: { port, done }, parentPort } = require('node:worker_threads')
const socket = require('node:net').connect(port, '127.0.0.1')
socket.once('connect', () => parentPort.postMessage('connected'))
parentPort.once('message', () => {
  socket.write('POST /changes HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 3\\r\\n\\r\\na=b')
  setTimeout(() => socket.destroy(), 50)
  setTimeout(() => { Atomics.store(done, 0, 1); Atomics.notify(done, 0) }, 150)
})
`

test('late: a request that waited a fifth of a second has no effect if its client has hung up', async () => {
  let reached = 0
  const edge = await serve([
    {
      path: '/changes',
      methods: ['POST'],
      endpoint() {
        reached += 1
        return { status: 200, headers: {}, body: '' }
      },
    },
  ])
  const done = new Int32Array(new SharedArrayBuffer(4))
  const workerData = { port: Number(new URL(edge.url).port), done }
  const client = new Worker(hurriedClient, { eval: true, workerData })
  await once(client, 'message')
  await setTimeout(100)
  client.postMessage('go')
  Atomics.wait(done, 0, 0, 30_000)
  assert.equal(done[0], 1)
  await once(client, 'exit')
  assert.equal((await ask(edge, 'GET', '/')).status, 404)
  assert.equal(reached, 0)
  await edge.close()
})

const postgres = providePostgres()

for (const store of ['PostgreSQL', 'SQLite'] as const)
  test(`late: a stalled node ends no sign-in of clients that continued elsewhere, on ${store}`, {
    timeout: 240_000,
  }, async t => {
    const storage = store === 'SQLite' ? sqlite : await (await postgres()).database()
    await withNodes(storage, async nodes => {
      // Each kind of request with both stops and both ways.
      for (const [index, [name, kind]] of Object.entries(kinds).entries())
        for (const [stoppedMs, way] of [
          [800, index === 0 ? 'close' : 'reset'],
          [2600, index === 0 ? 'reset' : 'close'],
        ] as const)
          assert.equal(await lost(nodes, kind, { stoppedMs, clients: 2, way }), 0, `${name}, ${way}`)
      // Before it reads the store, so one store is enough.
      if (store === 'SQLite')
        await t.test(
          'late: requests that waited for two seconds get 503 with Retry-After and do nothing, and probes are answered',
          () => assertRefusesWhatWaited(nodes),
        )
    })
  })

/** Asserts that a node which continues after two seconds refuses what waited, and serves again. */
async function assertRefusesWhatWaited({ stalls, serves, stall }: Nodes): Promise<void> {
  const form = await kinds.code!.start(serves)
  const logged = stalls.log().length
  await stall()
  const asked = sendTo(stalls, 'web', form)
  const probed = fetch(`${stalls.url}/healthz`)
  await setTimeout(2700)
  stalls.process.kill('SIGCONT')
  const received = await asked
  assert.match(received, /^HTTP\/1\.1 503 /)
  assert.match(received, /\r\nretry-after: 1\r\n/i)
  assert.equal((await probed).status, 200)
  await until('the stall is logged', () => stalls.log().includes('"event":"event_loop_stalled"', logged))
  // On a busy machine it may stall again: a client follows `retry-after`.
  const retried = await until(
    'it serves again',
    async () => {
      const retried = await sendTo(stalls, 'web', form)
      return !retried.startsWith('HTTP/1.1 503 ') && retried
    },
    { every: 1000 },
  )
  assert.match(retried, /^HTTP\/1\.1 200 /)
}
