/** The guard of an API that introspects tokens (RFC 7662), with its cache. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientSecretBasic, createClient, createIssuer, type Fetch } from '@tessera/client'
import type { Validation } from '@tessera/client/api'
import { createIntrospectionCache } from '../../packages/client/src/api/introspection-cache.ts'
import { one } from '../support/certificates.ts'
import { until } from '../support/until.ts'
import { guardOf, refusalOf, startApi, startIssuer, thumbprintOf } from './api-world.ts'

const inactive = 'Bearer error="invalid_token", error_description="the access token is not active"'

test('introspection: an opaque token of the server is allowed, with the scopes that the API may see', async () => {
  const api = await startApi()
  const { check } = guardOf(api.trusted, { introspection: { client: api.introspection } })
  const token = await api.tokenOf('opaque', 'read other')
  const decision = await check({ token }, { scope: 'read' })
  assert.ok(decision.ok)
  assert.equal(decision.access.source, 'introspection')
  assert.equal(decision.access.client_id, 'opaque')
  assert.deepEqual(decision.access.scopes, ['read'])
  assert.equal(decision.access.issuer, api.issuer)
  assert.equal(decision.access.claims.active, undefined)
})

test('introspection: a JWT needs no request by default, and an invalid one is not introspected either', async () => {
  const api = await startApi()
  const { check } = guardOf(api.trusted, { introspection: { client: api.introspection } })
  const token = await api.tokenOf('machine')
  assert.ok((await check({ token })).ok)
  api.server.clock.advance(7200)
  assert.equal(refusalOf(await check({ token }))[0], 'token_expired')
  assert.equal(api.introspections(), 0)
})

for (const validation of ['introspection', 'jwt-and-introspection'] as const satisfies Validation[])
  test(`introspection: a revoked JWT is refused at once if nothing is cached (${validation})`, async () => {
    const api = await startApi()
    const introspection = { client: api.introspection, maxAge: 0 }
    const { check } = guardOf(api.trusted, { validation, introspection })
    const token = await api.tokenOf('machine')
    const allowed = await check({ token })
    assert.ok(allowed.ok)
    assert.equal(
      allowed.access.source,
      validation === 'introspection' ? 'introspection' : 'jwt+introspection',
    )
    await api.revoke('machine', token)
    assert.deepEqual(refusalOf(await check({ token })), ['token_inactive', 401, inactive])
    assert.equal(api.introspections(), 2)
  })

test('introspection: without it, a revoked JWT is valid until it expires', async () => {
  const api = await startApi()
  const { check } = guardOf(api.trusted)
  const token = await api.tokenOf('machine')
  await api.revoke('machine', token)
  assert.ok((await check({ token })).ok)
})

test('introspection: a token is cached for its maximum age, so a revoked one is refused after that', async () => {
  const api = await startApi()
  const { check } = guardOf(api.trusted, { introspection: { client: api.introspection, maxAge: 30 } })
  const token = await api.tokenOf('opaque')
  assert.ok((await check({ token })).ok)
  await api.revoke('opaque', token)
  api.server.clock.advance(29)
  assert.ok((await check({ token })).ok)
  assert.equal(api.introspections(), 1)
  api.server.clock.advance(1)
  assert.equal(refusalOf(await check({ token }))[0], 'token_inactive')
  assert.equal(api.introspections(), 2)
})

test('introspection: a token is not cached beyond its expiry', async () => {
  const api = await startApi()
  const { check } = guardOf(api.trusted, { introspection: { client: api.introspection, maxAge: 100_000 } })
  const token = await api.tokenOf('opaque')
  assert.ok((await check({ token })).ok)
  api.server.clock.advance(3599)
  assert.ok((await check({ token })).ok)
  assert.equal(api.introspections(), 1)
  api.server.clock.advance(1)
  assert.equal(refusalOf(await check({ token }))[0], 'token_inactive')
})

test('introspection: that a token is not active is cached for a short time', async () => {
  const api = await startApi()
  const { check } = guardOf(api.trusted, { introspection: { client: api.introspection } })
  for (let attempt = 0; attempt < 3; attempt++)
    assert.equal(refusalOf(await check({ token: 'invented-token' }))[0], 'token_inactive')
  assert.equal(api.introspections(), 1)
  api.server.clock.advance(5)
  await check({ token: 'invented-token' })
  assert.equal(api.introspections(), 2)
})

test('introspection: many requests with one token at the same time cause one introspection', async () => {
  const api = await startApi()
  const { check } = guardOf(api.trusted, { introspection: { client: api.introspection } })
  const token = await api.tokenOf('opaque')
  const decisions = await Promise.all(Array.from({ length: 200 }, () => check({ token })))
  assert.ok(decisions.every(({ ok }) => ok))
  assert.equal(api.introspections(), 1)
})

test('introspection: while the server is unreachable, a request is refused with 503 and nothing is cached', async () => {
  const api = await startApi()
  const { check, events } = guardOf(api.trusted, { introspection: { client: api.introspection } })
  const token = await api.tokenOf('opaque')
  api.network.down = true
  const decision = await check({ token })
  assert.deepEqual(refusalOf(decision), ['issuer_unavailable', 503, undefined])
  assert.ok(!decision.ok)
  assert.equal(decision.response.headers['retry-after'], '5')
  assert.equal(JSON.parse(decision.response.body).error, 'temporarily_unavailable')
  assert.equal(events[0]?.cause?.code, 'network_error')
  api.network.down = false
  assert.ok((await check({ token })).ok)
})

test('introspection: a cached token is still allowed while the server is unreachable, for its maximum age', async () => {
  const api = await startApi()
  const { check } = guardOf(api.trusted, { introspection: { client: api.introspection, maxAge: 30 } })
  const token = await api.tokenOf('opaque')
  assert.ok((await check({ token })).ok)
  api.network.down = true
  api.server.clock.advance(29)
  assert.ok((await check({ token })).ok)
  api.server.clock.advance(1)
  assert.equal(refusalOf(await check({ token }))[0], 'issuer_unavailable')
})

test('introspection: wrong credentials of the API close it with 503 instead of opening it', async () => {
  const api = await startApi()
  const authentication = clientSecretBasic('wrong')
  const client = createClient({
    issuer: api.trusted,
    client_id: 'urn:api',
    authentication,
    fetch: api.fetch,
  })
  const { check, events } = guardOf(api.trusted, { introspection: { client } })
  assert.equal(refusalOf(await check({ token: await api.tokenOf('opaque') }))[1], 503)
  assert.equal(events[0]?.cause?.code, 'invalid_client')
})

/** A server that responds to introspection with these members. */
function introspectingServer(
  url: string,
  respond: (token: string) => object | Promise<object> = () => active,
) {
  const requested: string[] = []
  const fetch: Fetch = async (_, init) => {
    const token = new URLSearchParams(`${init.body}`).get('token') ?? ''
    requested.push(token)
    return Response.json(await respond(token))
  }
  const issuer = createIssuer(url, {
    metadata: { issuer: url, introspection_endpoint: `${url}/introspect` },
    fetch,
    now: () => 1_790_000_000,
  })
  return { issuer, requested, client: createClient({ issuer, client_id: 'api', fetch }) }
}

