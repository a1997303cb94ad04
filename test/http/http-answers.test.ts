/**
 * The responses of the served edge, line by line; the mounted one must send the same, except for the connection's
 * headers.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { HttpResponse, Route } from '@tessera/protocol/http'
import { ask, type Edge, mount, sendBytes, serve } from '../support/edges.ts'

const json = { 'content-type': 'application/json' }
const answers: Readonly<Record<string, HttpResponse>> = {
  '/text': { status: 200, headers: json, body: '{"ä":1}' },
  '/picture': {
    status: 200,
    headers: { 'content-type': 'image/png' },
    body: '',
    bytes: Buffer.from('\x89PNG', 'latin1'),
  },
  '/redirect': { status: 302, headers: { location: '/x', 'set-cookie': ['a=1', 'b=2'] }, body: '' },
  '/nothing': { status: 204, headers: {}, body: '' },
  '/unchanged': { status: 304, headers: { etag: '"x"', 'cache-control': 'public, max-age=60' }, body: '' },
  '/refused': { status: 401, headers: { ...json, 'www-authenticate': 'Basic' }, body: '{}' },
  '/split': { status: 200, headers: { ...json, 'x-split': 'a\r\nb: c' }, body: '{}' },
}
const routes: readonly Route[] = Object.entries(answers).map(([path, answer]) => ({
  path,
  methods: ['GET', 'POST'],
  // Half of the responses are immediate, half are delayed.
  endpoint: path.length % 2 === 0 ? () => answer : async () => answer,
}))

const ours = [
  'x-content-type-options: nosniff',
  'referrer-policy: no-referrer',
  'strict-transport-security: max-age=31536000',
]
const noStore = 'cache-control: no-store'
const type = 'content-type: application/json'

/** The lines of each response except the date and the connection's headers; and its body. */
const expected: Readonly<Record<string, readonly [first: string, lines: readonly string[], body: string]>> = {
  '/text': ['200 OK', [...ours, type, noStore, 'content-length: 8'], '{"ä":1}'],
  '/picture': ['200 OK', [...ours, 'content-type: image/png', noStore, 'content-length: 4'], '\uFFFDPNG'],
  '/redirect': [
    '302 Found',
    [...ours, 'location: /x', 'set-cookie: a=1', 'set-cookie: b=2', noStore, 'content-length: 0'],
    '',
  ],
  '/nothing': ['204 No Content', [...ours, noStore], ''],
  '/unchanged': ['304 Not Modified', [...ours, 'etag: "x"', 'cache-control: public, max-age=60'], ''],
  '/refused': [
    '401 Unauthorized',
    [...ours, type, 'www-authenticate: Basic', noStore, 'content-length: 2'],
    '{}',
  ],
  '/split': [
    '500 Internal Server Error',
    [
      'x-content-type-options: nosniff',
      'content-type: application/json; charset=utf-8',
      'cache-control: no-store, no-cache, max-age=0',
      'pragma: no-cache',
      'content-length: 24',
    ],
    '{"error":"server_error"}',
  ],
}

let served: Edge
let mounted: Edge
before(async () => {
  served = await serve(routes)
  mounted = await mount(routes)
})
after(() => Promise.all([served.close(), mounted.close()]))

const requestOf = (method: string, path: string, connection: string): string =>
  `${method} ${path} HTTP/1.1\r\nHost: id.example\r\nConnection: ${connection}\r\n${
    method === 'POST'
      ? 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b'
      : '\r\n'
  }`

const date = /^Date: \w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/

const requestId = /^x-request-id: [\w-]{8}-\w+$/

function assertAnswer(received: string, path: string, method: string, connection: readonly string[]): void {
  const [head = '', ...body] = received.split('\r\n\r\n')
  const [first, ...lines] = head.split('\r\n')
  const [status, wanted, text] = expected[path]!
  const at = `${method} ${path}`
  assert.equal(first, `HTTP/1.1 ${status}`, at)
  const dates = lines.filter(line => date.test(line))
  assert.equal(dates.length, 1, at)
  const ids = lines.filter(line => requestId.test(line))
  assert.equal(ids.length, 1, at)
  const others = lines.filter(line => !date.test(line) && !requestId.test(line))
  assert.deepEqual(others.sort(), [...wanted, ...connection].sort(), at)
  assert.equal(body.join('\r\n\r\n'), method === 'HEAD' ? '' : text, at)
}

for (const method of ['GET', 'HEAD', 'POST']) {
  test(`answers: every line of each kind of response to ${method} [RFC 9110 §8.6]`, async () => {
    for (const path of Object.keys(expected)) {
      const received = await sendBytes(served, requestOf(method, path, 'close'))
      assertAnswer(received, path, method, ['Connection: close'])
    }
  })

  test(`answers: a kept-alive connection says so, and its responses follow each other without a gap, for ${method}`, async () => {
    for (const path of Object.keys(expected)) {
      const [kept, last] = [requestOf(method, path, 'keep-alive'), requestOf('GET', '/nothing', 'close')]
      const received = await sendBytes(served, kept, last)
      const next = received.lastIndexOf('HTTP/1.1 204')
      assertAnswer(received.slice(0, next), path, method, [
        'Connection: keep-alive',
        'Keep-Alive: timeout=72',
      ])
      assertAnswer(received.slice(next), '/nothing', 'GET', ['Connection: close'])
    }
  })
}

test('answers: the mounted edge has the same headers and bodies', async () => {
  const kept = ['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding', 'x-request-id']
  for (const path of Object.keys(expected).filter(path => path !== '/split'))
    for (const method of ['GET', 'POST']) {
      const [one, other] = await Promise.all([served, mounted].map(edge => ask(edge, method, path)))
      const headersOf = ({ headers }: { headers: object }) =>
        Object.fromEntries(Object.entries(headers).filter(([name]) => !kept.includes(name)))
      assert.equal(other!.status, one!.status, path)
      assert.deepEqual(headersOf(other!), headersOf(one!), path)
      assert.equal(other!.body, one!.body, path)
    }
})
