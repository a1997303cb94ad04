/** Metrics for monitoring: who may read them, what they count, and that the number of series is limited. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const token = 'a-token-of-thirty-two-characters'
const bearer = (value: string) => ({ authorization: `Bearer ${value}` })
const metrics = { tokens: [{ value: token }] }
const client = ['client', secret] as const
const form = { grant_type: 'client_credentials', scope: 'api1' }

async function textOf(server: TestServer): Promise<string> {
  const { status, body } = await server.send('GET', '/metrics', { headers: bearer(token) })
  assert.equal(status, 200)
  return body
}

/** Returns the value of a series, or undefined if it does not exist. */
const figureOf = (text: string, series: string): number | undefined => {
  const line = text.split('\n').find(one => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length))
}

test('metrics: disabled metrics return 404', async () => {
  const server = await createTestServer(world)
  assert.equal((await server.send('GET', '/metrics', { headers: bearer(token) })).status, 404)
})

test('metrics: a token is required [RFC 6750 §3]', async () => {
  const server = await createTestServer({ ...world, metrics })
  for (const headers of [
    {},
    bearer('another-token-of-the-same-length'),
    bearer(''),
    { authorization: `Basic ${token}` },
    { authorization: token },
  ]) {
    const answer = await server.send('GET', '/metrics', { headers })
    assert.equal(answer.status, 401)
    assert.match(String(answer.headers['www-authenticate']), /^Bearer/)
    assert.doesNotMatch(answer.body, /_total/)
  }
  assert.equal((await server.send('POST', '/metrics', { headers: bearer(token) })).status, 405)
  const answer = await server.send('GET', '/metrics', { headers: bearer(token) })
  assert.equal(answer.status, 200)
  assert.match(String(answer.headers['content-type']), /^text\/plain; version=0\.0\.4/)
  assert.equal(answer.headers['cache-control'], 'no-store')
})

test('metrics: several tokens are accepted, each until it expires', async () => {
  const tokens = [
    { value: token },
    { value: 'one-that-will-soon-have-ended', expires_at: new Date(1_790_000_060_000).toISOString() },
  ]
  const server = await createTestServer({ ...world, metrics: { tokens } })
  const ask = async () =>
    (await server.send('GET', '/metrics', { headers: bearer('one-that-will-soon-have-ended') })).status
  assert.equal(await ask(), 200)
  server.clock.advance(61)
  assert.equal(await ask(), 401)
  await textOf(server)
})

test('metrics: requests and their durations are counted by endpoint and status', async () => {
  const server = await createTestServer({ ...world, metrics })
  for (let count = 0; count < 3; count++) await server.token(form, { client })
  await server.token(form, { client: ['client', 'wrong'] })
  await server.send('GET', '/connect/token')
  const text = await textOf(server)
  const requests = (status: number) =>
    figureOf(text, `tessera_http_requests_total{endpoint="/connect/token",status="${status}"}`)
  assert.deepEqual([200, 401, 405].map(requests), [3, 1, 1])
  const name = 'tessera_http_request_duration_seconds'
  assert.equal(figureOf(text, `${name}_count{endpoint="/connect/token"}`), 5)
  assert.equal(figureOf(text, `${name}_bucket{endpoint="/connect/token",le="+Inf"}`), 5)
})

