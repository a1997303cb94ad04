import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import {
  type Answer,
  basic,
  createTestServer,
  issuer,
  type SendOptions,
  startOfTime,
  type TestServer,
} from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const api = basic('urn:api', 'api-secret')
const otherApi = basic('urn:other', 'other-secret')
const roclient = basic('roclient', secret)

const introspect = (
  server: TestServer,
  token: string | undefined,
  headers: Readonly<Record<string, string>> = api,
  more: object = {},
): Promise<Answer> => server.send('POST', '/connect/introspect', { form: { token, ...more }, headers })

const signIn = async (server: TestServer, scope = 'openid api1 offline_access'): Promise<any> =>
  (
    await server.token(
      { grant_type: 'password', username: 'bob', password: 'bob', scope },
      { client: ['roclient', secret] },
    )
  ).json

const machineToken = async (server: TestServer, scope: string): Promise<string> =>
  (await server.token({ grant_type: 'client_credentials', scope }, { client: ['client', secret] })).json
    .access_token

const assertInactive = (answer: Answer): void => {
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.json, { active: false })
}

test('introspection: why a token is inactive is in the debug log, and not in the response', async () => {
  const server = await createTestServer(world)
  const { access_token, refresh_token } = await signIn(server)
  const reasonOf = async (
    ...given: Parameters<typeof introspect> extends [unknown, ...infer Rest] ? Rest : []
  ) => {
    assertInactive(await introspect(server, ...given))
    return server.logged.findLast(({ event }) => event === 'token_inactive')?.reason
  }
  assert.equal(await reasonOf(access_token, otherApi), 'token_of_another_caller')
  assert.equal(await reasonOf(access_token, basic('client', secret)), 'token_of_another_caller')
  assert.equal(await reasonOf(refresh_token, api), 'token_of_another_caller')
  assert.equal(await reasonOf(refresh_token, basic('client', secret)), 'token_of_another_caller')
  assert.equal(await reasonOf('ta_unknown'), 'token_unknown')
})

for (const access_token_type of ['jwt', 'reference'] as const) {
  test(`introspection: an API gets a ${access_token_type} token for it, with each member in its type [introspection-012]`, async () => {
    const server = await createTestServer(withClients({ client_id: 'roclient', access_token_type } as never))
    const { access_token } = await signIn(server)
    const { status, headers, json } = await introspect(server, access_token)
    assert.equal(status, 200)
    assert.match(String(headers['cache-control']), /no-store/)
    const { jti, authorization_id, ...members } = json
    assert.equal(typeof jti, 'string')
    assert.equal(typeof authorization_id, 'string')
    assert.deepEqual(members, {
      acr: '1',
      active: true,
      iss: issuer,
      sub: '88421113',
      aud: 'urn:api',
      exp: startOfTime + 3600,
      iat: startOfTime,
      nbf: startOfTime,
      client_id: 'roclient',
      scope: 'api1',
      token_type: 'Bearer',
      token_use: 'access_token',
      auth_time: startOfTime,
      idp: 'local',
      amr: ['pwd'],
      role: ['admin', 'geek'],
    })
  })
}

test('introspection: an API gets only its own scopes', async () => {
  const server = await createTestServer(world)
  const token = await machineToken(server, 'api1 api2 other_api')
  assert.equal((await introspect(server, token)).json.scope, 'api1 api2')
  assert.equal((await introspect(server, token, otherApi)).json.scope, 'other_api')
  assert.deepEqual((await introspect(server, token)).json.aud, ['urn:api', 'urn:other'])
})

test('introspection: a token for another API is not active [introspection-015]', async () => {
  const server = await createTestServer(world)
  assertInactive(await introspect(server, await machineToken(server, 'other_api')))
  assertInactive(await introspect(server, (await signIn(server, 'openid profile')).access_token))
})

test('introspection: a token limited to one of two APIs with the same scope is not active for the other', async () => {
  const twin = { name: 'urn:twin', scopes: ['api1'], api_secrets: [{ value: 'twin-secret' }] }
  const server = await createTestServer({ ...world, api_resources: [...world.api_resources, twin] })
  const form = { grant_type: 'client_credentials', scope: 'api1' }
  const token = async (more: object) =>
    (await server.token({ ...form, ...more }, { client: ['client', secret] })).json.access_token
  const headers = basic('urn:twin', 'twin-secret')
  assert.equal((await introspect(server, await token({}), headers)).json.active, true)
  assertInactive(await introspect(server, await token({ resource: 'urn:api' }), headers))
})

