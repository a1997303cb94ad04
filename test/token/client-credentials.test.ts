import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused } from '../support/refused.ts'
import { claimsOf, createTestServer, issuer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const client = ['client', secret] as const
const grant_type = 'client_credentials'

test('client_credentials: the token is a JWT by RFC 9068 for the API that owns the scope [token-cc-002]', async () => {
  const server = await createTestServer(world)
  const { status, headers, json } = await server.token({ grant_type, scope: 'api1' }, { client })
  assert.equal(status, 200)
  assert.match(String(headers['cache-control']), /no-store/)
  assert.deepEqual(Object.keys(json).sort(), ['access_token', 'expires_in', 'scope', 'token_type'])
  assert.equal(json.token_type, 'Bearer')
  assert.equal(json.expires_in, 3600)
  const now = server.clock.now()
  const { jti, ...claims } = claimsOf(json.access_token)
  assert.match(jti, /^[\w-]{22}$/)
  assert.deepEqual(claims, {
    client_tier: 'gold',
    iss: issuer,
    sub: 'client',
    aud: 'urn:api',
    exp: now + 3600,
    iat: now,
    nbf: now,
    client_id: 'client',
    scope: 'api1',
  })
})

test('client_credentials: several APIs are a list of audiences; scopes are sorted and unique [token-cc-003]', async () => {
  const server = await createTestServer(world)
  const { json } = await server.token({ grant_type, scope: 'other_api api1 other_api' }, { client })
  assert.equal(json.scope, 'api1 other_api')
  assert.deepEqual(claimsOf(json.access_token).aud, ['urn:api', 'urn:other'])
})

test('client_credentials: two scopes of one API have one audience [token-cc-005]', async () => {
  const server = await createTestServer(world)
  const { json } = await server.token({ grant_type, scope: 'api1 api2' }, { client })
  assert.equal(claimsOf(json.access_token).aud, 'urn:api')
  assert.equal(claimsOf(json.access_token).scope, 'api1 api2')
})

test('client_credentials: no scope means every allowed API scope, and nothing else [token-cc-006] [token-cc-020]', async () => {
  const server = await createTestServer(world)
  const { json } = await server.token({ grant_type }, { client })
  assert.equal(json.scope, 'api1 api2 other_api')
  assert.deepEqual(claimsOf(json.access_token).aud, ['urn:api', 'urn:other'])
  assert.equal(json.refresh_token, undefined)
})

test('client_credentials: a client that has no scopes is refused when it sends none [token-cc-007]', async () => {
  const server = await createTestServer(world)
  const { status, json } = await server.token({ grant_type }, { client: ['empty', secret] })
  assert.equal(status, 400)
  assert.equal(json.error, 'invalid_scope')
})

test('client_credentials: a scope of no API has the issuer as audience', async () => {
  const server = await createTestServer(withClients({ client_id: 'client', scope: 'alone' } as never))
  const { json } = await server.token({ grant_type }, { client })
  assert.equal(claimsOf(json.access_token).aud, issuer)
})

for (const [row, scope] of [
  ['unknown [token-cc-014]', 'unknown'],
  ['offline_access [token-cc-016]', 'api1 offline_access'],
  ['registered but not allowed [token-cc-017]', 'api3'],
  ['an unknown one and an allowed one [token-cc-021]', 'api1 unknown'],
  ['one not allowed and an allowed one [token-cc-022]', 'api1 api3'],
  ['an identity scope', 'openid'],
  ['longer than any [token-general-016]', 'x'.repeat(3000)],
  ['malformed', 'api1 "'],
] as const) {
  test(`client_credentials: a scope that is ${row} is invalid_scope`, async () => {
    const server = await createTestServer(world)
    const { status, headers, json } = await server.token({ grant_type, scope }, { client })
    assert.equal(status, 400)
    assert.match(String(headers['content-type']), /^application\/json/)
    assert.match(String(headers['cache-control']), /no-store/)
    assert.equal(json.error, 'invalid_scope')
  })
}

test('client_credentials: a wrong secret is invalid_client [token-cc-010]', async () => {
  const server = await createTestServer(world)
  const { status, json, headers, reason } = await server.token(
    { grant_type, scope: 'api1' },
    { client: ['client', 'invalid'] },
  )
  assert.equal(status, 401)
  assertRefused({ json, reason }, 'invalid_client', 'client_secret_wrong')
  assert.match(String(headers['www-authenticate']), /^Basic /)
})

test('client_credentials: a client without the grant is unauthorized_client [token-cc-012] [token-cc-019]', async () => {
  const server = await createTestServer(world)
  const { status, json } = await server.token(
    { grant_type, scope: 'api1' },
    { client: ['onlypassword', secret] },
  )
  assert.equal(status, 400)
  assert.equal(json.error, 'unauthorized_client')
})

test('client_credentials: a configuration that gives the grant to a public client is rejected at start [token-cc-009]', async () => {
  const broken = withClients({ client_id: 'device2', grant_types: ['client_credentials'] } as never)
  await assert.rejects(createTestServer(broken), /client_credentials/)
})

test('client_credentials: reference tokens are opaque and stored', async () => {
  const server = await createTestServer(
    withClients({ client_id: 'client', access_token_type: 'reference' } as never),
  )
  const { json } = await server.token({ grant_type, scope: 'api1' }, { client })
  assert.match(json.access_token, /^ta_[\w-]{52}$/)
  const introspected = await server.send('POST', '/connect/introspect', {
    form: { token: json.access_token, client_id: 'client', client_secret: secret },
  })
  assert.equal(introspected.json.active, true)
})

test('resource: limits the token to one API and its scopes (RFC 8707)', async () => {
  const server = await createTestServer(world)
  const { json } = await server.token({ grant_type, resource: 'urn:other' }, { client })
  assert.equal(json.scope, 'other_api')
  assert.equal(claimsOf(json.access_token).aud, 'urn:other')
})

for (const [what, form] of [
  ['unknown', 'resource=urn:nothing'],
  ['not a URI', 'resource=api'],
  ['with a fragment', 'resource=urn:api%23x'],
  ['one of several unknown', 'resource=urn:api&resource=urn:nothing'],
  ['too long', `resource=urn:${'x'.repeat(600)}`],
  ['outside the scope', 'resource=urn:other&scope=api1'],
] as const) {
  test(`resource: one that is ${what} is invalid_target`, async () => {
    const server = await createTestServer(world)
    const { status, json } = await server.token(`grant_type=client_credentials&${form}`, { client })
    assert.equal(status, 400)
    assert.equal(json.error, 'invalid_target')
  })
}

test('signing: each API gets the algorithm that it requires; two that disagree are invalid_scope', async () => {
  const server = await createTestServer({
    ...world,
    api_resources: [
      { name: 'urn:api', scopes: ['api1'], access_token_signing_alg: 'RS256' },
      { name: 'urn:other', scopes: ['other_api'], access_token_signing_alg: 'EdDSA' },
      { name: 'urn:second', scopes: ['api2'], access_token_signing_alg: 'PS256' },
    ],
  })
  const headerOf = async (scope: string) => {
    const { json } = await server.token({ grant_type, scope }, { client })
    return JSON.parse(Buffer.from(json.access_token.split('.')[0], 'base64url').toString())
  }
  assert.equal((await headerOf('api1')).alg, 'RS256')
  assert.equal((await headerOf('other_api')).alg, 'EdDSA')
  assert.equal((await headerOf('api2')).alg, 'PS256')
  assert.equal((await headerOf('api2')).typ, 'at+jwt')
  const both = await server.token({ grant_type, scope: 'api1 other_api' }, { client })
  assert.equal(both.json.error, 'invalid_scope')
})

test('compatibility identityserver4: scope in JWTs is a list, invalid_client is 400', async () => {
  const server = await createTestServer({ ...world, compatibility: 'identityserver4' })
  const { json } = await server.token({ grant_type, scope: 'api1' }, { client })
  assert.deepEqual(claimsOf(json.access_token).scope, ['api1'])
  assert.equal(json.scope, 'api1')
  const wrong = await server.token({ grant_type }, { client: ['client', 'invalid'] })
  assert.equal(wrong.status, 400)
  assertRefused(wrong, 'invalid_client', 'client_secret_wrong')
})
