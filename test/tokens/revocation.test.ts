import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused } from '../support/refused.ts'
import { type Answer, basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const roclient = basic('roclient', secret)
const stranger = basic('client', secret)
const reference = withClients({ client_id: 'roclient', access_token_type: 'reference' } as never)

const revoke = (
  server: TestServer,
  token: string | undefined,
  headers: Readonly<Record<string, string>> = roclient,
  more: object = {},
): Promise<Answer> => server.send('POST', '/connect/revocation', { form: { token, ...more }, headers })

const signIn = async (server: TestServer): Promise<any> =>
  (
    await server.token(
      { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1 offline_access' },
      { client: ['roclient', secret] },
    )
  ).json

const refresh = (server: TestServer, refresh_token: string): Promise<Answer> =>
  server.token({ grant_type: 'refresh_token', refresh_token }, { client: ['roclient', secret] })

const isActive = async (server: TestServer, token: string): Promise<boolean> =>
  (
    await server.send('POST', '/connect/introspect', {
      form: { token },
      headers: basic('urn:api', 'api-secret'),
    })
  ).json.active

const assertDone = (answer: Answer): void => {
  assert.equal(answer.status, 200)
  assert.equal(answer.body, '')
  assert.match(String(answer.headers['cache-control']), /no-store/)
}

test('revocation: only POST with a form is accepted [revocation-001] [revocation-002]', async () => {
  const server = await createTestServer(world)
  const get = await server.send('GET', '/connect/revocation')
  assert.equal(get.status, 405)
  assert.match(String(get.headers.allow), /POST/)
  const headers = { ...roclient, 'content-type': 'application/json' }
  assert.equal((await server.send('POST', '/connect/revocation', { body: '{}', headers })).status, 415)
  assert.equal((await server.send('POST', '/connect/revocation', { body: 'token=x' })).status, 415)
})

test('revocation: a reference token is deleted, and nothing else [revocation-018]', async () => {
  const server = await createTestServer(reference)
  const { access_token, refresh_token } = await signIn(server)
  assert.equal(await isActive(server, access_token), true)
  assertDone(await revoke(server, access_token))
  assert.equal(await isActive(server, access_token), false)
  assert.equal((await refresh(server, refresh_token)).status, 200)
})

test('revocation: only a token that was revoked is logged as revoked', async () => {
  const server = await createTestServer(world)
  const { access_token, refresh_token } = await signIn(server)
  const revoked = () => server.logged.filter(({ event }) => event === 'token_revoked')
  assertDone(await revoke(server, access_token, stranger))
  assertDone(await revoke(server, 'unknown'))
  assert.deepEqual(revoked(), [])
  assertDone(await revoke(server, access_token))
  assertDone(await revoke(server, refresh_token))
  assertDone(await revoke(server, refresh_token))
  assert.deepEqual(
    revoked().map(({ client_id, kind }) => [client_id, kind]),
    [
      ['roclient', 'jwt'],
      ['roclient', 'refresh_token'],
    ],
  )
})

test('revocation: a JWT counts as revoked until it expires, and others remain valid [revocation-017]', async () => {
  const server = await createTestServer(world)
  const first = await signIn(server)
  const second = await signIn(server)
  assertDone(await revoke(server, first.access_token))
  assert.equal(await isActive(server, first.access_token), false)
  assert.equal(await isActive(server, second.access_token), true)
  const userinfo = await server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${first.access_token}` },
  })
  assert.equal(userinfo.status, 401)
})

test('revocation: a client’s own JWT, without an authorization, can be revoked', async () => {
  const server = await createTestServer(world)
  const form = { grant_type: 'client_credentials', scope: 'api1' }
  const { json } = await server.token(form, { client: ['client', secret] })
  assertDone(await revoke(server, json.access_token, stranger))
  assert.equal(await isActive(server, json.access_token), false)
})

for (const [kind, configuration] of [
  ['reference tokens', reference],
  ['JWTs', world],
] as const) {
  test(`revocation: a refresh token revokes its sign-in, ${kind} included, and no other [revocation-005] [revocation-007]`, async () => {
    const server = await createTestServer(configuration)
    const first = await signIn(server)
    const second = await signIn(server)
    const later = (await refresh(server, first.refresh_token)).json
    assertDone(await revoke(server, later.refresh_token))
    assertRefused(await refresh(server, later.refresh_token), 'invalid_grant', 'authorization_revoked')
    assert.equal(await isActive(server, first.access_token), false)
    assert.equal(await isActive(server, later.access_token), false)
    assert.equal(await isActive(server, second.access_token), true)
    assert.equal((await refresh(server, second.refresh_token)).status, 200)
  })
}

test('revocation: any generation of a refresh token is accepted', async () => {
  const server = await createTestServer(world)
  const { refresh_token } = await signIn(server)
  const later = (await refresh(server, refresh_token)).json
  assertDone(await revoke(server, refresh_token))
  assertRefused(await refresh(server, later.refresh_token), 'invalid_grant', 'authorization_revoked')
})

test('revocation: a token of another client gets 200 and remains valid [revocation-004] [revocation-006]', async () => {
  for (const configuration of [reference, world]) {
    const server = await createTestServer(configuration)
    const { access_token, refresh_token } = await signIn(server)
    assertDone(await revoke(server, access_token, stranger))
    assertDone(await revoke(server, refresh_token, stranger))
    assert.equal(await isActive(server, access_token), true)
    assert.equal((await refresh(server, refresh_token)).status, 200)
  }
})

test('revocation: an unknown, malformed, expired or revoked token gets 200 [revocation-008]', async () => {
  const server = await createTestServer(world)
  const { access_token, refresh_token } = await signIn(server)
  for (const token of ['x', 'ta_x', 'tr_x', 'a.b.c', refresh_token, refresh_token, access_token]) {
    assertDone(await revoke(server, token))
  }
  server.clock.advance(10_000_000)
  assertDone(await revoke(server, access_token))
  assertDone(await revoke(server, refresh_token))
})

for (const token_type_hint of ['access_token', 'refresh_token', 'not_valid']) {
  test(`revocation: the hint ${token_type_hint} changes nothing [revocation-012]`, async () => {
    const server = await createTestServer(world)
    const { access_token, refresh_token } = await signIn(server)
    assertDone(await revoke(server, access_token, roclient, { token_type_hint }))
    assert.equal(await isActive(server, access_token), false)
    assertDone(await revoke(server, refresh_token, roclient, { token_type_hint }))
    assertRefused(await refresh(server, refresh_token), 'invalid_grant', 'authorization_revoked')
  })
}

for (const [what, headers, reason] of [
  ['an unknown client [revocation-009]', basic('nobody', secret), 'client_unknown'],
  ['a wrong secret [revocation-010]', basic('roclient', 'wrong'), 'client_secret_wrong'],
  ['nobody', {}, 'client_id_missing'],
] as const) {
  test(`revocation: ${what} is invalid_client and revokes nothing`, async () => {
    for (const [compatibility, status] of [
      ['none', 401],
      ['identityserver4', 400],
    ] as const) {
      const server = await createTestServer({ ...world, compatibility })
      const { access_token } = await signIn(server)
      const answer = await revoke(server, access_token, headers)
      assert.equal(answer.status, status)
      assertRefused(answer, 'invalid_client', reason)
      assert.equal(await isActive(server, access_token), true)
    }
  })
}

test('revocation: a missing or repeated token is invalid_request [revocation-011]', async () => {
  const server = await createTestServer(world)
  for (const [form, reason] of [
    ['', 'token_missing'],
    ['token=', 'token_missing'],
    ['token=x&token=y', 'repeated_parameter'],
  ] as const) {
    const answer = await server.send('POST', '/connect/revocation', {
      form,
      headers: roclient,
    })
    assert.equal(answer.status, 400)
    assertRefused(answer, 'invalid_request', reason)
  }
})

test('revocation: a public client revokes its own tokens with its client_id, from its own origin', async () => {
  const origin = 'https://spa.example'
  const server = await createTestServer(
    withClients({
      client_id: 'spa',
      token_endpoint_auth_method: 'none',
      grant_types: ['password', 'refresh_token'],
      scope: 'api1 offline_access',
      allowed_cors_origins: [origin],
    } as never),
  )
  const { json } = await server.token({
    grant_type: 'password',
    client_id: 'spa',
    username: 'bob',
    password: 'bob',
  })
  const answer = await revoke(server, json.refresh_token, { origin }, { client_id: 'spa' })
  assertDone(answer)
  assert.equal(answer.headers['access-control-allow-origin'], origin)
  assert.equal(await isActive(server, json.access_token), false)
})