test('introspection: compatibility identityserver4 also returns the scope as one string', async () => {
  const server = await createTestServer({ ...world, compatibility: 'identityserver4' })
  assert.equal((await introspect(server, await machineToken(server, 'api1 api2'))).json.scope, 'api1 api2')
})

for (const [what, options, reason] of [
  ['an unknown API [introspection-002]', { headers: basic('urn:nobody', 'api-secret') }, 'client_unknown'],
  ['a wrong secret', { headers: basic('urn:api', 'wrong') }, 'client_unknown'],
  ['a secret of another API', { headers: basic('urn:api', 'other-secret') }, 'client_unknown'],
  ['no credentials', {}, 'client_id_missing'],
  ['a public client', { form: { token: 'x', client_id: 'device' } }, 'public_client_introspects'],
  ['an API without its secret', { form: { token: 'x', client_id: 'urn:api' } }, 'client_unknown'],
] as const satisfies readonly (readonly [string, SendOptions, string])[]) {
  for (const compatibility of ['none', 'identityserver4']) {
    test(`introspection: ${what} is 401 (compatibility: ${compatibility})`, async () => {
      const server = await createTestServer({ ...world, compatibility })
      const answer = await server.send('POST', '/connect/introspect', { form: { token: 'x' }, ...options })
      assert.equal(answer.status, 401)
      assertRefused(answer, 'invalid_client', reason)
      assert.match(String(answer.headers['www-authenticate']), /^Basic /)
    })
  }
}

test('introspection: an API authenticates by Basic or in the body, not both', async () => {
  const server = await createTestServer(world)
  const token = await machineToken(server, 'api1')
  const inBody = { client_id: 'urn:api', client_secret: 'api-secret' }
  assert.equal((await introspect(server, token, {}, inBody)).json.active, true)
  assertRefused(await introspect(server, token, api, inBody), 'invalid_request', 'several_client_credentials')
})

for (const token of ['invalid', 'ta_invalid', 'tr_invalid', 'a.b.c', 'x'.repeat(60_000)]) {
  test(`introspection: ${token.slice(0, 12)} is not active [introspection-005]`, async () => {
    const server = await createTestServer(world)
    assertInactive(await introspect(server, token))
    assertInactive(await introspect(server, token, roclient))
  })
}

test('introspection: another media type is 415, another method 405, no token invalid_request [introspection-006]', async () => {
  const server = await createTestServer(world)
  const headers = { ...api, 'content-type': 'application/json' }
  const json = await server.send('POST', '/connect/introspect', { body: '{"token":"x"}', headers })
  assert.equal(json.status, 415)
  assert.equal((await server.send('GET', '/connect/introspect?token=x', { headers: api })).status, 405)
  const missing = await introspect(server, undefined)
  assert.equal(missing.status, 400)
  assertRefused(missing, 'invalid_request', 'token_missing')
})

for (const token_type_hint of ['access_token', 'refresh_token', 'invalid', undefined]) {
  test(`introspection: the hint ${token_type_hint} changes nothing [introspection-008] [introspection-009] [introspection-010]`, async () => {
    const server = await createTestServer(world)
    const { access_token, refresh_token } = await signIn(server)
    const active = async (token: string, by: Readonly<Record<string, string>>) =>
      (await introspect(server, token, by, { token_type_hint })).json.active
    assert.equal(await active(access_token, api), true)
    assert.equal(await active(access_token, roclient), true)
    assert.equal(await active(refresh_token, roclient), true)
    assert.equal(await active(refresh_token, api), false)
  })
}

test('introspection: a client gets its own access token complete [introspection-016]', async () => {
  const server = await createTestServer(world)
  const { json } = await introspect(server, (await signIn(server)).access_token, roclient)
  assert.equal(json.active, true)
  assert.equal(json.client_id, 'roclient')
  assert.deepEqual([json.token_type, json.token_use], ['Bearer', 'access_token'])
  assert.equal(json.scope, 'api1 offline_access openid')
})