/** A guard in front of such a server. */
function introspecting(
  respond: (token: string) => object | Promise<object>,
  { cache }: { readonly cache?: object } = {},
) {
  const { issuer, requested, client } = introspectingServer('https://id.example', respond)
  return { ...guardOf(issuer, { introspection: { client, ...cache } }), requested }
}

const active = { active: true, aud: 'urn:api', client_id: 'app', scope: 'read' }

const refused: Readonly<Record<string, readonly [members: object, reason: string, status: number]>> = {
  'for another API': [{ ...active, aud: ['urn:other'] }, 'audience_mismatch', 401],
  'without an audience': [{ ...active, aud: undefined }, 'audience_mismatch', 401],
  'of another issuer': [{ ...active, iss: 'https://evil.example' }, 'issuer_untrusted', 401],
  'that is a refresh token': [{ ...active, token_use: 'refresh_token' }, 'token_type_mismatch', 401],
  'of an unknown type': [{ ...active, token_type: 'N_A' }, 'token_type_mismatch', 401],
  'that has expired': [{ ...active, exp: 1_789_999_970 }, 'token_expired', 401],
  'that is not valid yet': [{ ...active, nbf: 1_790_000_031 }, 'token_inactive', 401],
  'that is not active': [{ active: false, aud: 'urn:api' }, 'token_inactive', 401],
  'that is active by a string only': [{ ...active, active: 'true' }, 'issuer_unavailable', 503],
  'without the member active': [{ aud: 'urn:api' }, 'issuer_unavailable', 503],
  'with a scope that is too small': [{ ...active, scope: 'write' }, 'scope_insufficient', 403],
  'that is bound to a certificate [RFC 8705 §3.2]': [
    { ...active, cnf: { 'x5t#S256': 'x' } },
    'certificate_missing',
    401,
  ],
}

