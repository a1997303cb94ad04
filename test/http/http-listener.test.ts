/** `tessera.listener` in the servers of applications: plain `node:http`, Express 5 and 4, Fastify 5, and Hono 4. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, describe, test } from 'node:test'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import express4 from 'express-4'
import fastify from 'fastify'
import { Hono } from 'hono'
import { ask, type Edge, sendBytes } from '../support/edges.ts'
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

async function listening(server: Server): Promise<Edge> {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = async (): Promise<void> => {
    server.close()
    server.closeAllConnections()
  }
  closing.push(close)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

async function tesseraOf(input: object = configuration): Promise<TestServer> {
  const tessera = await createTestServer(input)
  closing.push(tessera.close)
  return tessera
}

type Application = { readonly edge: Edge; readonly tessera: TestServer }

const plain = async (input?: object): Promise<Application> => {
  const tessera = await tesseraOf(input)
  return { tessera, edge: await listening(createServer(tessera.listener)) }
}

/** @param before the handlers in front of the listener. */
async function expressWith(
  input?: object,
  {
    path = '/',
    before = [],
    create = express,
  }: { path?: string; before?: readonly unknown[]; create?: typeof express } = {},
): Promise<Application> {
  const tessera = await tesseraOf(input)
  const app = create()
  for (const one of before) app.use(one)
  app.use(path, tessera.listener)
  app.get('/own', (_: unknown, response: any) => response.send('a page of the application'))
  return { tessera, edge: await listening(createServer(app as RequestListener)) }
}

async function fastifyWith(input?: object): Promise<Application> {
  const tessera = await tesseraOf(input)
  const app = fastify()
  app.addHook('onRequest', (request, reply, next) => {
    if (tessera.listener(request.raw, reply.raw, next)) reply.hijack()
  })
  app.get('/own', async () => 'a page of the application')
  await app.ready()
  return { tessera, edge: await listening(app.server) }
}

async function honoBehind(input?: object): Promise<Application> {
  const tessera = await tesseraOf(input)
  const app = new Hono()
  app.get('/own', context => context.text('a page of the application'))
  // Other files of the run share this process and its `Request`.
  const next = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  const server = createServer((request, response) => {
    tessera.listener(request, response, () => next(request, response))
  })
  return { tessera, edge: await listening(server) }
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }
const body = 'grant_type=client_credentials'
const asToken = { headers: { ...form, ...basic('machine', 'secret-of-machine') }, body }
const asBrowser = { headers: { accept: 'text/html' } }

const applications: readonly (readonly [string, (input?: object) => Promise<Application>])[] = [
  ['node:http', plain],
  ['Express', expressWith],
  ['Express 4', input => expressWith(input, { create: express4 })],
  ['Fastify', fastifyWith],
  ['front of Hono', honoBehind],
]