test('introspection: a client gets its own refresh token [introspection-010] [introspection-017]', async () => {
  const server = await createTestServer(world)
  const { refresh_token } = await signIn(server, 'api1 offline_access')
  const { json } = await introspect(server, refresh_token, roclient)
  assert.deepEqual(json, {
    active: true,
    iss: issuer,
    sub: '88421113',
    client_id: 'roclient',
    iat: startOfTime,
    exp: startOfTime + 2_592_000,
    scope: 'api1 offline_access',
    token_use: 'refresh_token',
    refresh_token_timeout: 2_592_000,
    authorization_expires_in: 2_592_000,
  })
})

test('introspection: a refresh token has its expiry, which the request does not extend; an access token has none [draft-ietf-oauth-refresh-token-expiration-03 §7]', async () => {
  const sliding = { refresh_token_expiration: 'sliding', sliding_refresh_token_lifetime: 600 }
  const server = await createTestServer(
    withClients({ client_id: 'roclient', ...sliding, absolute_refresh_token_lifetime: 0 } as never),
  )
  const { refresh_token, access_token } = await signIn(server, 'api1 offline_access')
  for (const left of [600, 550, 500]) {
    const { json } = await introspect(server, refresh_token, roclient)
    assert.deepEqual([json.refresh_token_timeout, json.authorization_expires_in], [left, undefined])
    server.clock.advance(50)
  }
  const { json } = await introspect(server, access_token, roclient)
  assert.deepEqual([json.active, json.refresh_token_timeout], [true, undefined])
})

test('introspection: compatibility identityserver4 returns the kind of token as its type', async () => {
  const server = await createTestServer({ ...world, compatibility: 'identityserver4' })
  const { access_token, refresh_token } = await signIn(server, 'api1 offline_access')
  for (const [token, kind] of [
    [access_token, 'access_token'],
    [refresh_token, 'refresh_token'],
  ]) {
    const { json } = await introspect(server, token, roclient)
    assert.deepEqual([json.token_type, json.token_use], [kind, kind])
  }
})

test('introspection: no claim of a token replaces its type, its kind or its state [RFC 7662 §2.2]', async () => {
  const claims = { token_type: 'N_A', token_use: 'id', active: false }
  const server = await createTestServer({
    ...world,
    api_resources: [{ ...world.api_resources[0], claims: Object.keys(claims) }],
    users: world.users.map(user => ({ ...user, claims: { ...user.claims, ...claims } })),
    clients: world.clients.map(client => ({ ...client, scope: client.scope.replace('other_api', '') })),
  })
  const { json } = await introspect(server, (await signIn(server)).access_token)
  assert.deepEqual([json.active, json.token_type, json.token_use], [true, 'Bearer', 'access_token'])
})

test('introspection: the newest token of a refresh family is active', async () => {
  const server = await createTestServer(world)
  const first = (await signIn(server)).refresh_token
  const refresh = { grant_type: 'refresh_token', refresh_token: first }
  const second = (await server.token(refresh, { client: ['roclient', secret] })).json.refresh_token
  assertInactive(await introspect(server, first, roclient))
  assert.equal((await introspect(server, second, roclient)).json.active, true)
  server.clock.advance(2_592_000)
  assertInactive(await introspect(server, second, roclient))
})

test('introspection: tokens of another client are not active [introspection-020] [introspection-021]', async () => {
  const server = await createTestServer(world)
  const { access_token, refresh_token } = await signIn(server)
  const client = basic('client', secret)
  assertInactive(await introspect(server, access_token, client))
  assertInactive(await introspect(server, refresh_token, client))
})

test('introspection: a refresh token that was not used for too long is not active', async () => {
  const server = await createTestServer(
    withClients({
      client_id: 'roclient',
      refresh_token_expiration: 'sliding',
      sliding_refresh_token_lifetime: 600,
    } as never),
  )
  const { refresh_token } = await signIn(server, 'api1 offline_access')
  server.clock.advance(599)
  assert.equal((await introspect(server, refresh_token, roclient)).json.active, true)
  server.clock.advance(1)
  assertInactive(await introspect(server, refresh_token, roclient))
})