for (const [name, [members, reason, status]] of Object.entries(refused))
  test(`introspection: a token is refused ${name}`, async () => {
    const { check } = introspecting(() => members)
    const refusal = refusalOf(await check({ token: 'opaque-token' }, { scope: 'read' }))
    assert.deepEqual(refusal.slice(0, 2), [reason, status])
  })

test('introspection: a response without an audience is accepted if the API says so', async () => {
  const { check } = introspecting(() => ({ active: true }), { cache: { allowMissingAudience: true } })
  assert.ok((await check({ token: 'opaque-token' })).ok)
})

test('introspection: a token of another API is refused, even if the API accepts a response without an audience', async () => {
  const { check } = introspecting(() => ({ active: true, aud: 'urn:other' }), {
    cache: { allowMissingAudience: true },
  })
  assert.equal(refusalOf(await check({ token: 'opaque-token' }))[0], 'audience_mismatch')
})

test('introspection: a certificate-bound token is allowed with its certificate [RFC 8705 §3.2]', async () => {
  const cnf = { 'x5t#S256': thumbprintOf(one) }
  const { check } = introspecting(() => ({ ...active, cnf }))
  const certificate = Buffer.from(one, 'base64')
  assert.ok((await check({ token: 'opaque-token', certificate })).ok)
})

test('introspection: the cache holds a limited number of tokens, and keeps those in use', async () => {
  const { check, requested } = introspecting(() => active, { cache: { maxEntries: 10 } })
  await check({ token: 'in-use' })
  for (let index = 0; index < 100; index++) {
    await check({ token: `token-${index}` })
    await check({ token: 'in-use' })
  }
  assert.equal(requested.filter(token => token === 'in-use').length, 1)
  await check({ token: 'token-99' })
  assert.equal(requested.length, 101)
  await check({ token: 'token-0' })
  assert.equal(requested.length, 102)
})

test('introspection: invented tokens do not drop valid ones from the cache', async () => {
  const { check, requested } = introspecting(token => (token === 'valid' ? active : { active: false }), {
    cache: { maxEntries: 1, maxNegativeEntries: 2 },
  })
  await check({ token: 'valid' })
  for (let index = 0; index < 50; index++) await check({ token: `invented-${index}` })
  assert.ok((await check({ token: 'valid' })).ok)
  assert.equal(requested.filter(token => token === 'valid').length, 1)
})

test('introspection: more requests at the same time than the limit are refused with 503', async () => {
  let release = (): void => {}
  const waiting = new Promise<void>(resolve => {
    release = resolve
  })
  const { check, requested } = introspecting(() => waiting.then(() => active), {
    cache: { maxConcurrent: 2 },
  })
  const running = ['one', 'two'].map(token => check({ token }))
  await until('both introspection requests', () => requested.length === 2)
  const third = await check({ token: 'three' })
  assert.equal(refusalOf(third)[0], 'issuer_unavailable')
  assert.ok(!third.ok)
  assert.equal(third.response.headers['retry-after'], '1')
  const shared = check({ token: 'one' })
  release()
  assert.ok((await Promise.all([...running, shared])).every(({ ok }) => ok))
  assert.ok((await check({ token: 'three' })).ok)
  assert.deepEqual(requested.toSorted(), ['one', 'three', 'two'])
})

test('introspection: invented tokens leave room for tokens that were active before', async () => {
  const { promise: waiting, resolve: release } = Promise.withResolvers<void>()
  const { check, requested } = introspecting(
    token => (token.startsWith('invented') ? waiting.then(() => ({ active: false })) : active),
    { cache: { maxConcurrent: 10, maxAge: 0 } },
  )
  assert.ok((await check({ token: 'known' })).ok)
  const running = Array.from({ length: 8 }, (_, index) => check({ token: `invented-${index}` }))
  await until('the introspection requests', () => requested.length === 9)
  assert.equal(refusalOf(await check({ token: 'new' }))[0], 'issuer_unavailable')
  assert.ok((await check({ token: 'known' })).ok)
  release()
  assert.ok((await Promise.all(running)).every(({ ok }) => !ok))
  assert.ok((await check({ token: 'new' })).ok)
})

