/** Wrong clocks: set back while the library runs, minutes ahead or behind, or not a number at all. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createAuthorizedFetch,
  createClient,
  createIssuer,
  pollDeviceToken,
  unwrap,
  validateAccessToken,
  validateIdToken,
} from '@tessera/client'
import { createApiGuard } from '@tessera/client/api'
import { createKey, sign, startTokenServer, now as time, url as tokenIssuer } from './token-server.ts'

const issuer = 'https://as.example'
const start = 1_790_000_000

test('wrong clock: after it was set back, the metadata are requested again', async () => {
  let now = start
  let requests = 0
  const server = createIssuer(issuer, {
    now: () => now,
    async fetch() {
      requests += 1
      return Response.json({ issuer, token_endpoint: `${issuer}/token/${requests}` })
    },
  })
  await server.metadata()
  await server.metadata()
  assert.equal(requests, 1)
  now -= 86_400
  assert.equal(unwrap(await server.metadata()).token_endpoint, `${issuer}/token/2`)
  await server.metadata()
  assert.equal(requests, 2)
})

test('wrong clock: after it was set back, a revoked token is not taken from the cache', async () => {
  let now = start
  let active = true
  const client = createClient({
    ...{ issuer, client_id: 'api', now: () => now },
    metadata: { issuer, introspection_endpoint: `${issuer}/introspect` },
    fetch: async () => Response.json({ active, aud: 'urn:api' }),
  })
  const guard = createApiGuard(client.issuer, { audience: 'urn:api', introspection: { client } })
  const header = (name: string): readonly string[] => (name === 'authorization' ? ['Bearer opaque'] : [])
  const check = () => guard.requires()({ method: 'GET', url: '/', header })
  assert.ok((await check()).ok)
  active = false
  assert.ok((await check()).ok)
  now -= 3600
  const decision = await check()
  assert.ok(!decision.ok)
  assert.equal(decision.reason, 'token_inactive')
})

test('wrong clock: after it was set back, a refused token is renewed as usual', async () => {
  let now = start
  let renewed = 0
  const client = createClient({ issuer, client_id: 'app', now: () => now })
  const token = { ok: true, value: { access_token: 'a', token_type: 'Bearer' } } as const
  const source = {
    client,
    accessToken: async () => token,
    renew: async () => ({ ok: true, value: { ...token.value, access_token: `${++renewed}` } }) as const,
  }
  const call = createAuthorizedFetch(source, {
    origins: ['https://api.example'],
    fetch: async () => new Response('', { status: 401 }),
  })
  for (let request = 0; request < 2; request++) await call('https://api.example')
  assert.equal(renewed, 1)
  now -= 86_400
  for (let request = 0; request < 2; request++) await call('https://api.example')
  assert.equal(renewed, 2)
})

const key = await createKey('ES256')
const claims = { iss: tokenIssuer, sub: 'bob', aud: 'app', iat: time, nbf: time, exp: time + 60 }
const accessToken = (members: object = {}) =>
  sign({ ...claims, auth_time: time, jti: '1', client_id: 'app', ...members }, key, { typ: 'at+jwt' })

test('wrong clock: a tolerance or an age that is not a number refuses tokens instead of accepting all', async () => {
  const server = startTokenServer([key.jwk])
  const codes = await Promise.all(
    [
      { members: {}, options: { clockTolerance: Number.NaN } },
      { members: { exp: time - 1e6 }, options: { clockTolerance: Number.NaN } },
      { members: {}, options: { max_age: Number.NaN } },
    ].map(async ({ members, options }) => {
      const required = { audience: 'app', ...options }
      const result = await validateAccessToken(server.issuer, await accessToken(members), required)
      return result.ok || result.error.code
    }),
  )
  assert.deepEqual(codes, ['token_expired', 'token_expired', 'authentication_too_old'])
})

test('wrong clock: a clock that is not a number refuses tokens', async () => {
  const server = startTokenServer([key.jwk])
  server.now = Number.NaN
  const result = await validateIdToken(server.client, await sign(claims, key))
  assert.ok(!result.ok)
  assert.equal(result.error.code, 'token_expired')
})

for (const [minutes, code] of [
  [5, 'token_expired'],
  [-5, 'token_not_yet_valid'],
] as const)
  test(`wrong clock: ${Math.abs(minutes)} minutes ${minutes > 0 ? 'ahead' : 'behind'}, tokens are refused, unless the tolerance allows it`, async () => {
    const server = startTokenServer([key.jwk])
    server.now = time + minutes * 60
    const token = await accessToken()
    const refused = await validateAccessToken(server.issuer, token, { audience: 'app' })
    assert.ok(!refused.ok)
    assert.equal(refused.error.code, code)
    const tolerant = { audience: 'app', clockTolerance: 310 }
    assert.ok((await validateAccessToken(server.issuer, token, tolerant)).ok)
  })

for (const missing of ['expires_at', 'interval'])
  test(`wrong clock: a stored device authorization without ${missing} sends no requests without a pause`, async () => {
    const client = createClient({
      issuer,
      client_id: 'tv',
      fetch: async () => assert.fail('a request was sent'),
    })
    const device = { device_code: 'code', expires_at: start, interval: 5, [missing]: undefined }
    await assert.rejects(pollDeviceToken(client, device as never), TypeError)
  })