test('introspection: a refresh token expires with its family, however recently it was used', async () => {
  const server = await createTestServer(
    withClients({
      client_id: 'roclient',
      refresh_token_expiration: 'sliding',
      sliding_refresh_token_lifetime: 600,
      absolute_refresh_token_lifetime: 900,
    } as never),
  )
  const { refresh_token } = await signIn(server, 'api1 offline_access')
  server.clock.advance(500)
  const form = { grant_type: 'refresh_token', refresh_token }
  const { json } = await server.token(form, { client: ['roclient', secret] })
  const described = await introspect(server, json.refresh_token, roclient)
  assert.equal(described.json.exp, startOfTime + 900)
  server.clock.advance(399)
  assert.equal((await introspect(server, json.refresh_token, roclient)).json.active, true)
  server.clock.advance(1)
  assertInactive(await introspect(server, json.refresh_token, roclient))
})

test('introspection: a revoked refresh token is not active, and neither are its access tokens [introspection-019]', async () => {
  const server = await createTestServer(world)
  const { access_token, refresh_token } = await signIn(server)
  const form = { token: refresh_token }
  await server.send('POST', '/connect/revocation', { form, headers: roclient })
  assertInactive(await introspect(server, refresh_token, roclient))
  assertInactive(await introspect(server, access_token, roclient))
  assertInactive(await introspect(server, access_token, api))
})

for (const access_token_type of ['jwt', 'reference'] as const) {
  test(`introspection: an expired ${access_token_type} token is not active`, async () => {
    const server = await createTestServer(withClients({ client_id: 'roclient', access_token_type } as never))
    const { access_token } = await signIn(server)
    server.clock.advance(3599)
    assert.equal((await introspect(server, access_token)).json.active, true)
    server.clock.advance(1)
    assertInactive(await introspect(server, access_token))
  })
}

test('introspection: tokens of an inactive user or a disabled client are not active', async () => {
  const stays = await createTestServer(world)
  const { access_token, refresh_token } = await signIn(stays)
  const { stores } = stays
  const users = world.users.map(user => (user.username === 'bob' ? { ...user, active: false } : user))
  const withoutBob = await createTestServer({ ...world, users }, { stores })
  assertInactive(await introspect(withoutBob, access_token))
  assertInactive(await introspect(withoutBob, refresh_token, roclient))
  const withoutClient = await createTestServer(
    withClients({ client_id: 'roclient', enabled: false } as never),
    { stores },
  )
  assertInactive(await introspect(withoutClient, access_token))
  const again = await createTestServer(world, { stores })
  assert.equal((await introspect(again, access_token)).json.active, true)
})

const roclientWith = (change: object) => withClients({ client_id: 'roclient', ...change })
const refusedRefreshes: readonly (readonly [string, object, string])[] = [
  ['a client that lost the grant', roclientWith({ grant_types: ['password'] }), 'grant_type_not_allowed'],
  ['a client that lost offline_access', roclientWith({ scope: 'openid api1' }), 'offline_access_withdrawn'],
  ['a client that lost a scope', roclientWith({ scope: 'openid offline_access' }), 'scope_withdrawn'],
  ['a client that lost the tenant', roclientWith({ tenants: ['globex'] }), 'user_of_another_tenant'],
  ['a user who moved', { ...world, users: [{ ...world.users[2], tenant: 'globex' }] }, 'user_inactive'],
]
for (const [whose, changed, reason] of refusedRefreshes) {
  test(`introspection: a refresh token of ${whose} is not active, as the refresh grant refuses it, and is not used up [RFC 7662 §2.2]`, async () => {
    const server = await createTestServer(world)
    const carol = { grant_type: 'password', username: 'carol', password: 'carol', acr_values: 'tenant:acme' }
    const scope = 'openid api1 offline_access'
    const { refresh_token } = (await server.token({ ...carol, scope }, { client: ['roclient', secret] })).json
    const refresh = () =>
      server.token({ grant_type: 'refresh_token', refresh_token }, { client: ['roclient', secret] })
    await server.reconfigure(changed)
    assertInactive(await introspect(server, refresh_token, roclient))
    assert.equal(server.logged.findLast(({ event }) => event === 'token_inactive')?.reason, reason)
    assert.equal((await refresh()).reason, reason)
    await server.reconfigure(world)
    assert.equal((await introspect(server, refresh_token, roclient)).json.active, true)
    assert.equal((await refresh()).status, 200)
  })
}

