import assert from 'node:assert/strict'
import { test } from 'node:test'
import { thumbprintOf } from '../../packages/server/src/model/jose.ts'
import { one, two } from '../support/certificates.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { type Answer, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const path = '/connect/userinfo'
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const ask = (server: TestServer, token: string, certificate?: string): Promise<Answer> =>
  server.send('GET', path, { headers: bearer(token), ...(certificate && { certificate }) })

const tokenFor = async (server: TestServer, scope = 'openid email api1', username = 'bob'): Promise<string> =>
  (
    await server.token(
      { grant_type: 'password', username, password: username, scope },
      { client: ['roclient', secret] },
    )
  ).json.access_token

const assertChallenge = (answer: Answer, status: number, error: string | undefined): void => {
  assert.equal(answer.status, status)
  const challenge = String(answer.headers['www-authenticate'])
  assert.match(challenge, /^Bearer realm="tessera"/)
  assert.equal(/error="(\w+)"/.exec(challenge)?.[1], error)
  assert.equal(answer.json?.error, error)
  assert.match(String(answer.headers['cache-control']), /no-store/)
}

for (const access_token_type of ['jwt', 'reference'] as const) {
  test(`userinfo: returns the claims of the identity scopes for a ${access_token_type} token [userinfo-001]`, async () => {
    const server = await createTestServer(withClients({ client_id: 'roclient', access_token_type } as never))
    const { status, headers, json } = await ask(server, await tokenFor(server))
    assert.equal(status, 200)
    assert.match(String(headers['content-type']), /^application\/json/)
    assert.match(String(headers['cache-control']), /no-store/)
    assert.deepEqual(json, { sub: '88421113', email: 'bob@example.com', email_verified: true })
  })
}

test('userinfo: a claim with several values is a list; one that the user lacks is omitted [userinfo-006]', async () => {
  const server = await createTestServer(world)
  const { json } = await ask(server, await tokenFor(server, 'openid roles profile'))
  assert.deepEqual(json, {
    sub: '88421113',
    name: 'Bob',
    preferred_username: 'bob',
    role: ['admin', 'geek'],
  })
})

test('userinfo: accepts the scheme in any case, by GET or POST, and the token in a form', async () => {
  const server = await createTestServer(world)
  const token = await tokenFor(server)
  for (const [method, options] of [
    ['GET', { headers: { authorization: `bearer ${token}` } }],
    ['GET', { headers: { authorization: `BEARER  ${token}` } }],
    ['POST', { headers: bearer(token) }],
    ['POST', { form: {}, headers: bearer(token) }],
    ['POST', { form: { access_token: token } }],
  ] as const) {
    assert.equal((await server.send(method, path, options)).status, 200)
  }
})

test('userinfo: a token in the query is ignored [RFC 9700 §4.3.2]', async () => {
  const server = await createTestServer(world)
  assertChallenge(await server.send('GET', `${path}?access_token=${await tokenFor(server)}`), 401, undefined)
})

test('userinfo: two tokens in one request are invalid_request [RFC 6750 §2]', async () => {
  const server = await createTestServer(world)
  const access_token = await tokenFor(server)
  const both = await server.send('POST', path, { form: { access_token }, headers: bearer(access_token) })
  assertChallenge(both, 400, 'invalid_request')
  const form = `access_token=${access_token}&access_token=${access_token}`
  assertChallenge(await server.send('POST', path, { form }), 400, 'invalid_request')
  const headers = { authorization: 'Bearer' }
  assertChallenge(
    await server.send('POST', path, { form: { access_token }, headers }),
    400,
    'invalid_request',
  )
})

test('userinfo: a token in the body of a GET request is ignored [RFC 6750 §2.2]', async () => {
  const server = await createTestServer(world)
  const access_token = await tokenFor(server)
  assertChallenge(await server.send('GET', path, { form: { access_token } }), 401, undefined)
  assert.equal((await server.send('POST', path, { form: { access_token } })).status, 200)
})

for (const [what, headers] of [
  ['no header', {}],
  ['a blank token [userinfo-011]', { authorization: 'Bearer ' }],
  ['another scheme', { authorization: 'Basic eDp5' }],
] as const) {
  test(`userinfo: ${what} is 401 without an error code [RFC 6750 §3.1]`, async () => {
    const server = await createTestServer(world)
    assertChallenge(await server.send('GET', path, { headers }), 401, undefined)
  })
}

for (const [what, token] of [
  ['invalid [userinfo-005]', 'invalid'],
  ['an unknown reference token', `ta_${'0'.repeat(9)}${'x'.repeat(43)}`],
  ['overlong [userinfo-017]', `${'x'.repeat(65_537)}`],
] as const) {
  test(`userinfo: a token that is ${what} is invalid_token`, async () => {
    const server = await createTestServer(world)
    assertChallenge(await ask(server, token), 401, 'invalid_token')
  })
}

test('userinfo: a token of another issuer is invalid_token, even if the keys are shared [userinfo-018]', async () => {
  const server = await createTestServer(world)
  const { stores } = server
  const other = await createTestServer({ ...world, issuer: 'https://other.example' }, { stores })
  const token = await tokenFor(other)
  assert.equal((await ask(other, token)).status, 200)
  assertChallenge(await ask(server, token), 401, 'invalid_token')
})

test('userinfo: an ID token is not accepted as an access token', async () => {
  const server = await createTestServer(world)
  const form = {
    grant_type: 'authorization_code',
    code: await issueCode(server),
    redirect_uri: redirectUri,
    code_verifier: verifier,
  }
  const { json } = await server.token(form, { client: ['web', secret] })
  assert.equal((await ask(server, json.access_token)).status, 200)
  assertChallenge(await ask(server, json.id_token), 401, 'invalid_token')
})

