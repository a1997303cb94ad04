/** The cost of each refusing status: whether the body is read, the store is read or written, and what is logged. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import type { Route } from '@tessera/protocol/http'
import { createLoad } from '../../packages/server/src/http/load.ts'
import type { ShowError } from '../../packages/server/src/http/router.ts'
import { type CountingStores, createCountingStores, isBackground, isWrite } from '../support/counting.ts'
import { type Edge, serve } from '../support/edges.ts'
import { readText, textsOf } from '../support/repository.ts'
import { basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { secret } from '../support/world.ts'
import { assertCovers, everythingOn } from './coverage.ts'

type Costs = {
  /** `unread`: the response came although the announced body was not sent. */
  readonly body: 'read' | 'unread'
  /** Whether the store is read, and whether anything except attempt counters is written. */
  readonly store: 'untouched' | 'read' | 'written'
  /** Lines of the log. */
  readonly lines: number
}

type Row = Costs & {
  readonly status: number
  readonly error: string
  readonly request: readonly [method: string, path: string, headers?: Readonly<Record<string, string>>]
  readonly form?: string
}

const free: Costs = { body: 'unread', store: 'untouched', lines: 0 }
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const client = { ...form, ...basic('web', secret) }
const origin = { origin: 'https://evil.example' }
const token = '/connect/token'

const rows: Readonly<Record<string, Row>> = {
  'unknown path': { ...free, status: 404, error: 'not_found', request: ['POST', '/nothing', form] },
  'wrong method': { ...free, status: 405, error: 'invalid_request', request: ['PUT', token, form] },
  'wrong method of another origin': {
    ...{ ...free, status: 405, error: 'invalid_request' },
    request: ['PUT', token, { ...form, ...origin }],
  },
  'oversized body': {
    ...{ ...free, status: 413, error: 'invalid_request' },
    request: ['POST', token, { ...form, 'content-length': '70000' }],
  },
  'too many headers': {
    ...{ ...free, status: 431, error: 'invalid_request' },
    request: ['POST', token, { ...form, 'x-large': 'x'.repeat(20_000) }],
  },
  'no valid request': { ...free, status: 400, error: 'invalid_request', request: ['P OST', token, form] },
  'another media type': {
    ...{ status: 400, error: 'invalid_request', body: 'read', store: 'untouched', lines: 1 },
    request: ['POST', token, { 'content-type': 'text/plain' }],
    form: 'grant_type=client_credentials',
  },
  'a repeated parameter': {
    ...{ status: 400, error: 'invalid_request', body: 'read', store: 'untouched', lines: 1 },
    request: ['POST', token, client],
    form: 'grant_type=a&grant_type=b',
  },
  'a configured client with a wrong secret': {
    ...{ status: 401, error: 'invalid_client', body: 'read', store: 'untouched', lines: 1 },
    request: ['POST', token, { ...form, ...basic('web', 'wrong') }],
    form: 'grant_type=client_credentials',
  },
  'an unknown client': {
    ...{ status: 401, error: 'invalid_client', body: 'read', store: 'untouched', lines: 1 },
    request: ['POST', token, { ...form, ...basic('nobody', 'wrong') }],
    form: 'grant_type=client_credentials',
  },
  'an unknown grant': {
    ...{ status: 400, error: 'unsupported_grant_type', body: 'read', store: 'untouched', lines: 1 },
    request: ['POST', token, client],
    form: 'grant_type=nothing',
  },
  'an unknown code': {
    ...{ status: 400, error: 'invalid_grant', body: 'read', store: 'read', lines: 1 },
    request: ['POST', token, client],
    form: 'grant_type=authorization_code&code=tc_x&redirect_uri=https://app.example/cb&code_verifier=x',
  },
  'a refresh token that we did not issue': {
    ...{ status: 400, error: 'invalid_grant', body: 'read', store: 'untouched', lines: 1 },
    request: ['POST', token, client],
    form: 'grant_type=refresh_token&refresh_token=tr_x',
  },
  'no access token': {
    ...{ status: 401, error: '', body: 'read', store: 'untouched', lines: 0 },
    request: ['GET', '/connect/userinfo'],
  },
}

let server: TestServer
let counting: CountingStores
let edge: Edge
before(async () => {
  counting = createCountingStores()
  server = await createTestServer(everythingOn, {
    ...{ stores: counting.stores, sendMail: false, print: () => {} },
  })
  edge = await serve(server.routes)
})
after(async () => {
  await edge.close()
  await server.close()
})