test('metrics: refusals are counted by reason, tokens by grant, and commits by duration', async () => {
  const server = await createTestServer({ ...world, metrics })
  await server.token(form, { client: ['client', 'wrong'] })
  await server.token({ ...form, scope: 'api3' }, { client })
  const reasons = server.logged.filter(({ event }) => event === 'refused').map(({ reason }) => reason)
  await server.token(form, { client })
  await server.token(
    { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1' },
    {
      client: ['roclient', secret],
    },
  )
  const text = await textOf(server)
  for (const reason of reasons) assert.equal(figureOf(text, `tessera_refusals_total{reason="${reason}"}`), 1)
  assert.equal(reasons.length, 2)
  assert.equal(figureOf(text, 'tessera_tokens_issued_total{grant_type="client_credentials"}'), 1)
  assert.equal(figureOf(text, 'tessera_tokens_issued_total{grant_type="password"}'), 1)
  assert.equal(figureOf(text, 'tessera_store_commit_duration_seconds_count'), 1)
})

test('metrics: they contain nothing that a client sent, and its input creates no series', async () => {
  const server = await createTestServer({ ...world, metrics })
  const seriesOf = async () =>
    (await textOf(server)).split('\n').filter(line => line.startsWith('tessera_http_requests_total')).length
  const odd = async (text: string) => {
    await server.send('GET', `/${text}`)
    await server.token({ grant_type: text, scope: text }, { client: [text, text] })
    await server.token({ grant_type: text, scope: text }, { client })
  }
  await odd('aaa')
  await textOf(server)
  const before = await seriesOf()
  for (let count = 0; count < 50; count++) await odd(`odd${count}"}\n`)
  assert.equal(await seriesOf(), before)
  assert.doesNotMatch(await textOf(server), /odd\d|aaa/)
  assert.equal(
    figureOf(await textOf(server), 'tessera_http_requests_total{endpoint="other",status="404"}'),
    51,
  )
})

test('metrics: tenants are counted with the server’s endpoints, not separately', async () => {
  const server = await createTestServer({
    ...world,
    tenants: [...world.tenants, { name: 'initech', issuer: 'path' }],
    metrics,
  })
  for (const path of [
    '/.well-known/openid-configuration',
    '/t/initech/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server/t/initech',
  ])
    assert.equal((await server.send('GET', path)).status, 200, path)
  const text = await textOf(server)
  const of = (path: string) => figureOf(text, `tessera_http_requests_total{endpoint="${path}",status="200"}`)
  assert.equal(of('/.well-known/openid-configuration'), 2)
  assert.equal(of('/.well-known/oauth-authorization-server'), 1)
  assert.doesNotMatch(text, /initech/)
})

test('metrics: each line has the text format and belongs to a family described before it', async () => {
  const server = await createTestServer({ ...world, metrics })
  await server.token(form, { client })
  await server.token(form, { client: ['client', 'wrong'] })
  const text = await textOf(server)
  assert.ok(text.endsWith('\n'))
  let family = ''
  for (const line of text.trimEnd().split('\n')) {
    const described = /^# (?:HELP|TYPE) ([a-z0-9_]+) \S/.exec(line)
    if (described) family = described[1]!
    else {
      const [, name = ''] = /^([a-z0-9_]+)(?:\{(?:[a-z_]+="[^"\n]*",?)+\})? (?:\d|-\d)\S*$/.exec(line) ?? []
      assert.ok(name.startsWith(family) && name !== '', line)
    }
  }
  for (const name of [
    'process_cpu_seconds_total{worker="1"}',
    'process_resident_memory_bytes{worker="1"}',
    'nodejs_eventloop_lag_p99_seconds{worker="1"}',
    'tessera_workers',
  ])
    assert.ok(figureOf(text, name) !== undefined, name)
  assert.match(text, /^tessera_build_info\{version="[^"]+",node_version="v\d[^"]*",worker="1"\} 1$/m)
})

test('metrics: counters continue through a configuration change, and the tokens are those of the new one', async () => {
  const server = await createTestServer({ ...world, metrics })
  await server.token(form, { client })
  const next = 'a-token-of-the-next-configuration'
  await server.reconfigure({ ...world, metrics: { tokens: [{ value: next }] } })
  await server.token(form, { client })
  assert.equal((await server.send('GET', '/metrics', { headers: bearer(token) })).status, 401)
  const { body } = await server.send('GET', '/metrics', { headers: bearer(next) })
  assert.equal(figureOf(body, 'tessera_tokens_issued_total{grant_type="client_credentials"}'), 2)
  assert.equal(figureOf(body, 'tessera_http_requests_under_way{worker="1"}'), 0)
})