test('introspection: requests with one token share the request that is running', async () => {
  let release = (): void => {}
  const waiting = new Promise<void>(resolve => {
    release = resolve
  })
  const { check, requested } = introspecting(() => waiting.then(() => active), {
    cache: { maxConcurrent: 1, maxAge: 0 },
  })
  const running = [check({ token: 'one' })]
  await until('the introspection request', () => requested.length === 1)
  for (let index = 0; index < 20; index++) running.push(check({ token: 'one' }))
  // One more request is over the limit. Those with the same token are not.
  assert.equal(refusalOf(await check({ token: 'two' }))[0], 'issuer_unavailable')
  release()
  assert.ok((await Promise.all(running)).every(({ ok }) => ok))
})

test('introspection: a JWT goes to the server that it names, and to no other one', async () => {
  const [first, second] = [
    introspectingServer('https://one.example'),
    introspectingServer('https://two.example'),
  ]
  const { check } = guardOf([first.issuer, second.issuer], {
    validation: 'introspection',
    introspection: { client: [first.client, second.client] },
  })
  const server = startIssuer()
  const allowed = await check({ token: await server.token({ iss: 'https://two.example' }) })
  assert.ok(allowed.ok)
  assert.equal(allowed.access.issuer, 'https://two.example')
  assert.deepEqual([first.requested.length, second.requested.length], [0, 1])
  assert.equal(refusalOf(await check({ token: await server.token() }))[0], 'issuer_untrusted')
  assert.deepEqual([first.requested.length, second.requested.length], [0, 1])
})

test('introspection: a guard that introspects all tokens needs a client for each issuer', () => {
  const [first, second] = [
    introspectingServer('https://one.example'),
    introspectingServer('https://two.example'),
  ]
  for (const validation of ['introspection', 'jwt-and-introspection'] as const)
    assert.throws(
      () => guardOf([first.issuer, second.issuer], { validation, introspection: { client: first.client } }),
      /needs a client for https:\/\/two.example/,
    )
  guardOf([first.issuer, second.issuer], { introspection: { client: first.client } })
})

test('introspection: what a request gets can not be changed by an earlier one with the same token', async () => {
  const { check } = introspecting(() => ({ ...active, roles: ['user'], act: { sub: 'a' } }))
  const first = await check({ token: 'opaque-token' })
  assert.ok(first.ok)
  assert.throws(() => (first.access.claims.roles as string[]).push('admin'), TypeError)
  assert.throws(() => Object.assign(first.access.claims.act as object, { sub: 'root' }), TypeError)
  const second = await check({ token: 'opaque-token' })
  assert.ok(second.ok)
  assert.deepEqual(second.access.claims.roles, ['user'])
})

test('introspection: members named like those of every object change nothing', async () => {
  const text = '{"active":true,"aud":"urn:api","__proto__":{"scope":"admin","polluted":true}}'
  const { check } = introspecting(() => JSON.parse(text))
  const decision = await check({ token: 'opaque-token' })
  assert.ok(decision.ok)
  assert.deepEqual(decision.access.scopes, [])
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
})

test('introspection: a token that names no issuer goes to the first server only', async () => {
  const api = await startApi()
  const other = startIssuer()
  const second = createClient({ issuer: other.issuer, client_id: 'api', fetch: api.fetch })
  const { check } = guardOf([api.trusted, other.issuer], {
    introspection: { client: [api.introspection, second] },
  })
  const before = other.requests
  assert.equal(refusalOf(await check({ token: 'opaque-token' }))[0], 'token_inactive')
  assert.equal(api.introspections(), 1)
  assert.equal(other.requests, before)
})

test('introspection: the age of a response counts from its request, which may miss a revocation', async () => {
  let [time, requests] = [0, 0]
  const introspect = async () => {
    requests += 1
    time += 20
    return { ok: true, value: { sub: 'alice' } } as const
  }
  const cached = createIntrospectionCache(introspect, () => time, { maxAge: 30 })
  for (const at of [0, 29, 30]) {
    time = at
    await cached('token')
  }
  assert.equal(requests, 2)
})
