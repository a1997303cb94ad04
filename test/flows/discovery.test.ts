import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestServer, issuer } from '../support/tessera.ts'
import { world } from '../support/world.ts'

const path = '/.well-known/openid-configuration'

test('discovery: one document at both well-known places, for any origin, and caches may keep it', async () => {
  const server = await createTestServer(world)
  const first = await server.send('GET', path, { headers: { origin: 'https://anyone.example' } })
  assert.equal(first.status, 200)
  assert.equal(first.json.issuer, issuer)
  assert.equal(first.headers['access-control-allow-origin'], '*')
  assert.match(String(first.headers['cache-control']), /public, max-age=\d+/)
  assert.deepEqual((await server.send('GET', '/.well-known/oauth-authorization-server')).json, first.json)
  assert.equal((await server.send('POST', path)).status, 405, '[discovery-002]')
})

test('discovery: every endpoint that it names answers, below the issuer', async () => {
  const server = await createTestServer(world)
  const { json } = await server.send('GET', path)
  const named = Object.entries(json).filter(([name]) => name.endsWith('_endpoint') || name === 'jwks_uri')
  assert.ok(named.length >= 7)
  for (const [name, url] of named) {
    assert.ok(String(url).startsWith(`${issuer}/`), name)
    const { status } = await server.send('GET', String(url).slice(issuer.length))
    assert.ok([200, 400, 401, 405].includes(status), `${name}: ${status}`)
  }
})

test('discovery: an issuer with a path is found below it and where RFC 8414 §3.1 says', async () => {
  const server = await createTestServer({ ...world, issuer: 'https://id.example/auth' })
  for (const place of [`/auth${path}`, `${path}/auth`, '/.well-known/oauth-authorization-server/auth']) {
    const { status, json } = await server.send('GET', place)
    assert.equal(status, 200, place)
    assert.equal(json.token_endpoint, 'https://id.example/auth/connect/token')
  }
  assert.equal((await server.send('GET', path)).status, 404)
  assert.equal((await server.send('POST', '/auth/connect/token', { form: {} })).status, 401)
})

test('discovery: signing algorithms are those of the keys [discovery-004] [discovery-009]', async () => {
  const server = await createTestServer({
    ...world,
    api_resources: [{ name: 'urn:api', scopes: ['api1'], access_token_signing_alg: 'EdDSA' }],
  })
  const { json } = await server.send('GET', path)
  const { json: jwks } = await server.send('GET', `${path}/jwks`)
  const algorithms = jwks.keys.map(({ alg }: { alg: string }) => alg)
  assert.deepEqual(json.id_token_signing_alg_values_supported.toSorted(), algorithms.toSorted())
  assert.equal(new Set(algorithms).size, algorithms.length)
  assert.ok(algorithms.includes('EdDSA'))
})

test('discovery: every published key has alg, kid and use=sig [discovery-008]', async () => {
  const server = await createTestServer(world)
  const { json, headers } = await server.send('GET', `${path}/jwks`)
  assert.match(String(headers['content-type']), /json/)
  for (const key of json.keys) {
    assert.equal(key.use, 'sig')
    assert.ok(key.alg && key.kid && key.kty)
  }
})

test('discovery: userinfo is not signed, so no algorithm is announced for it [discovery-005]', async () => {
  const server = await createTestServer(world)
  const { json } = await server.send('GET', path)
  assert.equal(json.userinfo_signing_alg_values_supported, undefined)
  assert.ok(json.userinfo_endpoint)
})

test('discovery: the prompts that there are; create is none of them yet [discovery-011]', async () => {
  const server = await createTestServer(world)
  const { json } = await server.send('GET', path)
  assert.deepEqual(json.prompt_values_supported, ['none', 'login', 'consent', 'select_account'])
})

test('discovery: client certificates are announced where a proxy passes them on [discovery-012]', async () => {
  const without = (await (await createTestServer(world)).send('GET', path)).json
  assert.equal(without.mtls_endpoint_aliases, undefined)
  assert.ok(!without.token_endpoint_auth_methods_supported.includes('tls_client_auth'))
  const mtls = { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] }
  const { json } = await (await createTestServer({ ...world, mtls })).send('GET', path)
  assert.equal(json.tls_client_certificate_bound_access_tokens, true)
  assert.ok(json.token_endpoint_auth_methods_supported.includes('tls_client_auth'))
  assert.equal(json.mtls_endpoint_aliases.token_endpoint, `${issuer}/connect/token`)
})

test('discovery: grants are those that this server has', async () => {
  const server = await createTestServer({ ...world, users: [] })
  const { json } = await server.send('GET', path)
  assert.ok(json.grant_types_supported.includes('urn:ietf:params:oauth:grant-type:token-exchange'))
  assert.ok(!json.grant_types_supported.includes('password'))
  assert.ok(!json.grant_types_supported.includes('urn:ietf:params:oauth:grant-type:jwt-bearer'))
  assert.deepEqual(json.code_challenge_methods_supported, ['S256'])
})
