/** Values of a hostile or broken server: deeply nested JSON, members named like those of objects, and extreme numbers. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  clientCredentials,
  createClient,
  createIssuer,
  createSession,
  createTokenCache,
  fetchUserinfo,
  introspectToken,
  startDeviceAuthorization,
  validateAccessToken,
} from '@tessera/client'
import { createApiGuard } from '@tessera/client/api'
import { createKey, sign, startTokenServer, now as time, url as tokenIssuer } from './token-server.ts'

const issuer = 'https://as.example'
const metadata = {
  issuer,
  token_endpoint: `${issuer}/token`,
  userinfo_endpoint: `${issuer}/userinfo`,
  introspection_endpoint: `${issuer}/introspect`,
  device_authorization_endpoint: `${issuer}/device`,
}

/** Creates a client of a server that responds with this text to everything but requests for its metadata. */
const clientOf = (body: string, now?: () => number) =>
  createClient({ issuer, metadata, client_id: 'app', now, fetch: async () => new Response(body) })

const depth = 100_000
const nested = '['.repeat(depth) + ']'.repeat(depth)

test('hostile server: metadata with a deeply nested value fail like any others of another issuer', async () => {
  for (const [document, code] of [
    [`{"issuer":${nested}}`, 'issuer_mismatch'],
    [`{"issuer":"${issuer}","token_endpoint":${nested}}`, 'endpoint_not_allowed'],
  ]) {
    const client = createClient({ issuer, client_id: 'app', fetch: async () => new Response(document) })
    const result = await clientCredentials(client)
    assert.ok(!result.ok)
    assert.equal(result.error.code, code)
    assert.ok(result.error.message.length <= 1000)
  }
})

test('hostile server: an API that introspects survives a deeply nested description of a token', async () => {
  const client = clientOf(`{"active":true,"aud":"urn:api","scope":"read","extra":${nested}}`)
  const guard = createApiGuard(client.issuer, { audience: 'urn:api', introspection: { client } })
  const header = (name: string): readonly string[] => (name === 'authorization' ? ['Bearer opaque'] : [])
  const decision = await guard.requires({ scope: 'read' })({ method: 'GET', url: '/', header })
  assert.ok(decision.ok)
  assert.ok(Object.isFrozen(decision.access.claims.extra))
})

test('hostile server: a token with deeply nested claims is refused as any other wrong one', async () => {
  const key = await createKey('ES256')
  const server = startTokenServer([key.jwk])
  let claim: unknown[] = []
  for (let level = 0; level < 2000; level++) claim = [claim]
  for (const name of ['iss', 'aud', 'sub', 'scope', 'cnf', 'acr']) {
    const claims = { iss: tokenIssuer, aud: 'urn:api', sub: 'bob', exp: time + 60, iat: time }
    const all = { ...claims, jti: '1', client_id: 'app', [name]: claim }
    const token = await sign(all, key, { typ: 'at+jwt' })
    const result = await validateAccessToken(server.issuer, token, {
      audience: 'urn:api',
      acr_values: 'high',
    })
    assert.ok(!result.ok)
    assert.equal(result.error.kind, 'invalid')
  }
})

const polluted = '"__proto__":{"isAdmin":true,"ok":true},"constructor":{"prototype":{"isAdmin":true}}'

test('hostile server: members named like those of every object change no object', async () => {
  const token = `{"access_token":"a","token_type":"Bearer","refresh_token":"r",${polluted}}`
  const client = clientOf(token)
  const tokens = await clientCredentials(client)
  assert.ok(tokens.ok)
  const session = createSession(client)
  await session.start(tokens.value)
  assert.ok((await session.refresh()).ok)
  assert.ok((await createTokenCache(client).token()).ok)
  assert.ok((await introspectToken(clientOf(`{"active":true,${polluted}}`), 'a')).ok)
  assert.ok((await fetchUserinfo(clientOf(`{"sub":"bob",${polluted}}`), 'a', 'bob')).ok)
  assert.equal(
    (
      await createIssuer(issuer, {
        fetch: async () => new Response(`{"issuer":"${issuer}",${polluted}}`),
      }).metadata()
    ).ok,
    true,
  )
  assert.equal(({} as { isAdmin?: unknown }).isAdmin, undefined)
  assert.equal((tokens.value as { isAdmin?: unknown }).isAdmin, undefined)
})

