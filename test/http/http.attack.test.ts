import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { createFetchEdge } from '../../packages/server/src/http/fetch.ts'
import { ask, mount, sendBytes, serve } from '../support/edges.ts'
import { freePort, type RunningServer, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { beginShared } from '../support/storage.ts'
import { basic, createTestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

let server: RunningServer
let removeFolder = async (): Promise<void> => {}

before(async () => {
  const { file, remove } = await writeConfiguration({ ...world, storage: (await beginShared()).storage })
  removeFolder = remove
  server = await serveConfiguration(file, await freePort())
})

after(async () => {
  await server.stop()
  await removeFolder()
})

const edge = () => ({ url: server.url, close: async () => {} })
const form = 'grant_type=client_credentials&scope=api1'
const credentials = `Authorization: ${basic('client', secret).authorization}\r\n`
const formType = 'Content-Type: application/x-www-form-urlencoded\r\n'
const ends = 'Connection: close\r\n'

const post = (headers: string, body: string, target = '/connect/token'): string =>
  `POST ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n${body}`
const token = (more = '', body = form, target?: string): string =>
  post(`${credentials}${formType}Content-Length: ${Buffer.byteLength(body)}\r\n${more}`, body, target)

const statuses = (received: string): readonly string[] =>
  [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status ?? '')
const bytes = async (...pieces: readonly string[]) => {
  const received = await sendBytes(edge(), ...pieces)
  return { received, statuses: statuses(received) }
}

/** Whatever was sent: the next valid request is served, and the process is the same. */
async function assertStillServes(): Promise<void> {
  const { statuses: answered } = await bytes(token(ends))
  assert.deepEqual(answered, ['200'])
  assert.equal(server.process.exitCode, null)
}

test('attack: a request with a length and chunks is never read as two [RFC 9112 §6.1]', async () => {
  const smuggled = token()
  for (const headers of [
    'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n',
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n',
    'Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n',
    'Transfer-Encoding : chunked\r\nContent-Length: 5\r\n',
    'Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n',
    'Content-Length: 5\r\nContent-Length: 6\r\n',
    'Content-Length: 5, 5\r\n',
    'Content-Length: +5\r\n',
    'Content-Length: 0x5\r\n',
    'Content-Length: -1\r\n',
    'Content-Length: 5 5\r\n',
  ]) {
    const { statuses: answered, received } = await bytes(
      post(formType + headers + ends, `0\r\n\r\n${smuggled}`),
    )
    assert.ok(!answered.includes('200'), `${JSON.stringify(headers)}: ${answered}`)
    assert.ok(!received.includes('access_token'))
    assert.match(received, /no-store/)
  }
  await assertStillServes()
})

test('attack: a header or path with NUL, a bare line feed or a fold is refused', async () => {
  for (const request of [
    token('X-Bad: a\0b\r\n'),
    token('X-Bad: a\nb: c\r\n'),
    token('X-Bad: a\r\n b\r\n'),
    token('X Bad: a\r\n'),
    token(': a\r\n'),
    token('', form, '/connect/token\0'),
    token('', form, '/connect/to ken'),
  ]) {
    const { statuses: answered, received } = await bytes(request)
    assert.ok(!answered.includes('200'), JSON.stringify(request.slice(0, 300)))
    assert.match(received, /no-store/)
    assert.match(received, /application\/json/)
  }
  await assertStillServes()
})

test('attack: a second Authorization header is neither used nor hidden', async () => {
  const wrong = `Authorization: ${basic('client', 'wrong').authorization}\r\n`
  for (const headers of [wrong, credentials])
    assert.deepEqual((await bytes(token(headers + ends))).statuses, ['401'])
})

test('attack: a second media type, host or length does not change how the body is read', async () => {
  const twoTypes = await bytes(token(`Content-Type: application/json\r\n${ends}`))
  assert.deepEqual(twoTypes.statuses, ['400'])
  const twoHosts = await bytes(token(`Host: evil.example\r\n${ends}`))
  assert.ok(!twoHosts.received.includes('evil.example'))
})

test('attack: targets that others may read as the token endpoint are refused', async () => {
  for (const target of [
    '/connect/token/',
    '//connect/token',
    '/connect//token',
    '/connect/./token',
    '/connect/../connect/token',
    '/CONNECT/token',
    '/connect/%74oken',
    '/connect%2Ftoken',
    '/connect/token;x=1',
    '/connect/token%00',
    '/connect\\token',
    '*',
    'connect/token',
  ]) {
    const { statuses: answered, received } = await bytes(token(ends, form, target))
    assert.ok(['400', '404'].includes(answered[0] ?? '') && answered.length === 1, `${target}: ${answered}`)
    assert.match(received, /no-store/, target)
  }
})

test('an absolute URI in the request line is reduced to its path, and its host is ignored [RFC 9112 §3.2.2]', async () => {
  const { statuses: answered } = await bytes(token(ends, form, 'http://evil.example/connect/token'))
  assert.deepEqual(answered, ['200'])
  const metadata =
    'GET http://evil.example/.well-known/openid-configuration HTTP/1.1\r\nHost: evil.example\r\n'
  const { received } = await bytes(`${metadata}${ends}\r\n`)
  assert.deepEqual(statuses(received), ['200'])
  assert.ok(!received.includes('evil.example'))
  const bare = await bytes(`GET http://evil.example HTTP/1.1\r\nHost: evil.example\r\n${ends}\r\n`)
  assert.ok(['200', '302', '303'].includes(bare.statuses[0] ?? ''), bare.received)
})

test('attack: headers and targets beyond the limit get 431, as JSON with no-store', async () => {
  for (const request of [
    token(`X-Long: ${'x'.repeat(20_000)}\r\n`),
    token(Array.from({ length: 2000 }, (_, index) => `X-${index}: 1234\r\n`).join('')),
    token('', form, `/connect/token?${'x'.repeat(20_000)}`),
    `${'X'.repeat(20_000)} / HTTP/1.1\r\n\r\n`,
  ]) {
    const { statuses: answered, received } = await bytes(request)
    assert.ok(['431', '400'].includes(answered[0] ?? ''), answered.join())
    assert.match(received, /no-store/)
    assert.match(received, /"error":"invalid_request"/)
  }
  const padded = (length: number) => token(`X-Long: ${'x'.repeat(length)}\r\n${ends}`)
  assert.deepEqual((await bytes(padded(15_000))).statuses, ['200'])
  assert.deepEqual((await bytes(padded(16_384))).statuses, ['431'])
  // Node.js 22 silently drops headers after the first thousand, such as x-forwarded-for of a proxy that sorts them.
  for (const [count, status] of [
    [400, '200'],
    [500, '431'],
    [999, '431'],
  ] as const)
    assert.deepEqual((await bytes(token(`${'a:\r\n'.repeat(count)}${ends}`))).statuses, [status], `${count}`)
  await assertStillServes()
})

test('attack: bodies beyond the limit get 413, with a correct, missing or wrong length', async () => {
  const large = `${form}&x=${'x'.repeat(70_000)}`
  const sized = (size: number) => bytes(token(ends, `${form}&x=`.padEnd(size, 'x')))
  // The largest body is read, and refused only for its parameter.
  assert.deepEqual((await sized(65_536)).statuses, ['200'])
  assert.deepEqual((await sized(65_537)).statuses, ['413'])
  const told = await bytes(token(ends, large))
  assert.deepEqual(told.statuses, ['413'])
  const chunk = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`
  const untold = await bytes(post(`${credentials}${formType}Transfer-Encoding: chunked\r\n${ends}`, chunk))
  assert.deepEqual(untold.statuses, ['413'])
  const huge = await bytes(post(`${credentials}${formType}Content-Length: 99999999999999\r\n${ends}`, form))
  assert.ok(['400', '413'].includes(huge.statuses[0] ?? ''))
  for (const { received } of [told, untold, huge]) assert.match(received, /no-store/)
  await assertStillServes()
})

test('attack: a body in a thousand parts of one byte gets 413, and a few hundred are read', async () => {
  const inParts = (text: string) => `${[...text].map(one => `1\r\n${one}\r\n`).join('')}0\r\n\r\n`
  const headers = `${credentials}${formType}Transfer-Encoding: chunked\r\n${ends}`
  const padded = (length: number) => `${form}&x=`.padEnd(length, 'x')
  assert.deepEqual((await bytes(post(headers, inParts(padded(1024))))).statuses, ['200'])
  const refused = await bytes(post(headers, inParts(padded(1025))))
  assert.deepEqual(refused.statuses, ['413'])
  assert.match(refused.received, /connection: close/i)
  const { fetch: handler } = createFetchEdge(async () => ({ status: 200, headers: {}, body: '' }))
  for (const [count, status] of [
    [1024, 200],
    [1025, 413],
  ] as const) {
    const body = new ReadableStream({
      start(parts) {
        for (let part = 0; part < count; part++) parts.enqueue(Buffer.from('x'))
        parts.close()
      },
    })
    const sent = new Request('http://localhost/', { method: 'POST', body, duplex: 'half' } as never)
    assert.equal((await handler(sent)).status, status)
  }
  await assertStillServes()
})

test('attack: ten thousand parameters and a compressed bomb each get one error', async () => {
  const flood = Array.from({ length: 10_000 }, (_, index) => `p${index}`).join('&')
  assert.deepEqual((await bytes(token(ends, flood))).statuses, ['400'])
  const { gzipSync } = await import('node:zlib')
  const bomb = gzipSync(Buffer.alloc(5_000_000, 97)).toString('latin1')
  const encoded = await bytes(token(`Content-Encoding: gzip\r\n${ends}`, bomb))
  assert.ok(['400', '413', '401'].includes(encoded.statuses[0] ?? ''))
})

test('attack: pipelined requests are authenticated separately, and garbage between them closes the connection', async () => {
  const anonymous = post(`${formType}Content-Length: ${form.length}\r\n${ends}`, form)
  assert.deepEqual((await bytes(token() + anonymous)).statuses, ['200', '401'])
  const { received } = await bytes(`${anonymous.replace(ends, '')}GARBAGE\r\n\r\n${token()}`)
  assert.ok(!received.includes('access_token'))
  await assertStillServes()
})

test('attack: a hundred clients with slow bodies do not delay others', async () => {
  const sockets = Array.from({ length: 100 }, () => connect(Number(new URL(server.url).port), '127.0.0.1'))
  try {
    await Promise.all(sockets.map(socket => once(socket, 'connect')))
    for (const socket of sockets) {
      socket.on('error', () => {})
      socket.write(post(`${credentials}${formType}Content-Length: 1000\r\n`, 'grant_type=client'))
    }
    await assertStillServes()
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
  await assertStillServes()
})

test('attack: connections that close in the middle of anything leave nothing behind', async () => {
  const whole = token()
  for (let length = 1; length < whole.length; length += 23) {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.on('error', () => {})
    socket.end(whole.slice(0, length))
    socket.resume()
    await once(socket, 'close')
  }
  // Sent completely, but closed before the response.
  for (let time = 0; time < 50; time++) {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.on('error', () => {})
    socket.write(whole, () => socket.destroy())
    await once(socket, 'close')
  }
  await assertStillServes()
})

for (const method of [
  'GET',
  'HEAD',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'BREW',
  'post',
]) {
  test(`attack: ${method} at the token endpoint issues nothing and echoes nothing`, async () => {
    const request = token(`X-Echo: planted-text\r\n${ends}`).replace('POST', method)
    const { received, statuses: answered } = await bytes(request)
    assert.ok(!received.includes('access_token') && !received.includes('planted-text'), received)
    if (method !== 'CONNECT') assert.equal(answered.length, 1)
    assert.ok(!answered.includes('200'))
    await assertStillServes()
  })
}

test('attack: an upgrade is ignored', async () => {
  const { statuses: answered } = await bytes(
    token('Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n').replace(
      'Connection: Upgrade',
      'Connection: Upgrade, close',
    ),
  )
  assert.ok(!answered.includes('101'))
  await assertStillServes()
})

const unsendable = [
  { path: '/later', methods: ['GET'], endpoint: async () => hostile },
  { path: '/now', methods: ['GET'], endpoint: () => hostile },
] as const
const hostile = { status: 200, headers: { 'x-planted': 'a\r\nSet-Cookie: x=y' }, body: 'inner' }

for (const [name, start] of Object.entries({ serve, mount })) {
  test(`attack: a header with a line break splits no response and ends no process (${name})`, async () => {
    const errors: unknown[] = []
    const own = await start(unsendable, { onUnsendable: (_, error) => errors.push(error) })
    for (const path of ['/later', '/now', '/later']) {
      const { status, headers, body } = await ask(own, 'GET', path)
      assert.equal(status, 500)
      assert.equal(body, '{"error":"server_error"}')
      assert.equal(headers['set-cookie'], undefined)
    }
    await own.close()
  })
}

test('attack: both edges refuse the same requests in the same way', async () => {
  const tessera = await createTestServer(world)
  const served = await serve(tessera.routes)
  const mounted = await mount(tessera.routes)
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const requests = [
    ['POST', '/connect/token', { headers: type, body: 'grant_type=password' }],
    [
      'POST',
      '/connect/token',
      { headers: { ...type, ...basic('client', secret) }, body: `${form}&scope=api2` },
    ],
    ['POST', '/connect/token', { headers: { ...type, ...basic('client', secret) }, body: `${form}&x=%00` }],
    [
      'POST',
      '/connect/token',
      { headers: { ...type, ...basic('client', secret) }, body: Buffer.from([0xff, 0xfe]) },
    ],
    ['POST', '/connect/token', { headers: { ...type, ...basic('client', secret) }, body: '' }],
    ['POST', '/connect/token', { headers: { 'content-type': 'text/plain' }, body: form }],
    ['POST', '/connect/token', { body: form }],
    ['POST', '/connect/token', { headers: type, body: 'x'.repeat(70_000) }],
    ['GET', '/connect/token', {}],
    ['HEAD', '/connect/token', {}],
    ['OPTIONS', '/connect/token', { headers: { origin: 'https://evil.example' } }],
    ['GET', '/nothing', {}],
    ['HEAD', '/.well-known/openid-configuration', {}],
    ['GET', '/connect/userinfo', { headers: { authorization: 'Bearer x' } }],
  ] as const
  for (const [method, path, options] of requests) {
    const [one, two] = await Promise.all([
      ask(served, method, path, options),
      ask(mounted, method, path, options),
    ])
    assert.equal(one.status, two.status, `${method} ${path}`)
    assert.equal(one.body, two.body, `${method} ${path}`)
    for (const header of ['content-type', 'cache-control', 'www-authenticate', 'allow', 'vary'])
      assert.equal(one.headers[header], two.headers[header], `${method} ${path} ${header}`)
  }
  await Promise.all([served.close(), mounted.close()])
})

test('attack: after all of this the log contains no error and no secret', async () => {
  const log = server.log()
  assert.ok(!log.includes('"level":"error"'), log.slice(-2000))
  assert.ok(!log.includes(basic('client', secret).authorization))
  await assertStillServes()
})
