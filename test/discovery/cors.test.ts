/** Checks what scripts of other origins may request and read (Fetch Standard §3.2, §4.8). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonType, manage, register } from '../support/registering.ts'
import { callback, pagesWorld } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const origin = 'https://inspector.example'
const registered = 'https://spa.example'

const open = () =>
  createTestServer({
    ...pagesWorld,
    clients: pagesWorld.clients.map(client =>
      client.client_id === 'spa' ? client : { ...client, allowed_cors_origins: [registered] },
    ),
    registration: { mode: 'open' },
  })

/** A browser's preflight for a request with these headers. */
const preflight = (
  server: TestServer,
  path: string,
  { method, asked, from = origin }: { method: string; asked: string; from?: string },
) =>
  server.send('OPTIONS', path, {
    headers: {
      origin: from,
      'access-control-request-method': method,
      'access-control-request-headers': asked,
    },
  })

const allowedBy = (answer: Awaited<ReturnType<typeof preflight>>): readonly string[] =>
  String(answer.headers['access-control-allow-headers'] ?? '').split(', ')

/** Headers that unmodified libraries send: MCP SDKs, tracing, HTTP clients, vendors' SDKs. */
const added = [
  'mcp-protocol-version',
  'mcp-session-id',
  'x-requested-with',
  'traceparent',
  'tracestate',
  'baggage',
  'sentry-trace',
  'b3',
  'x-b3-traceid',
  'uber-trace-id',
  'x-datadog-trace-id',
  'newrelic',
  'x-amzn-trace-id',
  'elastic-apm-traceparent',
  'request-id',
  'x-request-id',
  'x-correlation-id',
  'client-request-id',
  'x-ms-request-root-id',
  'auth0-client',
  'x-okta-user-agent-extended',
  'dpop',
  'user-agent',
  'cache-control',
  'pragma',
  'if-none-match',
  'accept-encoding',
  'ngsw-bypass',
  'x-csrf-token',
  'last-event-id',
]

const publicPaths = [
  ['/.well-known/openid-configuration', 'GET'],
  ['/.well-known/oauth-authorization-server', 'GET'],
  ['/.well-known/openid-configuration/jwks', 'GET'],
  ['/connect/register', 'POST'],
] as const

for (const [path, method] of publicPaths) {
  test(`cors: ${path} allows any origin, and any header that a library adds`, async () => {
    const server = await open()
    for (const name of added) {
      const answer = await preflight(server, path, { method, asked: `content-type,${name}` })
      assert.equal(answer.status, 204, name)
      assert.equal(answer.headers['access-control-allow-origin'], '*', name)
      assert.equal(answer.headers['access-control-allow-credentials'], undefined)
      assert.equal(answer.headers['access-control-allow-methods'], method)
      assert.ok(allowedBy(answer).includes(name), name)
    }
    const without = await server.send('OPTIONS', path, {
      headers: { origin, 'access-control-request-method': method },
    })
    for (const name of ['authorization', 'content-type', 'mcp-protocol-version', 'traceparent'])
      assert.ok(allowedBy(without).includes(name), name)
  })
}

test('cors: endpoints of clients allow such headers to the origins of clients, and nothing to others', async () => {
  const server = await open()
  for (const path of ['/connect/token', '/connect/revocation', '/connect/userinfo', '/connect/par']) {
    for (const name of added) {
      const asked = { method: 'POST', asked: name }
      assert.ok(allowedBy(await preflight(server, path, { ...asked, from: registered })).includes(name))
      const { status, headers } = await preflight(server, path, asked)
      assert.equal(status, 204)
      assert.equal(headers['access-control-allow-origin'], undefined)
      assert.equal(headers['access-control-allow-headers'], undefined)
    }
  }
})