test('hostile server: a member of a prototype does not replace one that is missing', async () => {
  const client = clientOf('{"__proto__":{"access_token":"a","token_type":"Bearer"}}')
  const tokens = await clientCredentials(client)
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'invalid_response')
})

for (const lifetime of [
  '-1',
  '-1e308',
  '1e400',
  '-0.5',
  'null, "expires_in": "NaN"',
  '"Infinity"',
  '[300]',
  'true',
])
  test(`hostile server: expires_in ${lifetime} is refused`, async () => {
    const tokens = await clientCredentials(
      clientOf(`{"access_token":"a","token_type":"Bearer","expires_in":${lifetime}}`),
    )
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.code, 'invalid_response')
    const codes = '"device_code":"d","user_code":"u","verification_uri":"https://as.example/device"'
    const device = await startDeviceAuthorization(clientOf(`{${codes},"expires_in":${lifetime}}`))
    assert.ok(!device.ok)
    assert.equal(device.error.code, 'invalid_response')
  })

test('hostile server: a lifetime longer than any clock is one token for all calls', async () => {
  let requests = 0
  const client = createClient({
    ...{ issuer, metadata, client_id: 'app' },
    async fetch() {
      requests += 1
      return new Response('{"access_token":"a","token_type":"Bearer","expires_in":1e308}')
    },
  })
  const cache = createTokenCache(client)
  await cache.token()
  assert.ok((await cache.token()).ok)
  assert.equal(requests, 1)
})

test('hostile server: keys that are none are ignored, and a valid one among them is used', async () => {
  const key = await createKey('ES256')
  const { kid } = key.jwk
  const hostile = [
    null,
    1,
    'key',
    [],
    { kty: 1 },
    { kty: 'EC', kid },
    { kty: 'EC', crv: 'P-256', x: 1, y: {}, kid },
    { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid },
    { ...key.jwk, alg: {} },
    { ...key.jwk, key_ops: 'verify' },
    { ...key.jwk, use: 'enc' },
    { kty: 'oct', k: 'AAAA', kid },
    { kty: 'RSA', n: 'AQ', e: 'AQ', kid },
    JSON.parse(`{"__proto__":${JSON.stringify(key.jwk)}}`),
  ]
  const server = startTokenServer([...hostile, key.jwk])
  const claims = { iss: tokenIssuer, aud: 'urn:api', sub: 'bob', exp: time + 60, iat: time, jti: '1' }
  const token = await sign({ ...claims, client_id: 'app' }, key, { typ: 'at+jwt' })
  assert.ok((await validateAccessToken(server.issuer, token, { audience: 'urn:api' })).ok)
  const only = startTokenServer(hostile)
  const refused = await validateAccessToken(only.issuer, token, { audience: 'urn:api' })
  assert.ok(!refused.ok)
  assert.equal(refused.error.code, 'key_unusable')
})

test('hostile server: neither a client nor a session shows its secrets', async () => {
  const { clientSecretBasic, clientSecretJwt, privateKeyJwt, signedRequests } = await import(
    '@tessera/client'
  )
  const { d } = await crypto.subtle
    .generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
    .then(({ privateKey }) => crypto.subtle.exportKey('jwk', privateKey))
  const secret = 'a-secret-of-at-least-32-characters'
  const key = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: d as string }
  for (const authentication of [clientSecretBasic(secret), clientSecretJwt(secret), privateKeyJwt(key)]) {
    const client = createClient({ issuer, metadata, client_id: 'app', authentication })
    const session = createSession(client)
    await session.start({ access_token: secret, token_type: 'Bearer', refresh_token: secret, members: {} })
    for (const value of [client, session, createTokenCache(client).source(), signedRequests(key)]) {
      const shown = inspect(value, { depth: 10, showHidden: true }) + JSON.stringify(value)
      assert.ok(!shown.includes(secret) && !shown.includes(d as string))
    }
  }
})