/** Sends the head, and the body only if there is a form; resolves to the complete response. */
async function refusalOf(
  to: Edge,
  { request: [method, path, headers = {}], form: body }: Pick<Row, 'request' | 'form'>,
) {
  const socket = connect(Number(new URL(to.url).port), '127.0.0.1')
  let received = ''
  socket.setEncoding('utf8').on('data', text => {
    received += text
  })
  socket.on('error', () => {})
  await once(socket, 'connect')
  const length = method === 'GET' ? {} : { 'content-length': String(body?.length ?? 100) }
  const lines = Object.entries({ host: 'localhost:5080', ...length, ...headers })
  socket.write(
    `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body ?? ''}`,
  )
  const isWhole = (): boolean => {
    const [head = '', rest] = received.split('\r\n\r\n')
    const announced = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    return rest !== undefined && rest.length >= announced
  }
  await until(`a whole response to ${method} ${path}`, isWhole)
  socket.destroy()
  return {
    status: Number(received.slice(9, 12)),
    error: /"error":"(\w+)"/.exec(received)?.[1] ?? '',
    retryAfter: /\r\nretry-after: (\d+)/i.exec(received)?.[1],
  }
}

for (const [name, row] of Object.entries(rows))
  test(`refusing ${name}: the body is ${row.body}, the store ${row.store}, the log has ${row.lines} more lines`, async () => {
    assert.equal(
      row.body === 'unread',
      row.form === undefined && row.request[0] !== 'GET',
      'the row is wrong',
    )
    counting.calls.length = 0
    const before = server.logged.length
    const { status, error } = await refusalOf(edge, row)
    assert.deepEqual([status, error], [row.status, row.error])
    const calls = counting.calls.filter(call => !call.startsWith('attempts.') && !isBackground(call))
    const store = calls.some(isWrite) ? 'written' : calls.length > 0 ? 'read' : 'untouched'
    assert.deepEqual([store, server.logged.length - before], [row.store, row.lines], calls.join(', '))
  })

test('refusing under overload: the body is unread, no endpoint and no store is called, and nothing is logged for each request', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const slow: Route = {
    path: '/slow',
    methods: ['GET'],
    async endpoint() {
      begun.resolve()
      await promise
      return { status: 200, headers: {}, body: '' }
    },
  }
  const overloads: number[] = []
  const load = createLoad({ mostRequests: 1, onOverload: underWay => overloads.push(underWay) })
  let asked = 0
  const isAllowedOrigin = () => {
    asked += 1
    return false
  }
  let pagesShown = 0
  const showError: ShowError = async (_, error) => {
    pagesShown += 1
    return error
  }
  const busy = await serve([...server.routes, slow], { load, isAllowedOrigin, showError })
  const waiting = fetch(`${busy.url}/slow`)
  await begun.promise
  counting.calls.length = 0
  const before = server.logged.length
  for (let count = 0; count < 3; count++)
    assert.deepEqual(await refusalOf(busy, { request: ['POST', token, { ...client, ...origin }] }), {
      ...{ status: 503, error: 'temporarily_unavailable', retryAfter: '1' },
    })
  assert.deepEqual(
    await refusalOf(busy, { request: ['POST', '/nothing', { ...form, accept: 'text/html' }] }),
    {
      ...{ status: 404, error: 'not_found', retryAfter: undefined },
    },
  )
  assert.equal(pagesShown, 0)
  const calls = counting.calls.filter(call => !isBackground(call))
  assert.deepEqual([calls, server.logged.length - before, asked, overloads], [[], 0, 0, [1]])
  resolve()
  await waiting
  await busy.close()
})

test('refusing guesses: a blocked account gets 429 whatever the password, and writes nothing else', async () => {
  const guess = { grant_type: 'password', username: 'bob', password: 'wrong', scope: 'api1' }
  const roclient = { client: ['roclient', secret] } as const
  let status = 0
  for (let count = 0; count < 500 && status !== 429; count++)
    status = (await server.token(guess, roclient)).status
  assert.equal(status, 429)
  counting.calls.length = 0
  assert.equal((await server.token({ ...guess, password: 'bob' }, roclient)).status, 429)
  assert.deepEqual(
    counting.calls.filter(call => isWrite(call) && !call.startsWith('attempts.')),
    [],
  )
})

/** Statuses that other tests of this file and of the edge cause, or that mean that something is broken. */
const elsewhere: Readonly<Record<number, string>> = {
  408: 'a timeout of the edge: test/http/http-malformed.test.ts',
  421: 'a host that nobody has: test/tenants/tenants.test.ts',
  429: 'above',
  500: 'a fault of ours, logged with its stack: test/http/http.test.ts',
  503: 'above',
  505: 'HTTP/2 at a mounted listener: test/http/http-listener.test.ts',
}

test('refusing: the table has each status that the edge and the router refuse with', () => {
  const sources = [...textsOf('packages/server/src/{http,app}/*.ts').values()]
  const plain = sources.flatMap(text =>
    [...text.matchAll(/plainError\((\d{3})/g)].map(([, status]) => status!),
  )
  const [, bytes = ''] = /statusOfBytes[^{]*\{([^}]*)\}/.exec(
    readText('packages/server/src/http/exchange.ts'),
  )!
  const existing = new Set([...plain, ...[...bytes.matchAll(/(\d{3})/g)].map(([status]) => status)])
  const named = new Set([
    ...Object.values(rows).map(({ status }) => String(status)),
    ...Object.keys(elsewhere),
  ])
  named.delete('401')
  existing.add('429')
  assertCovers(named, existing, 'status of a refusal')
})