test('userinfo: an expired token is invalid_token with that reason; there is no skew for our own clock [userinfo-012] [userinfo-020]', async () => {
  const server = await createTestServer(world)
  const token = await tokenFor(server)
  server.clock.advance(3599)
  assert.equal((await ask(server, token)).status, 200)
  server.clock.advance(1)
  const answer = await ask(server, token)
  assertChallenge(answer, 401, 'invalid_token')
  assert.match(String(answer.headers['www-authenticate']), /error_description="The access token expired"/)
})

test('userinfo: a token without openid is insufficient_scope [userinfo-003] [userinfo-013]', async () => {
  const server = await createTestServer(world)
  const ofUser = await ask(server, await tokenFor(server, 'api1'))
  assertChallenge(ofUser, 403, 'insufficient_scope')
  assert.match(String(ofUser.headers['www-authenticate']), /scope="openid"/)
  const form = { grant_type: 'client_credentials', scope: 'api1' }
  const { json } = await server.token(form, { client: ['client', secret] })
  assertChallenge(await ask(server, json.access_token), 403, 'insufficient_scope')
})

test('userinfo: a user who is inactive or deleted is invalid_token [userinfo-014]', async () => {
  const server = await createTestServer(world)
  const token = await tokenFor(server)
  const { stores } = server
  for (const users of [
    world.users.map(user => (user.username === 'bob' ? { ...user, active: false } : user)),
    world.users.filter(({ username }) => username !== 'bob'),
  ]) {
    assertChallenge(
      await ask(await createTestServer({ ...world, users }, { stores }), token),
      401,
      'invalid_token',
    )
  }
})

test('userinfo: a client that was disabled after issue is invalid_token [userinfo-015]', async () => {
  const server = await createTestServer(world)
  const token = await tokenFor(server)
  const { stores } = server
  const disabled = withClients({ client_id: 'roclient', enabled: false } as never)
  assertChallenge(await ask(await createTestServer(disabled, { stores }), token), 401, 'invalid_token')
})

test('userinfo: the claims of a federated user are those that the provider sent at sign-in', async () => {
  const corp = { name: 'corp', type: 'oidc', issuer: 'https://corp.example', client_id: 'tessera' }
  const server = await createTestServer({ ...world, identity_providers: [corp] })
  const code = await issueCode(server, {
    sub: 'corp-dora',
    idp: 'corp',
    scope: ['openid', 'profile'],
    claims: { name: 'Dora', sub: 'forged', secret_of_provider: 'x' },
  })
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  const { json } = await server.token(form, { client: ['web', secret] })
  assert.deepEqual((await ask(server, json.access_token)).json, { sub: 'corp-dora', name: 'Dora' })
})

test('userinfo: the user’s current record is read and overrides the provider’s claims', async () => {
  const server = await createTestServer(world)
  const code = await issueCode(server, {
    scope: ['openid', 'profile'],
    claims: { name: 'Other', nickname: 'B' },
  })
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  const { json } = await server.token(form, { client: ['web', secret] })
  assert.deepEqual((await ask(server, json.access_token)).json, {
    sub: '88421113',
    name: 'Bob',
    preferred_username: 'bob',
    nickname: 'B',
  })
})

test('userinfo: an operator’s profile decides claims and whether the user is active, never sub', async () => {
  const seen: unknown[] = []
  let active = true
  const server = await createTestServer({
    ...world,
    profile: {
      claims: async (request: any) => {
        seen.push([request.use, request.client_id, request.subject.sub, [...request.names].sort()])
        return { name: 'Robert', sub: 'forged' }
      },
      isActive: () => active,
    },
  })
  const token = await tokenFor(server, 'openid email')
  // No scope adds a claim to the access token.
  assert.deepEqual(seen, [])
  assert.deepEqual((await ask(server, token)).json, { name: 'Robert', sub: '88421113' })
  assert.deepEqual(seen.at(-1), ['userinfo', 'roclient', '88421113', ['email', 'email_verified', 'sub']])
  active = false
  assertChallenge(await ask(server, token), 401, 'invalid_token')
})

test('userinfo: a certificate-bound token requires its certificate [RFC 8705 §3]', async () => {
  const server = await createTestServer({
    ...withClients({
      client_id: 'bound',
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_subject_dn: 'CN=one.example,OU=Payments,O=Example\\, Inc.,C=SE',
      grant_types: ['password', 'refresh_token'],
      scope: 'openid offline_access',
    } as never),
    mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
  })
  const form = { grant_type: 'password', client_id: 'bound', username: 'bob', password: 'bob' }
  const { json } = await server.token(form, { certificate: one })
  assert.equal((await ask(server, json.access_token, one)).status, 200)
  assertChallenge(await ask(server, json.access_token, two), 401, 'invalid_token')
  assertChallenge(await ask(server, json.access_token), 401, 'invalid_token')
  const introspected = await server.send('POST', '/connect/introspect', {
    form: { token: json.refresh_token, client_id: 'bound' },
    certificate: one,
  })
  assert.deepEqual(introspected.json.cnf, { 'x5t#S256': thumbprintOf(one) })
})

test('userinfo: a client’s registered origin may read the response', async () => {
  const origin = 'https://spa.example'
  const server = await createTestServer(
    withClients({ client_id: 'roclient', allowed_cors_origins: [origin] } as never),
  )
  const answer = await server.send('GET', path, { headers: { ...bearer(await tokenFor(server)), origin } })
  assert.equal(answer.headers['access-control-allow-origin'], origin)
})
