/** Every response has `x-request-id`, the id in the request's log lines, whichever part of the server created it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Route } from '@tessera/protocol/http'
import { ask, type Edge, mount, type Reply, sendBytes, serve } from '../support/edges.ts'
import { createTestServer } from '../support/tessera.ts'
import { everyEndpoint, everythingOn } from './coverage.ts'

const requestId = 'x-request-id'

test('request ids: every endpoint sends the id of its log lines with each response, whatever is requested', async () => {
  const server = await createTestServer(everythingOn, { print: () => {} })
  const seen = new Set<unknown>()
  const statuses = new Set<number>()
  const check = async (method: string, path: string, options: object = {}): Promise<void> => {
    const before = server.logged.length
    const { headers, status } = await server.send(method, path.replace('*', 'x'), options)
    const id = headers[requestId]
    assert.match(String(id), /^test-\d+$/, `${method} ${path}: ${status}`)
    assert.equal(seen.has(id), false, `${method} ${path}: another request's id`)
    seen.add(id)
    statuses.add(status)
    for (const { event, request_id } of server.logged.slice(before))
      if (request_id !== undefined) assert.equal(request_id, id, `${method} ${path}: ${event}`)
    for (const line of server.logged.slice(before))
      if (line.event === 'refused')
        assert.deepEqual([line.request_id, line.network], [id, '127.0.0.1'], `${method} ${path}`)
  }
  const endpoints = await everyEndpoint()
  for (const endpoint of endpoints) {
    const [method = '', path = ''] = endpoint.split(' ')
    await check(method, path)
    await check(method, path, { form: 'a=1&a=1' })
    await check(method, path, { body: '{"', headers: { 'content-type': 'application/json' } })
    await check('HEAD', path)
    await check('OPTIONS', path, { headers: { origin: 'https://app.example' } })
    await check('PATCH', path)
    await check(method, `${path}/nowhere/at/all`)
    await check(method, path, { headers: { [requestId]: 'chosen-by-a-client' } })
  }
  for (const status of [200, 204, 302, 303, 400, 401, 404, 405])
    assert.ok(statuses.has(status) || status === 302, `no response had ${status}`)
  await server.close()
})

test('request ids: a 304 has the id of its own request [RFC 9110 §15.4.5]', async () => {
  const server = await createTestServer(everythingOn, { print: () => {} })
  const path = '/.well-known/openid-configuration'
  const first = await server.send('GET', path)
  const headers = { 'if-none-match': String(first.headers.etag) }
  const second = await server.send('GET', path, { headers })
  assert.equal(second.status, 304)
  assert.match(String(second.headers[requestId]), /^test-\d+$/)
  assert.notEqual(second.headers[requestId], first.headers[requestId])
  await server.close()
})

const routes: readonly Route[] = [
  {
    path: '/says',
    methods: ['GET', 'POST'],
    cors: 'any',
    endpoint: ({ id }) => ({ status: 200, headers: {}, body: id }),
  },
  {
    path: '/throws',
    methods: ['GET'],
    endpoint: () => {
      throw new Error('a bug')
    },
  },
  {
    path: '/unsendable',
    methods: ['GET'],
    endpoint: () => ({ status: 200, headers: { 'x-line': 'a\r\nb' }, body: '' }),
  },
]

for (const [name, open] of Object.entries({ node: serve, fetch: mount })) {
  test(`request ids: the ${name} edge also sends one with its own responses`, async t => {
    const edge = await open(routes, { bodyLimit: 100 })
    t.after(edge.close)
    const ids = new Set<string>()
    const fresh = ({ headers, status }: Reply, expected: number): string => {
      assert.equal(status, expected)
      const id = String(headers[requestId])
      assert.match(id, /^[\w-]{8}-[0-9a-z]+$/)
      assert.equal(ids.has(id), false)
      ids.add(id)
      return id
    }
    const said = await ask(edge, 'GET', '/says', { headers: { [requestId]: 'mine' } })
    assert.equal(fresh(said, 200), said.body)
    fresh(await ask(edge, 'HEAD', '/says'), 200)
    fresh(await ask(edge, 'POST', '/says', { body: 'x'.repeat(200) }), 413)
    fresh(await ask(edge, 'PUT', '/says'), 405)
    fresh(await ask(edge, 'GET', '/nothing'), 404)
    fresh(await ask(edge, 'OPTIONS', '/says', { headers: { origin: 'https://app.example' } }), 204)
    fresh(await ask(edge, 'GET', '/throws'), 500)
    fresh(await ask(edge, 'GET', '/unsendable'), 500)
  })
}

test('request ids: the response to invalid bytes has one, each its own [RFC 9112 §2.2]', async t => {
  const edge: Edge = await serve(routes, { headerLimit: 1000 })
  t.after(edge.close)
  const ids = []
  for (const [bytes, status] of [
    ['P OST / HTTP/1.1\r\n\r\n', 400],
    ['GET /says HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n', 400],
    [`GET /says HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(5000)}\r\n\r\n`, 431],
  ] as const) {
    const answer = await sendBytes(edge, bytes)
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer)
    ids.push(/^x-request-id: ([\w-]+)\r$/m.exec(answer)?.[1])
  }
  assert.equal(new Set(ids).size, 3)
  assert.ok(!ids.includes(undefined))
})
