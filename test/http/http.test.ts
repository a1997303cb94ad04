/** The HTTP edges: the served and the mounted one must give the same responses to the same requests. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { HttpRequest, HttpResponse, Route } from '@tessera/protocol/http'
import { createLoad } from '../../packages/server/src/http/load.ts'
import { ask, type Edge, type EdgeOptions, mount, serve } from '../support/edges.ts'

class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}

const echo = (request: HttpRequest): HttpResponse => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(request),
})

const routes: readonly Route[] = [
  { path: '/echo', methods: ['GET', 'POST'], endpoint: echo },
  { path: '/items', methods: ['POST'], endpoint: echo },
  { path: '/items/*', methods: ['GET', 'PUT', 'DELETE'], endpoint: echo },
  { path: '/post', methods: ['POST'], endpoint: async request => echo(request), cors: 'clients' },
  {
    path: '/metadata',
    methods: ['GET'],
    endpoint: () => ({
      status: 200,
      headers: { 'content-type': 'application/json', 'cache-control': 'public, max-age=60' },
      body: '{"ä":1}',
    }),
    cors: 'any',
  },
  {
    path: '/translated',
    methods: ['GET'],
    endpoint: () => ({ status: 200, headers: { vary: 'accept-language' }, body: '' }),
    cors: 'clients',
  },
  {
    path: '/redirect',
    methods: ['GET'],
    endpoint: () => ({ status: 302, headers: { location: '/x', 'set-cookie': ['a=1', 'b=2'] }, body: '' }),
  },
  {
    path: '/throws',
    methods: ['GET'],
    endpoint: () => {
      throw new Error('the secret plan')
    },
  },
  { path: '/rejects', methods: ['GET'], endpoint: async () => Promise.reject(new Error('the secret plan')) },
  {
    path: '/no-store',
    methods: ['GET'],
    endpoint: async () => Promise.reject(new StoreUnavailable('too many writes are waiting')),
  },
]

const form = { 'content-type': 'application/x-www-form-urlencoded' }

const edges: readonly [string, (options: EdgeOptions) => Promise<Edge>][] = [
  ['served', options => serve(routes, options)],
  ['mounted', options => mount(routes, options)],
]

for (const [name, open] of edges) {
  describe(`http, ${name}`, () => {
    const errors: { id: string; error: unknown }[] = []
    let edge: Edge
    before(async () => {
      edge = await open({ onError: ({ id }, error) => errors.push({ id, error }) })
    })
    after(() => edge.close())

    test('a request arrives unchanged: method, path, query, body, peer', async () => {
      const sent = await ask(edge, 'POST', '/echo?a=%20b&c', {
        headers: { ...form, 'x-probe': '1' },
        body: 'd=%C3%A4&e=ä',
      })
      const seen = JSON.parse(sent.body) as HttpRequest
      assert.equal(seen.method, 'POST')
      assert.equal(seen.path, '/echo')
      assert.equal(seen.query, 'a=%20b&c')
      assert.equal(seen.body, 'd=%C3%A4&e=ä')
      assert.equal(seen.headers['x-probe'], '1')
      assert.deepEqual(seen.peer, { address: '127.0.0.1' })
    })

    test('every request has its own id', async () => {
      const ids = await Promise.all(
        Array.from({ length: 20 }, async () => JSON.parse((await ask(edge, 'GET', '/echo')).body).id),
      )
      assert.equal(new Set(ids).size, 20)
      assert.ok(ids.every(id => typeof id === 'string' && id.length >= 10))
    })

    test('bytes that are not UTF-8 become U+FFFD, whatever the media type', async () => {
      const { body } = await ask(edge, 'POST', '/echo', {
        headers: { 'content-type': 'text/odd' },
        body: Buffer.from([0x61, 0xff, 0x62]),
      })
      assert.equal(JSON.parse(body).body, 'a\uFFFDb')
    })

    test('a body without a media type is passed on too', async () => {
      assert.equal(JSON.parse((await ask(edge, 'POST', '/echo', { body: 'x=1' })).body).body, 'x=1')
    })

    test('an invalid media type reaches the endpoint, which decides', async () => {
      const odd = { 'content-type': 'odd' }
      const { status, body } = await ask(edge, 'POST', '/post', { headers: odd, body: 'x=1' })
      assert.equal(status, 200)
      assert.equal(JSON.parse(body).headers['content-type'], 'odd')
    })

    test('repeated headers are joined, so that a second one is visible [RFC 9110 §5.3]', async () => {
      const { body } = await ask(edge, 'GET', '/echo', {
        headers: { authorization: ['Basic YTpi', 'Basic Yzpk'], dpop: ['one', 'two'] },
      })
      const { headers } = JSON.parse(body) as HttpRequest
      assert.equal(headers.authorization, 'Basic YTpi, Basic Yzpk')
      assert.equal(headers.dpop, 'one, two')
    })

    test('an unknown path is 404, and so is one that differs in case, slash or encoding', async () => {
      for (const path of ['/nothing', '/ECHO', '/echo/', '/%65cho', '/%zz', '/']) {
        const { status, headers, body } = await ask(edge, 'GET', path)
        assert.equal(status, 404, path)
        assert.deepEqual(JSON.parse(body), { error: 'not_found' })
        assert.match(headers['cache-control'] ?? '', /no-store/)
      }
    })

    test('a route may accept any last segment, but no deeper path', async () => {
      const sent = await ask(edge, 'PUT', '/items/a-b_1', {
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
      assert.deepEqual(
        [sent.status, JSON.parse(sent.body).path, JSON.parse(sent.body).body],
        [200, '/items/a-b_1', '{}'],
      )
      assert.equal((await ask(edge, 'DELETE', '/items/one')).status, 200)
      assert.equal((await ask(edge, 'POST', '/items/one')).headers.allow, 'GET, PUT, DELETE, HEAD')
      assert.equal((await ask(edge, 'GET', '/items/one/two')).status, 404)
      assert.equal((await ask(edge, 'POST', '/items')).status, 200)
    })

    test('another method is 405 with Allow [RFC 9110 §15.5.6] [revocation-001] [discovery-002]', async () => {
      const allow = {
        '/post': 'POST, OPTIONS',
        '/echo': 'GET, POST, HEAD',
        '/metadata': 'GET, HEAD, OPTIONS',
      }
      for (const [path, allowed] of Object.entries(allow)) {
        const { status, headers, body } = await ask(edge, 'DELETE', path)
        assert.equal(status, 405)
        assert.equal(headers.allow, allowed)
        assert.deepEqual(JSON.parse(body), { error: 'invalid_request' })
        assert.match(headers['cache-control'] ?? '', /no-store/)
      }
      assert.equal((await ask(edge, 'GET', '/post')).status, 405)
      assert.equal((await ask(edge, 'PROPFIND', '/post')).status, 405)
    })

    test('HEAD gets the response of GET without the body [RFC 9110 §9.3.2]', async () => {
      const head = await ask(edge, 'HEAD', '/metadata')
      const get = await ask(edge, 'GET', '/metadata')
      assert.equal(head.status, 200)
      assert.equal(head.body, '')
      assert.equal(head.headers['content-type'], get.headers['content-type'])
      assert.equal(head.headers['content-length'], '8')
      assert.equal((await ask(edge, 'HEAD', '/post')).status, 405)
    })

    test('every response has the security headers and is not cached by default', async () => {
      for (const path of ['/echo', '/redirect', '/nothing', '/throws', '/metadata']) {
        const { headers } = await ask(edge, 'GET', path)
        assert.equal(headers['x-content-type-options'], 'nosniff', path)
        assert.equal(headers['referrer-policy'], 'no-referrer', path)
        assert.equal(headers['strict-transport-security'], 'max-age=31536000', path)
        assert.match(
          headers['cache-control'] ?? '',
          path === '/metadata' ? /^public, max-age=60$/ : /no-store/,
        )
        assert.equal(headers['x-powered-by'], undefined)
        assert.equal(headers.server, undefined)
      }
    })

    test('an empty response has no media type, and each cookie has its own header', async () => {
      const { status, headers, body } = await ask(edge, 'GET', '/redirect')
      assert.equal(status, 302)
      assert.equal(headers.location, '/x')
      assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
      assert.equal(headers['content-type'], undefined)
      assert.equal(body, '')
    })

    test('an exception of an endpoint is server_error; the log has the error, the response its id', async () => {
      for (const path of ['/throws', '/rejects']) {
        errors.length = 0
        const { status, headers, body } = await ask(edge, 'GET', path)
        assert.equal(status, 500)
        assert.deepEqual(JSON.parse(body), { error: 'server_error' })
        assert.equal(errors.length, 1)
        assert.match(String(errors[0]?.error), /the secret plan/)
        assert.equal(headers['x-request-id'], errors[0]?.id)
      }
    })

    test('an unavailable store is 503 with Retry-After', async () => {
      const { status, headers, body } = await ask(edge, 'GET', '/no-store')
      assert.equal(status, 503)
      assert.equal(headers['retry-after'], '1')
      assert.deepEqual(JSON.parse(body), { error: 'temporarily_unavailable' })
    })

    test('a body over the limit is 413, with and without a Content-Length [RFC 9110 §15.5.14]', async () => {
      const large = 'x'.repeat(65_537)
      const chunked = { ...form, 'transfer-encoding': 'chunked' }
      for (const headers of [form, chunked]) {
        const { status, headers: answered, body } = await ask(edge, 'POST', '/echo', { headers, body: large })
        assert.equal(status, 413)
        assert.deepEqual(JSON.parse(body), { error: 'invalid_request' })
        assert.match(answered['cache-control'] ?? '', /no-store/)
      }
      assert.equal((await ask(edge, 'POST', '/echo', { headers: form, body: large.slice(1) })).status, 200)
    })

    test('any origin may read metadata, with and without a preflight', async () => {
      const origin = 'https://anyone.example'
      const { headers } = await ask(edge, 'GET', '/metadata', { headers: { origin } })
      assert.equal(headers['access-control-allow-origin'], '*')
      const preflight = await ask(edge, 'OPTIONS', '/metadata', { headers: { origin } })
      assert.equal(preflight.status, 204)
      assert.equal(preflight.headers['access-control-allow-origin'], '*')
      assert.equal(preflight.headers['access-control-allow-credentials'], undefined)
    })

    test('a registered origin may call and read why it was refused [cors-003]', async () => {
      const origin = 'https://app.example'
      const preflight = await ask(edge, 'OPTIONS', '/post', {
        headers: { origin, 'access-control-request-method': 'POST' },
      })
      assert.equal(preflight.status, 204)
      assert.equal(preflight.headers['access-control-allow-origin'], origin)
      assert.equal(preflight.headers['access-control-allow-methods'], 'POST')
      assert.match(preflight.headers['access-control-allow-headers'] ?? '', /^authorization, content-type, /)
      assert.equal(preflight.headers.vary, 'origin')
      const { headers } = await ask(edge, 'POST', '/post', { headers: { ...form, origin } })
      assert.equal(headers['access-control-allow-origin'], origin)
      assert.match(headers['access-control-expose-headers'] ?? '', /www-authenticate/)
      assert.equal(headers['access-control-allow-credentials'], undefined)
      assert.equal(headers.vary, 'origin')
    })

    test('an unregistered origin gets no permission [cors-011]', async () => {
      const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
      for (const method of ['OPTIONS', 'POST']) {
        const answer = await ask(edge, method, '/post', { headers })
        assert.equal(answer.headers['access-control-allow-origin'], undefined)
        assert.equal(answer.headers['access-control-allow-methods'], undefined)
        assert.equal(answer.headers.vary, 'origin')
      }
    })

    test('caches learn of the origin beside what the endpoint varies by [RFC 9110 §12.5.5]', async () => {
      for (const origin of ['https://app.example', 'https://evil.example']) {
        const { headers } = await ask(edge, 'GET', '/translated', { headers: { origin } })
        assert.equal(headers.vary, 'accept-language, origin')
      }
    })

    test('a path without CORS has no preflight response', async () => {
      const { status, headers } = await ask(edge, 'OPTIONS', '/echo', {
        headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
      })
      assert.equal(status, 405)
      assert.equal(headers['access-control-allow-origin'], undefined)
    })
  })

  test(`http, ${name}: requests beyond the limit get 503, except health checks`, async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const overloads: number[] = []
    const slow: readonly Route[] = [
      { path: '/slow', methods: ['GET'], endpoint: async request => promise.then(() => echo(request)) },
      { path: '/healthz', methods: ['GET'], endpoint: async request => echo(request), essential: true },
    ]
    const load = createLoad({ mostRequests: 2, onOverload: underWay => overloads.push(underWay) })
    const edge = await (name === 'served' ? serve : mount)(slow, { load })
    const waiting = [ask(edge, 'GET', '/slow'), ask(edge, 'GET', '/slow'), ask(edge, 'GET', '/slow')]
    const refused = await Promise.race(waiting)
    assert.equal(refused.status, 503)
    assert.equal(refused.headers['retry-after'], '1')
    assert.equal((await ask(edge, 'GET', '/healthz')).status, 200)
    assert.equal((await ask(edge, 'GET', '/slow')).status, 503)
    assert.deepEqual(overloads, [2])
    resolve()
    const statuses = (await Promise.all(waiting)).map(({ status }) => status)
    assert.deepEqual(statuses.sort(), [200, 200, 503])
    assert.equal((await ask(edge, 'GET', '/slow')).status, 200)
    await edge.close()
  })
}
