/** The served edge against broken, greedy, slow and dishonest clients, through raw sockets. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request as send } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { HttpRequest, HttpResponse, Route } from '@tessera/protocol/http'
import { ask, type EdgeOptions, sendBytes, serve } from '../support/edges.ts'

const routes: readonly Route[] = [
  {
    path: '/echo',
    methods: ['GET', 'POST'],
    endpoint: request => ({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    }),
  },
]

/** Sends bytes to its own edge and returns the status lines of the responses. */
async function statusesOf(pieces: readonly string[], options: EdgeOptions = {}): Promise<readonly string[]> {
  const edge = await serve(routes, options)
  const received = await sendBytes(edge, ...pieces)
  await edge.close()
  return [...received.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => status ?? '')
}

const host = 'Host: id.example\r\n'
const formType = 'Content-Type: application/x-www-form-urlencoded\r\n'

test('http: bytes that are not HTTP get an uncacheable 400 response in JSON', async () => {
  const edge = await serve(routes)
  const received = await sendBytes(edge, 'HELO id.example\r\n\r\n')
  assert.match(received, /^HTTP\/1\.1 400 Bad Request\r\n/)
  assert.match(received, /\r\ncache-control: no-store/)
  assert.match(received, /\r\nconnection: close\r\n/)
  assert.match(received, /\r\n\r\n\{"error":"invalid_request"\}$/)
  await edge.close()
})

test('http: headers beyond the limit are 431 [RFC 6585 §5]', async () => {
  const headers = `GET /echo HTTP/1.1\r\n${host}X-Large: ${'x'.repeat(20_000)}\r\n\r\n`
  assert.deepEqual(await statusesOf([headers]), ['431'])
  const many = `GET /echo HTTP/1.1\r\n${host}${'X-Many: 1\r\n'.repeat(3_000)}\r\n`
  assert.deepEqual(await statusesOf([many]), ['431'])
  assert.deepEqual(await statusesOf([`GET /echo?${'x'.repeat(20_000)} HTTP/1.1\r\n${host}\r\n`]), ['431'])
  const some = `GET /echo HTTP/1.1\r\n${host}X-Some: ${'x'.repeat(5_000)}\r\n\r\n`
  assert.deepEqual(await statusesOf([some], { headerLimit: 4096 }), ['431'])
})

test('http: broken chunking is 400 and closes the connection [RFC 9112 §7.1]', async () => {
  const head = `POST /echo HTTP/1.1\r\n${host}${formType}Transfer-Encoding: chunked\r\n\r\n`
  assert.deepEqual(await statusesOf([head, 'zz\r\nabc\r\n0\r\n\r\n']), ['400'])
  assert.deepEqual(await statusesOf([head, '3\r\nabcdef\r\n0\r\n\r\n']), ['400'])
})

test('http: a length with chunks, two lengths or an unknown coding can’t smuggle a request [RFC 9112 §6.3]', async () => {
  const smuggled = 'GET /echo?smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
  const chunked = 'Transfer-Encoding: chunked\r\n'
  for (const framing of [
    `Content-Length: 5\r\n${chunked}`,
    `${chunked}Content-Length: 5\r\n`,
    'Content-Length: 5\r\nContent-Length: 6\r\n',
    'Content-Length: 5, 5\r\n',
    'Content-Length: +5\r\n',
    'Transfer-Encoding: chunked, identity\r\n',
    'Transfer-Encoding : chunked\r\n',
  ]) {
    const request = `POST /echo HTTP/1.1\r\n${host}${formType}${framing}\r\n0\r\n\r\n${smuggled}`
    assert.deepEqual(await statusesOf([request]), ['400'], framing)
  }
})

test('http: a bare line feed or a folded header is refused [RFC 9112 §2.2, §5.2]', async () => {
  assert.deepEqual(await statusesOf([`GET /echo HTTP/1.1\n${host}X-A: 1\n\n`]), ['400'])
  assert.deepEqual(await statusesOf([`GET /echo HTTP/1.1\r\n${host}X-A: 1\r\n 2\r\n\r\n`]), ['400'])
})

