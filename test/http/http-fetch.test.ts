/** `tessera.fetch` in the frameworks of applications: who the sender is, bodies, unknown paths, and the end. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { after, test } from 'node:test'
import { serve } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { ask, type Edge } from '../support/edges.ts'
import { basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'

const issuer = 'https://id.example'
const machine = {
  client_id: 'machine',
  client_secrets: [{ value: 'secret-of-machine' }],
  grant_types: ['client_credentials'],
  scope: 'api1',
}
const configuration = { issuer, api_scopes: [{ name: 'api1' }], clients: [machine] }

const closing: (() => unknown)[] = []
after(async () => {
  for (const close of closing) await close()
})

async function tesseraOf(input: object = configuration): Promise<TestServer> {
  const tessera = await createTestServer(input)
  closing.push(tessera.close)
  return tessera
}

const tokenRequest = (headers: Readonly<Record<string, string>> = {}, url = issuer): Request =>
  new Request(`${url}/connect/token`, {
    method: 'POST',
    headers: { ...basic('machine', 'secret-of-machine'), ...headers },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })

const networkOfRefusal = ({ logged }: TestServer): unknown =>
  logged.findLast(({ event }) => event === 'refused')?.network

test('fetch: the application learns which paths are served, also below the path of a tenant', async () => {
  const { serves } = await tesseraOf({
    ...configuration,
    issuer: `${issuer}/auth`,
    tenants: [{ name: 'acme', issuer: 'path' }],
  })
  const served = (path: string): boolean => serves(new Request(issuer + path))
  assert.deepEqual(['/auth/connect/token', '/healthz', '/auth/t/acme/x'].map(served), [true, true, true])
  assert.deepEqual(['/connect/token', '/auth/orders', '/'].map(served), [false, false, false])
})

test('fetch: only a trusted proxy says where a request comes from, also after a reload', async () => {
  const tessera = await tesseraOf({ ...configuration, trusted_proxies: ['192.0.2.1'] })
  const networkFor = async (address: string): Promise<unknown> => {
    const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7', authorization: 'Basic bm9ib2R5Og==' }
    assert.equal((await tessera.fetch(tokenRequest(headers), { address })).status, 401)
    return networkOfRefusal(tessera)
  }
  assert.deepEqual(
    [await networkFor('192.0.2.1'), await networkFor('192.0.2.2')],
    ['198.51.100.7', '192.0.2.2'],
  )
  await tessera.reconfigure({ ...configuration, trusted_proxies: ['192.0.2.2'] })
  assert.deepEqual(
    [await networkFor('192.0.2.1'), await networkFor('192.0.2.2')],
    ['192.0.2.1', '198.51.100.7'],
  )
})

test('fetch: a body that a middleware has read is refused immediately, and the log says why', async () => {
  const tessera = await tesseraOf()
  const request = tokenRequest()
  await request.text()
  const refused = await tessera.fetch(request)
  assert.deepEqual([refused.status, await refused.json()], [500, { error: 'server_error' }])
  const found = tessera.logged.find(({ event }) => event === 'request_body_already_read')
  assert.deepEqual([found?.path, found?.level], ['/connect/token', 'error'])
  assert.equal(found?.request_id, refused.headers.get('x-request-id'))
})

test('fetch: close waits for a request in progress, and refuses later ones', async () => {
  const tessera = await tesseraOf()
  const rest = Promise.withResolvers<void>()
  const body = new ReadableStream({
    async start(parts) {
      parts.enqueue(Buffer.from('grant_type='))
      await rest.promise
      parts.enqueue(Buffer.from('client_credentials'))
      parts.close()
    },
  })
  const { url, headers } = tokenRequest()
  const pending = tessera.fetch(new Request(url, { method: 'POST', headers, body, duplex: 'half' } as never))
  let closed = false
  const closes = tessera.close().then(() => {
    closed = true
  })
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(closed, false)
  rest.resolve()
  assert.equal((await pending).status, 200)
  await closes
  const late = await tessera.fetch(tokenRequest())
  assert.deepEqual([late.status, late.headers.get('retry-after')], [503, '1'])
})

test('fetch: app.mount of Hono serves an issuer with a path, as the guide shows it', async () => {
  const tessera = await tesseraOf({ ...configuration, issuer: `${issuer}/auth` })
  const app = new Hono()
  const mounted = (request: Request, { incoming }: any) =>
    tessera.fetch(request, { address: incoming.socket.remoteAddress })
  app.mount('/auth', mounted, { replaceRequest: false })
  app.get('/orders', context => context.text('your orders'))
  const env = { incoming: { socket: { remoteAddress: '198.51.100.7' } } }
  const send = async (request: Request): Promise<Response> => app.fetch(request, env)
  assert.equal((await send(tokenRequest({}, `${issuer}/auth`))).status, 200)
  assert.equal(await (await send(new Request(`${issuer}/orders`))).text(), 'your orders')
  assert.equal((await send(tokenRequest({ authorization: 'x' }, `${issuer}/auth`))).status, 401)
  assert.equal(networkOfRefusal(tessera), '198.51.100.7')
})

/** Listens as the recipe for Hono does. */
async function honoWith(tessera: TestServer, before: MiddlewareHandler): Promise<Edge> {
  const app = new Hono()
  app.use(before)
  app.use(context => tessera.fetch(context.req.raw))
  // Other files of the run share this process and its `Request`.
  const options = { port: 0, hostname: '127.0.0.1', overrideGlobalObjects: false }
  const server = serve({ ...options, fetch: app.fetch })
  await once(server, 'listening')
  const close = async (): Promise<void> => void server.close()
  closing.push(close)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

test('fetch: a form that a middleware of Hono has parsed is refused, and the log says why', async () => {
  const tessera = await tesseraOf()
  const edge = await honoWith(tessera, async (context, next) => {
    await context.req.parseBody()
    await next()
  })
  const refused = await ask(edge, 'POST', '/connect/token', {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=client_credentials',
  })
  assert.equal(refused.status, 500)
  assert.ok(tessera.logged.some(({ event }) => event === 'request_body_already_read'))
})

test('fetch: a client that hangs up before its request is whole leaves nothing behind', async () => {
  const tessera = await tesseraOf()
  let arrived = 0
  const edge = await honoWith(tessera, async (_, next) => {
    arrived += 1
    await next()
  })
  const socket = connect(Number(new URL(edge.url).port), '127.0.0.1')
  socket.write(
    'POST /connect/token HTTP/1.1\r\nhost: id.example\r\ncontent-type: application/x-www-form-urlencoded\r\n' +
      'content-length: 100\r\n\r\nhalf',
  )
  await until('the request arrives', () => arrived)
  socket.resetAndDestroy()
  let closed = false
  void tessera.close().then(() => {
    closed = true
  })
  await until('the server closes, since no request is in progress', () => closed, { within: 8000 })
  assert.equal(
    tessera.logged.find(({ level }) => level === 'error'),
    undefined,
  )
})