const signed = { accept: 'application/token-introspection+jwt' }

for (const [accept, type] of [
  ['application/token-introspection+jwt;q=0', 'json'],
  ['application/json, application/token-introspection+jwt; q=0.0', 'json'],
  ['application/json, application/token-introspection+jwt;q=0.5', 'json'],
  ['application/token-introspection+jwt;q=x', 'json'],
  ['application/json;q=0.9, Application/Token-Introspection+JWT', 'token-introspection+jwt'],
  ['application/json, application/token-introspection+jwt', 'token-introspection+jwt'],
  ['application/token-introspection+jwt;q=0.1, */*', 'token-introspection+jwt'],
] as const)
  test(`introspection: for Accept: ${accept}, the response is of type ${type} [RFC 9110 §12.5.1]`, async () => {
    const server = await createTestServer(world)
    const { headers } = await introspect(server, 'ta_unknown', { ...api, accept })
    assert.equal(headers['content-type']?.toString().split(';')[0], `application/${type}`)
  })

test('introspection: the response is signed if requested [RFC 9701] [introspection-022]', async () => {
  const server = await createTestServer(world)
  const token = await machineToken(server, 'api1')
  const { status, headers, body } = await introspect(server, token, { ...api, ...signed })
  assert.equal(status, 200)
  assert.equal(headers['content-type'], 'application/token-introspection+jwt')
  assert.match(String(headers['cache-control']), /no-store/)
  const { json: jwks } = await server.send('GET', '/.well-known/openid-configuration/jwks')
  const { payload, protectedHeader } = await jwtVerify(body, createLocalJWKSet(jwks))
  assert.equal(protectedHeader.typ, 'token-introspection+jwt')
  assert.equal(protectedHeader.alg, 'RS256')
  const { token_introspection, ...claims } = payload
  assert.deepEqual(claims, { iss: issuer, aud: 'urn:api', iat: startOfTime })
  assert.deepEqual(token_introspection, (await introspect(server, token)).json)
})

test('introspection: a signed response about an invalid token contains nothing else [introspection-023]', async () => {
  const server = await createTestServer(world)
  const { body } = await introspect(server, 'invalid', {
    ...api,
    accept: `application/json;q=0.1, ${signed.accept}`,
  })
  const { json: jwks } = await server.send('GET', '/.well-known/openid-configuration/jwks')
  const { payload } = await jwtVerify(body, createLocalJWKSet(jwks))
  assert.deepEqual(payload.token_introspection, { active: false })
})

test('introspection: a signed response is not accepted as an access token', async () => {
  const server = await createTestServer(world)
  const token = await machineToken(server, 'api1')
  const { body } = await introspect(server, token, { ...api, ...signed })
  assertInactive(await introspect(server, body))
})

test('introspection: tokens of a replayed code are not active', async () => {
  const server = await createTestServer(world)
  const form = {
    grant_type: 'authorization_code',
    code: await issueCode(server),
    redirect_uri: redirectUri,
    code_verifier: verifier,
  }
  const { json } = await server.token(form, { client: ['web', secret] })
  assert.equal((await introspect(server, json.access_token)).json.active, true)
  await server.token(form, { client: ['web', secret] })
  assertInactive(await introspect(server, json.access_token))
})

test('introspection: an API whose name is a URN may send it unencoded in Basic', async () => {
  const server = await createTestServer(world)
  const { json } = await server.token(
    { grant_type: 'client_credentials', scope: 'api1' },
    { client: ['client', secret] },
  )
  const ask = (pair: string) =>
    server.send('POST', '/connect/introspect', {
      form: { token: json.access_token },
      headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
    })
  assert.equal((await ask('urn:api:api-secret')).json.active, true)
  assert.equal((await ask('urn%3Aapi:api-secret')).json.active, true)
  assert.equal((await ask('urn:api:wrong')).status, 401)
  assert.equal((await ask('urn:other:api-secret')).status, 401)
})
