/** The served edge and its connections: clients that hang up, half-close, pipeline, or send no body. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { type HttpRequest, type HttpResponse, isConnected, type Route } from '@tessera/protocol/http'
import { createLoad } from '../../packages/server/src/http/load.ts'
import { ask, type Edge, mount, serve } from '../support/edges.ts'
import { until } from '../support/until.ts'

const reply = (body: string): HttpResponse => ({ status: 200, headers: {}, body })

/** Delays each request until `release`, then records whether its client is still connected. */
function createGate() {
  const begun: string[] = []
  const told: boolean[] = []
  const { promise: open, resolve: release } = Promise.withResolvers<void>()
  const route: Route = {
    path: '/gate',
    methods: ['GET', 'POST'],
    async endpoint(request) {
      begun.push(request.query)
      await open
      told.push(await isConnected(request))
      return reply(`done ${request.query}`)
    },
  }
  return { route, begun, told, release }
}

async function open(edge: Edge, allowHalfOpen = false): Promise<{ socket: Socket; received: () => string }> {
  const socket = connect({ port: Number(new URL(edge.url).port), host: '127.0.0.1', allowHalfOpen })
  let received = ''
  socket.setEncoding('utf8').on('data', text => {
    received += text
  })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return { socket, received: () => received }
}

/** Unlike `once`, ignores a connection reset. */
const closed = (socket: Socket): Promise<void> =>
  new Promise(resolve => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })

const get = (target: string, version = '1.1'): string =>
  `GET ${target} HTTP/${version}\r\nHost: id.example\r\n\r\n`

for (const version of ['1.1', '1.0'])
  test(`connections: a client that closes its sending side after the request is connected and gets its response, by HTTP/${version}`, async () => {
    const gate = createGate()
    const edge = await serve([gate.route])
    const { socket, received } = await open(edge, true)
    socket.end(get('/gate?half', version))
    await until('the request has begun', () => gate.begun.length === 1)
    await setTimeout(50)
    gate.release()
    await once(socket, 'end')
    assert.deepEqual(gate.told, [true])
    assert.match(received(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\ndone half$/)
    await edge.close()
  })

for (const [way, hangUp] of Object.entries({
  'closes its connection': (socket: Socket) => socket.destroy(),
  'resets its connection': (socket: Socket) => socket.resetAndDestroy(),
}))
  test(`connections: a client that ${way} during its request is reported as disconnected`, async () => {
    const gate = createGate()
    const edge = await serve([gate.route])
    const { socket } = await open(edge)
    socket.write(get('/gate?gone'))
    await until('the request has begun', () => gate.begun.length === 1)
    hangUp(socket)
    gate.release()
    await until('the result was recorded', () => gate.told.length === 1)
    assert.deepEqual(gate.told, [false])
    await edge.close()
  })

for (const [name, start] of Object.entries({ served: serve, mounted: mount }))
  test(`connections: a client that waits is reported as connected (${name})`, async () => {
    const gate = createGate()
    gate.release()
    const edge = await start([gate.route])
    assert.equal((await ask(edge, 'GET', '/gate?one')).body, 'done one')
    assert.deepEqual(gate.told, [true])
    await edge.close()
  })

test('connections: a mounted request whose signal is aborted is reported as disconnected', async () => {
  const { createFetchEdge } = await import('../../packages/server/src/http/fetch.ts')
  const told: boolean[] = []
  const aborter = new AbortController()
  const { fetch: handler } = createFetchEdge(async request => {
    aborter.abort()
    told.push(await isConnected(request))
    return reply('')
  })
  await handler(new Request('http://id.example/x', { signal: aborter.signal }))
  assert.deepEqual(told, [false])
})

test('connections: a mounted request whose signal is aborted before it begins reaches no endpoint', async () => {
  const { createFetchEdge } = await import('../../packages/server/src/http/fetch.ts')
  let begun = 0
  const { fetch: handler } = createFetchEdge(async () => {
    begun += 1
    return reply('')
  })
  const response = await handler(new Request('http://id.example/x', { signal: AbortSignal.abort() }))
  assert.deepEqual([response.status, begun], [400, 0])
})

test('connections: a queued request does nothing once its client has hung up', async () => {
  const gate = createGate()
  const edge = await serve([gate.route])
  const { socket } = await open(edge)
  socket.write(get('/gate?first') + get('/gate?second'))
  await until('the first request has begun', () => gate.begun.length === 1)
  socket.resetAndDestroy()
  gate.release()
  await until('the first request has ended', () => gate.told.length === 1)
  assert.equal((await ask(edge, 'GET', '/gate?other')).status, 200)
  assert.deepEqual(gate.begun, ['first', 'other'])
  await edge.close()
})

for (const [what, headers, closes] of [
  ['sixteen times the limit', 'content-length: 160', false],
  ['one byte more', 'content-length: 161', true],
  ['an unknown length', 'transfer-encoding: chunked', true],
] as const)
  test(`connections: a refusal before a body of ${what} ${closes ? 'closes the connection' : 'keeps the connection, and the rest is discarded'}`, async () => {
    const edge = await serve([createGate().route], { bodyLimit: 10 })
    const { socket, received } = await open(edge)
    socket.write(`POST /nowhere HTTP/1.1\r\nHost: id.example\r\n${headers}\r\n\r\n`)
    await until('the response arrives', () => received().includes('\r\n\r\n'))
    socket.destroy()
    await edge.close()
    assert.match(received(), /^HTTP\/1\.1 404 /)
    assert.equal(/\r\nconnection: close\r\n/i.test(received()), closes)
  })

test('connections: of pipelined requests one runs at a time, and all get responses in order [RFC 9112 §9.3.2]', async () => {
  let now = 0
  let mostAtOnce = 0
  const route: Route = {
    path: '/one',
    methods: ['GET', 'POST'],
    async endpoint({ query, body }) {
      now += 1
      mostAtOnce = Math.max(mostAtOnce, now)
      // Others could begin. On a busy machine two hundred timers would take longer than the test waits.
      await setImmediate()
      now -= 1
      return reply(`<${query}${body}>`)
    },
  }
  const edge = await serve([route])
  const { socket, received } = await open(edge)
  const count = 200
  for (let index = 0; index < count; index++)
    socket.write(
      index % 2 === 0
        ? get(`/one?${index}`)
        : `POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: ${String(index).length}\r\n\r\n${index}`,
    )
  await until('all requests have responses', () => received().includes(`<${count - 1}>`))
  const order = [...received().matchAll(/<(\d+)>/g)].map(([, index]) => Number(index))
  assert.deepEqual(
    order,
    Array.from({ length: count }, (_, index) => index),
  )
  assert.equal(mostAtOnce, 1)
  socket.destroy()
  await edge.close()
})

test('connections: a client that pipelines thousands of requests is disconnected, and others are served', async () => {
  const gate = createGate()
  const edge = await serve([gate.route])
  const { socket } = await open(edge)
  socket.write(get('/gate?flood').repeat(2000))
  await closed(socket)
  gate.release()
  assert.equal((await ask(edge, 'GET', '/gate?other')).status, 200)
  assert.ok(gate.begun.length <= 2, `${gate.begun.length} have begun`)
  await edge.close()
})

const announced = (method: string, path: string, more = ''): string =>
  `${method} ${path} HTTP/1.1\r\nHost: id.example\r\nContent-Length: 1000\r\n${more}\r\n`

test('connections: an unknown path, a wrong method and overload are refused before the body is read', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const routes: readonly Route[] = [
    { path: '/get', methods: ['GET'], endpoint: () => reply('') },
    { path: '/slow', methods: ['POST'], endpoint: async () => promise.then(() => reply('')) },
  ]
  const edge = await serve(routes, { load: createLoad({ mostRequests: 1 }) })
  const busy = ask(edge, 'POST', '/slow')
  for (const [method, path, status] of [
    ['POST', '/nothing', 404],
    ['POST', '/get', 405],
    ['POST', '/slow', 503],
  ] as const) {
    const { socket, received } = await open(edge)
    // The body is never sent.
    socket.write(announced(method, path))
    await until(`${path} has a response`, () => received().includes('\r\n\r\n'))
    assert.match(received(), new RegExp(`^HTTP/1.1 ${status} `))
    socket.destroy()
  }
  resolve()
  await busy
  await edge.close()
})