for (const [name, start] of applications)
  describe(`listener in ${name}`, () => {
    test('discovery, a token, a page and a page of the application are served', async () => {
      const { edge } = await start()
      const discovery = await ask(edge, 'GET', '/.well-known/openid-configuration')
      assert.deepEqual([discovery.status, JSON.parse(discovery.body).issuer], [200, issuer])
      const token = await ask(edge, 'POST', '/connect/token', asToken)
      assert.deepEqual([token.status, JSON.parse(token.body).token_type], [200, 'Bearer'])
      assert.match(String(token.headers['cache-control']), /no-store/)
      const page = await ask(edge, 'GET', '/login', asBrowser)
      assert.match(String(page.headers['content-type']), /^text\/html/)
      assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
      if (name !== 'node:http')
        assert.equal((await ask(edge, 'GET', '/own')).body, 'a page of the application')
    })

    test('a path that is not served gets 404, and a method that an endpoint lacks 405', async () => {
      const { edge } = await start()
      assert.equal((await ask(edge, 'GET', '/nothing')).status, 404)
      const refused = await ask(edge, 'DELETE', '/connect/token')
      assert.deepEqual([refused.status, refused.headers.allow], [405, 'POST, OPTIONS'])
    })

    test('a body above 64 KiB gets 413, whether its length is announced or not', async () => {
      const { edge } = await start()
      const long = { ...asToken, body: `${body}&padding=${'x'.repeat(65_536)}` }
      assert.equal((await ask(edge, 'POST', '/connect/token', long)).status, 413)
      const headers = { ...long.headers, 'transfer-encoding': 'chunked' }
      assert.equal((await ask(edge, 'POST', '/connect/token', { ...long, headers })).status, 413)
    })

    test('two authorization headers are refused rather than the first one used', async () => {
      const { edge, tessera } = await start()
      const { authorization } = basic('machine', 'secret-of-machine')
      const received = await sendBytes(
        edge,
        `POST /connect/token HTTP/1.1\r\nhost: id.example\r\nconnection: close\r\n` +
          `authorization: ${authorization}\r\nauthorization: Basic eDp5\r\n` +
          `content-type: ${form['content-type']}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      )
      assert.match(received, /^HTTP\/1\.1 401 /)
      assert.equal(tessera.reason(), 'basic_malformed')
    })

    test('two host headers are refused rather than the first one used [RFC 9112 §3.2]', async () => {
      const { edge } = await start()
      const received = await sendBytes(
        edge,
        'GET /healthz HTTP/1.1\r\nhost: id.example\r\nhost: other.example\r\nconnection: close\r\n\r\n',
      )
      assert.match(received, /^HTTP\/1\.1 400 /)
    })

    test('a request with so many headers that Node.js 22 would drop the last ones gets 431', async () => {
      const { edge } = await start()
      const asked = `GET /login HTTP/1.1\r\nhost: id.example\r\nconnection: close\r\n${'a:\r\n'.repeat(500)}\r\n`
      assert.match(await sendBytes(edge, asked), /^HTTP\/1\.1 431 /)
    })

    test('one 100 Continue is sent', async () => {
      const { edge } = await start()
      const head = `POST /connect/token HTTP/1.1\r\nhost: id.example\r\nconnection: close\r\nexpect: 100-continue\r\n`
      const { authorization } = basic('machine', 'secret-of-machine')
      const received = await sendBytes(
        edge,
        `${head}authorization: ${authorization}\r\ncontent-type: ${form['content-type']}\r\n` +
          `content-length: ${body.length}\r\n\r\n${body}`,
      )
      assert.equal(received.match(/HTTP\/1\.1 100 /g)?.length, 1)
      assert.match(received, /HTTP\/1\.1 200 /)
    })

    test('requests that are sent ahead are answered in their order', async () => {
      const { edge } = await start()
      const get = (path: string, more = ''): string =>
        `GET ${path} HTTP/1.1\r\nhost: id.example\r\n${more}\r\n`
      const received = await sendBytes(
        edge,
        get('/healthz') + get('/connect/token') + get('/healthz', 'connection: close\r\n'),
      )
      assert.deepEqual(received.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 405', 'HTTP/1.1 200'])
    })
  })

test('listener: a body that an earlier parser has read is refused immediately, and the log says why', async () => {
  const { edge, tessera } = await expressWith(undefined, { before: [express.urlencoded()] })
  const refused = await ask(edge, 'POST', '/connect/token', asToken)
  assert.deepEqual([refused.status, JSON.parse(refused.body)], [500, { error: 'server_error' }])
  const found = tessera.logged.find(({ event }) => event === 'request_body_already_read')
  assert.deepEqual([found?.path, found?.level], ['/connect/token', 'error'])
  assert.match(String(found?.fix), /before body parsers/)
})

test('listener: a parser that ignores forms may run before it', async () => {
  const { edge } = await expressWith(undefined, { before: [express.json()] })
  assert.equal((await ask(edge, 'POST', '/connect/token', asToken)).status, 200)
})

test('listener: it may be mounted at the path of the issuer, or above it', async () => {
  for (const path of ['/auth', '/']) {
    const { edge } = await expressWith({ ...configuration, issuer: 'https://id.example/auth' }, { path })
    const { status, body } = await ask(edge, 'GET', '/auth/.well-known/openid-configuration')
    assert.deepEqual([status, JSON.parse(body).issuer], [200, 'https://id.example/auth'])
    assert.equal((await ask(edge, 'POST', '/auth/connect/token?x=/y', asToken)).status, 200)
    const before = await ask(edge, 'GET', '/.well-known/oauth-authorization-server/auth')
    assert.equal(before.status, path === '/' ? 200 : 404)
    assert.equal((await ask(edge, 'GET', '/connect/token')).status, 404)
  }
})

test('listener: a mount path that the issuer lacks is logged once', async () => {
  const { edge, tessera } = await expressWith(undefined, { path: '/auth' })
  for (let count = 0; count < 2; count++)
    assert.equal((await ask(edge, 'POST', '/auth/connect/token', asToken)).status, 404)
  assert.equal((await ask(edge, 'GET', '/auth/nothing')).status, 404)
  const found = tessera.logged.filter(({ event }) => event === 'listener_misplaced')
  assert.deepEqual(
    found.map(({ path, mount_path }) => [path, mount_path]),
    [['/auth/connect/token', '/auth']],
  )
})

test('listener: only a trusted proxy says where a request comes from, and headers stay as they are', async () => {
  const seen: unknown[] = []
  const peek = (request: any, _: unknown, next: () => void): void => {
    seen.push(request.headers)
    next()
  }
  const mtls = { certificate_header: 'client-cert', trusted_proxies: ['192.0.2.1'] }
  for (const trusted_proxies of [['127.0.0.1'], ['192.0.2.1']]) {
    const { edge, tessera } = await expressWith(
      { ...configuration, trusted_proxies, mtls },
      { before: [peek] },
    )
    const headers = { ...form, 'x-forwarded-for': '198.51.100.7', 'client-cert': ':MIIB:' }
    await ask(edge, 'POST', '/connect/token', { headers, body })
    const refused = tessera.logged.find(({ event }) => event === 'refused')
    assert.equal(refused?.network, trusted_proxies[0] === '127.0.0.1' ? '198.51.100.7' : '127.0.0.1')
  }
  assert.deepEqual(
    seen.map(headers => (headers as Record<string, string>)['client-cert']),
    [':MIIB:', ':MIIB:'],
  )
})

test('listener: a client that hangs up before its request is whole leaves nothing behind', async () => {
  const tessera = await tesseraOf()
  let arrived = 0
  const edge = await listening(
    createServer((request, response) => {
      arrived += 1
      tessera.listener(request, response)
    }),
  )
  const socket = connect(Number(new URL(edge.url).port), '127.0.0.1')
  socket.write('POST /connect/token HTTP/1.1\r\nhost: id.example\r\ncontent-length: 100\r\n\r\nhalf')
  await until('the request arrives', () => arrived)
  socket.destroy()
  let closed = false
  void tessera.close().then(() => {
    closed = true
  })
  await until('the server closes, since no request is in progress', () => closed, { within: 8000 })
})

test('listener: it drains: responses close their connections, and after close requests get 503', async () => {
  const { edge, tessera } = await plain()
  const kept = { ...asToken, headers: { ...asToken.headers, connection: 'keep-alive' } }
  assert.equal((await ask(edge, 'POST', '/connect/token', kept)).headers.connection, 'keep-alive')
  tessera.drain()
  assert.equal((await ask(edge, 'GET', '/readyz')).status, 503)
  const token = await ask(edge, 'POST', '/connect/token', kept)
  assert.deepEqual([token.status, token.headers.connection], [200, 'close'])
  await tessera.close()
  const late = await ask(edge, 'POST', '/connect/token', asToken)
  assert.deepEqual([late.status, late.headers['retry-after']], [503, '1'])
})

test('listener: a request of HTTP/2 is refused and logged', async () => {
  const { createServer: createHttp2, connect: connectHttp2 } = await import('node:http2')
  const tessera = await tesseraOf()
  const server = createHttp2((request, response) =>
    tessera.listener(request as never, response as never),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  closing.push(() => {
    session.close()
    server.close()
  })
  const stream = session.request({ ':path': '/healthz' })
  const [headers] = await once(stream, 'response')
  stream.resume()
  assert.equal(headers[':status'], 505)
  assert.ok(tessera.logged.some(({ event }) => event === 'listener_http2'))
})