test('cors: a page can’t make the browser send the headers of a proxy', async () => {
  const server = await open()
  for (const name of [
    'x-forwarded-for',
    'X-Forwarded-Host',
    'forwarded',
    'x-real-ip',
    'true-client-ip',
    'cf-connecting-ip',
    'via',
    'x-client-cert',
    'ssl-client-cert',
    'x-ssl-client-verify',
    'x-tls-client',
    'x-original-url',
    'x-rewrite-url',
    'x-http-method-override',
    'remote-user',
    'x-host',
    'bad name',
    'bad;name',
    '',
  ]) {
    for (const [path, method] of publicPaths) {
      const answer = await preflight(server, path, { method, asked: `content-type, ${name}` })
      assert.ok(!allowedBy(answer).includes(name.toLowerCase()), name)
      assert.ok(allowedBy(answer).includes('content-type'))
    }
  }
})

test('cors: of an overlong list of headers only a part is read', async () => {
  const server = await open()
  const asked = Array.from({ length: 5000 }, (_, index) => `x-${index}`).join(',')
  const answer = await preflight(server, '/connect/register', { method: 'POST', asked })
  assert.ok(String(answer.headers['access-control-allow-headers']).length < 5000)
})

test('cors: an origin that is longer than any host name allows is not looked up', async () => {
  const server = await createTestServer({
    ...pagesWorld,
    registration: { mode: 'open', sealed_client_ids: { mode: 'issue' } },
  })
  const host = `${'a.'.repeat(122)}a.example`
  assert.equal(host.length, 253)
  const allowed = async (from: string) =>
    (await preflight(server, '/connect/token', { method: 'POST', asked: 'dpop', from })).headers[
      'access-control-allow-origin'
    ]
  assert.equal(await allowed(`https://${host}:65535`), `https://${host}:65535`)
  for (const longer of [`${'a.'.repeat(30)}${host}`, `${'.'.repeat(300)}a`])
    assert.equal(await allowed(`https://${longer}`), undefined)
})

test('cors: a script registers a client, reads the response or the error, and manages the client', async () => {
  const server = await open()
  const made = await register(server, { redirect_uris: [callback] }, { origin })
  assert.equal(made.status, 201)
  assert.equal(made.headers['access-control-allow-origin'], '*')
  assert.equal(made.headers['access-control-allow-credentials'], undefined)

  const refused = await register(server, { redirect_uris: [] }, { origin })
  assert.equal(refused.status, 400)
  assert.equal(refused.headers['access-control-allow-origin'], '*')

  const path = new URL(made.json.registration_client_uri).pathname
  for (const method of ['GET', 'PUT', 'DELETE'] as const) {
    const answer = await preflight(server, path, { method, asked: 'authorization, content-type' })
    assert.equal(answer.headers['access-control-allow-origin'], '*')
    assert.match(String(answer.headers['access-control-allow-methods']), new RegExp(method))
    assert.ok(allowedBy(answer).includes('authorization'))
  }
  const unknown = await server.send('GET', path, { headers: { origin, authorization: 'Bearer wrong' } })
  assert.equal(unknown.status, 401)
  assert.equal(unknown.headers['access-control-allow-origin'], '*')
  const exposed = String(unknown.headers['access-control-expose-headers'])
  for (const name of ['www-authenticate', 'dpop-nonce', 'retry-after', 'x-request-id'])
    assert.ok(exposed.includes(name))
  assert.equal((await manage(server, 'GET', made.json)).headers['access-control-allow-origin'], '*')
})

test('cors: a script that registers too often learns when to retry', async () => {
  const server = await createTestServer({
    ...pagesWorld,
    registration: { mode: 'open', max_requests_per_hour: 1 },
  })
  const ask = () => server.send('POST', '/connect/register', { headers: { ...jsonType, origin }, body: '{}' })
  await ask()
  const { status, headers } = await ask()
  assert.equal(status, 429)
  assert.equal(headers['access-control-allow-origin'], '*')
  assert.match(String(headers['access-control-expose-headers']), /retry-after/)
})

test('cors: without registration no origin is allowed', async () => {
  const server = await createTestServer(pagesWorld)
  const { status, headers } = await preflight(server, '/connect/register', { method: 'POST', asked: '' })
  assert.equal(status, 404)
  assert.equal(headers['access-control-allow-origin'], undefined)
})