test('http: a request without Host or with an unknown expectation is refused like others [RFC 9112 §3.2, RFC 9110 §10.1.1]', async () => {
  const edge = await serve(routes)
  for (const [status, header] of [
    [400, ''],
    [417, `${host}Expect: 200-ok\r\n`],
  ] as const) {
    const received = await sendBytes(edge, `GET /echo HTTP/1.1\r\n${header}Connection: close\r\n\r\n`)
    assert.match(received, new RegExp(`^HTTP/1\\.1 ${status} `))
    assert.match(received, /\r\ncache-control: no-store/)
    assert.match(received, /\r\nx-request-id: /)
    assert.match(received, /\r\n\r\n\{"error":"invalid_request"\}$/)
  }
  await edge.close()
  assert.deepEqual(await statusesOf(['GET /echo HTTP/1.0\r\n\r\n']), ['200'])
})

test('http: pipelined requests get responses in order [RFC 9112 §9.3.2]', async () => {
  const edge = await serve(routes)
  const received = await sendBytes(
    edge,
    `POST /echo?first HTTP/1.1\r\n${host}${formType}Content-Length: 3\r\n\r\na=1`,
    `GET /echo?second HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
  )
  await edge.close()
  const queries = [...received.matchAll(/"query":"(\w+)"/g)].map(([, query]) => query)
  assert.deepEqual(queries, ['first', 'second'])
})

test('http: an absolute URI in the request line is reduced to its path [RFC 9112 §3.2.2]', async () => {
  const request = `GET http://id.example/echo HTTP/1.1\r\n${host}Connection: close\r\n\r\n`
  assert.deepEqual(await statusesOf([request]), ['200'])
})

test('http: two host headers are 400, and so is one with two values [RFC 9112 §3.2]', async () => {
  const end = 'Connection: close\r\n\r\n'
  for (const hosts of [host + host, `${host}Host: other.example\r\n`, 'Host: id.example, other.example\r\n'])
    for (const target of ['/echo', 'http://id.example/echo'])
      assert.deepEqual(await statusesOf([`GET ${target} HTTP/1.1\r\n${hosts}${end}`]), ['400'], hosts)
})

test('http: a body without end is cut off with 413', async () => {
  const head = `POST /echo HTTP/1.1\r\n${host}${formType}Transfer-Encoding: chunked\r\n\r\n`
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
  assert.deepEqual(await statusesOf([head, ...Array(8).fill(chunk)]), ['413'])
})

test('http: slow headers or a slow body get 408', async () => {
  const limits = { headersMs: 100, requestMs: 200 }
  assert.deepEqual(await statusesOf(['GET /echo HTTP/1.1\r\nHost: '], limits), ['408'])
  // Headers have their own timeout.
  const headers = { headersMs: 100, requestMs: 60_000 }
  assert.deepEqual(await statusesOf(['GET /echo HTTP/1.1\r\nHost: '], headers), ['408'])
  const body = `POST /echo HTTP/1.1\r\n${host}${formType}Content-Length: 10\r\n\r\na=`
  assert.deepEqual(await statusesOf([body], limits), ['408'])
})

test('http: a client that connects and sends nothing is disconnected', async () => {
  assert.deepEqual(await statusesOf([], { headersMs: 100, requestMs: 200 }), ['408'])
})

test('http: closing finishes running requests, closes idle connections and accepts no more', async () => {
  const { promise, resolve } = Promise.withResolvers<HttpResponse>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<HttpRequest>()
  const slow: Route = {
    path: '/slow',
    methods: ['GET'],
    endpoint: request => {
      begin(request)
      return promise
    },
  }
  const edge = await serve([...routes, slow])
  const agent = new Agent({ keepAlive: true })
  const idle = connect(Number(new URL(edge.url).port), '127.0.0.1')
  await once(idle, 'connect')
  const request = send(`${edge.url}/slow`, { agent }).end()
  await begun
  const closing = edge.close()
  await assert.rejects(ask(edge, 'GET', '/echo'), { code: 'ECONNREFUSED' })
  resolve({ status: 200, headers: {}, body: 'done' })
  const [response] = await once(request, 'response')
  assert.equal(response.statusCode, 200)
  assert.equal(response.headers.connection, 'close')
  assert.equal(Buffer.concat(await response.toArray()).toString(), 'done')
  idle.destroy()
  agent.destroy()
  await closing
})

test('http: closing waits at most for its time limit', async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const endless: Route = {
    path: '/endless',
    methods: ['GET'],
    endpoint: () => {
      begin()
      return new Promise(() => {})
    },
  }
  const edge = await serve([endless], { drainMs: 50 })
  const lost = assert.rejects(ask(edge, 'GET', '/endless'), { code: 'ECONNRESET' })
  await begun
  await edge.close()
  await lost
})