test('connections: 100 Continue is sent only if the body is wanted [RFC 9110 §10.1.1]', async () => {
  const seen: HttpRequest[] = []
  const routes: readonly Route[] = [
    {
      path: '/post',
      methods: ['POST'],
      endpoint(request) {
        seen.push(request)
        return reply('ok')
      },
    },
  ]
  const edge = await serve(routes)
  const expect = 'Expect: 100-continue\r\n'
  const refused = await open(edge)
  refused.socket.write(announced('POST', '/nothing', expect))
  await until('the request is refused', () => refused.received().includes('\r\n\r\n'))
  assert.match(refused.received(), /^HTTP\/1\.1 404 /)
  refused.socket.destroy()
  const wanted = await open(edge)
  wanted.socket.write(announced('POST', '/post', expect))
  await until('100 Continue is sent', () => wanted.received().includes('\r\n\r\n'))
  assert.match(wanted.received(), /^HTTP\/1\.1 100 Continue\r\n\r\n$/)
  wanted.socket.write('x'.repeat(1000))
  await until('the response arrives', () => wanted.received().includes('ok'))
  assert.equal(seen[0]?.body.length, 1000)
  wanted.socket.destroy()
  await edge.close()
})

test('connections: at the limit, idle connections are closed and busy ones continue', async () => {
  const gate = createGate()
  // Long enough that only a new connection closes an idle one.
  const edge = await serve([gate.route], { mostConnections: 2, headersMs: 120_000 })
  const busy = await open(edge)
  busy.socket.write(get('/gate?busy'))
  await until('the request has begun', () => gate.begun.length === 1)
  const idle = await open(edge)
  const turnedAway = await open(edge)
  await until('the idle connection was closed', () => turnedAway.socket.closed && idle.socket.closed)
  const next = await open(edge)
  next.socket.write(get('/gate?next'))
  await until('the next request has begun', () => gate.begun.length === 2)
  gate.release()
  await until(
    'both requests have responses',
    () => /done busy/.test(busy.received()) && /done next/.test(next.received()),
  )
  busy.socket.destroy()
  next.socket.destroy()
  await edge.close()
})

test('connections: localhost listens on both loopback addresses, if the machine has both [RFC 6761 §6.3]', async () => {
  const { networkInterfaces } = await import('node:os')
  const edge = await serve([{ path: '/x', methods: ['GET'], endpoint: () => reply('ok') }], {
    host: 'localhost',
  })
  const { port } = new URL(edge.url)
  const has = Object.values(networkInterfaces()).some(list => list?.some(({ address }) => address === '::1'))
  for (const host of ['127.0.0.1', ...(has ? ['[::1]'] : [])])
    assert.equal((await fetch(`http://${host}:${port}/x`)).status, 200, host)
  await edge.close()
  await assert.rejects(fetch(`http://127.0.0.1:${port}/x`))
})
