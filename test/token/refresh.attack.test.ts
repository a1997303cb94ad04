import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jwkOfOne, one, two } from '../support/certificates.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { type Answer, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const client = ['roclient', secret] as const
const days = 86_400

const signIn = async (server: TestServer, scope = 'openid api1 offline_access'): Promise<any> =>
  (await server.token({ grant_type: 'password', username: 'bob', password: 'bob', scope }, { client })).json

const refresh = (server: TestServer, refresh_token: string, more: object = {}): Promise<Answer> =>
  server.token({ grant_type: 'refresh_token', refresh_token, ...more }, { client })

const withRoclient = (changes: object) => withClients({ client_id: 'roclient', ...changes } as never)

test('attack: a refresh token with any changed byte or another spelling is refused', async () => {
  const server = await createTestServer(withRoclient({ refresh_token_usage: 'reuse' }))
  // A token with both letters that base64 and base64url spell differently.
  let good = ''
  while (!/-/.test(good) || !/_/.test(good.slice(3))) good = (await signIn(server)).refresh_token
  for (let at = 0; at < good.length; at++) {
    const changed = good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1)
    assertRefused(
      await refresh(server, changed),
      'invalid_grant',
      'refresh_token_malformed',
      `changed at ${at}`,
    )
  }
  const spellings = [
    `tr_${good.slice(3).replaceAll('-', '+')}`,
    `tr_${good.slice(3).replaceAll('_', '/')}`,
    `${good}=`,
    `${good}==`,
    ` ${good}`,
    `${good}\n`,
    good.slice(3),
    `TR_${good.slice(3)}`,
  ]
  for (const spelling of spellings)
    assertRefused(await refresh(server, spelling), 'invalid_grant', 'refresh_token_malformed', spelling)
  assert.equal((await refresh(server, good)).status, 200)
})

test('attack: a refresh token made with another master key is refused', async () => {
  const server = await createTestServer(world)
  const { refresh_token } = await signIn(server)
  const { createRefreshTokens } = await import('../../packages/server/src/tokens/refresh-token.ts')
  const { createDerivedKeys } = await import('../../packages/server/src/keys/master-key.ts')
  const own = createRefreshTokens({ derived: createDerivedKeys(Buffer.alloc(32, 8)) })
  const family = Buffer.from(refresh_token.slice(3), 'base64url').toString('base64url', 1, 17) as never
  const forged = own.format({ family, generation: 2, expires_at: server.clock.now() + 100 })
  assertRefused(await refresh(server, forged), 'invalid_grant', 'refresh_token_malformed')
  assert.equal((await refresh(server, refresh_token)).status, 200)
})

test('attack: if a thief and the owner both use one token, the second use after the window ends it for both', async () => {
  const server = await createTestServer(world)
  const stolen = (await signIn(server)).refresh_token
  const thief = await refresh(server, stolen)
  assert.equal(thief.status, 200)
  server.clock.advance(60)
  assertRefused(await refresh(server, stolen), 'invalid_grant', 'refresh_token_reused')
  assertRefused(await refresh(server, thief.json.refresh_token), 'invalid_grant', 'authorization_revoked')
  const { json } = await server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${thief.json.access_token}` },
  })
  assert.equal(json.error, 'invalid_token')
})

test('attack: within the retry window, a thief and the owner share one branch', async () => {
  const server = await createTestServer(world)
  const stolen = (await signIn(server)).refresh_token
  const [thief, owner] = await Promise.all([refresh(server, stolen), refresh(server, stolen)])
  assert.equal(thief.json.refresh_token, owner.json.refresh_token)
  const next = await refresh(server, owner.json.refresh_token)
  server.clock.advance(11)
  assertRefused(await refresh(server, thief.json.refresh_token), 'invalid_grant', 'refresh_token_reused')
  assertRefused(await refresh(server, next.json.refresh_token), 'invalid_grant', 'authorization_revoked')
})

test('attack: retries do not extend the window: it is counted from the rotation', async () => {
  const server = await createTestServer(world)
  const token = (await signIn(server)).refresh_token
  await refresh(server, token)
  for (const seconds of [5, 5]) {
    server.clock.advance(seconds)
    assert.equal((await refresh(server, token)).status, 200)
  }
  server.clock.advance(1)
  assertRefused(await refresh(server, token), 'invalid_grant', 'refresh_token_reused')
})

test('attack: a retry gets no more than the first attempt could: scope, client and user are checked again', async () => {
  const server = await createTestServer(world)
  const token = (await signIn(server)).refresh_token
  await refresh(server, token)
  assertRefused(await refresh(server, token, { scope: 'api1 email' }), 'invalid_scope', 'scope_widened')
  const inactive = await createTestServer(
    { ...world, users: world.users.map(user => ({ ...user, active: false })) },
    { stores: server.stores },
  )
  assertRefused(await refresh(inactive, token), 'invalid_grant', 'user_inactive')
})

test('attack: a retry of a narrowed refresh gets the scope that it requests, never more than the family has [RFC 6749 §6]', async () => {
  const server = await createTestServer(world)
  const token = (await signIn(server, 'api1 api2 offline_access')).refresh_token
  const narrow = await refresh(server, token, { scope: 'api2' })
  assert.equal(claimsOf(narrow.json.access_token).scope, 'api2')
  assert.equal(claimsOf(narrow.json.access_token).role, undefined)
  const retry = await refresh(server, token, { scope: 'api2' })
  assert.equal(retry.json.refresh_token, narrow.json.refresh_token)
  assert.equal(retry.json.scope, 'api2')
  assert.equal(claimsOf(retry.json.access_token).scope, 'api2')
  assert.equal(claimsOf(retry.json.access_token).role, undefined)
  assertRefused(await refresh(server, token, { scope: 'api2 email' }), 'invalid_scope', 'scope_widened')
  // Without `scope` a retry, like any refresh, has the family's.
  const whole = await refresh(server, token)
  assert.equal(whole.json.refresh_token, narrow.json.refresh_token)
  assert.equal(whole.json.scope, 'api1 api2 offline_access')
  assert.equal(claimsOf(whole.json.access_token).scope, 'api1 api2 offline_access')
})

test('attack: changing a sliding family without end to an absolute one does not make it immortal', async () => {
  const before = await createTestServer(
    withRoclient({ refresh_token_expiration: 'sliding', absolute_refresh_token_lifetime: 0 }),
  )
  const first = (await signIn(before)).refresh_token
  const after = await createTestServer(world, { stores: before.stores })
  const { json } = await refresh(after, first)
  assert.ok(json.refresh_token)
  after.clock.advance(30 * days)
  assertRefused(await refresh(after, json.refresh_token), 'invalid_grant', 'refresh_token_idle_too_long')
})

test('attack: whatever its lifetimes, a family’s authorization outlives its last token', async () => {
  for (const changes of [
    {
      refresh_token_expiration: 'sliding',
      sliding_refresh_token_lifetime: 50,
      absolute_refresh_token_lifetime: 0,
    },
    { refresh_token_usage: 'reuse', refresh_token_expiration: 'sliding', sliding_refresh_token_lifetime: 50 },
    { absolute_refresh_token_lifetime: 120 },
    { access_token_type: 'reference', absolute_refresh_token_lifetime: 120 },
  ]) {
    const server = await createTestServer(withRoclient(changes))
    let { refresh_token: token, access_token, expires_in } = await signIn(server)
    for (let use = 0; use < 3; use++) {
      server.clock.advance(35)
      const { json } = await refresh(server, token)
      ;({ refresh_token: token, access_token, expires_in } = json)
    }
    server.clock.advance(expires_in - 1)
    await server.stores.cleanUp(server.clock.now())
    const { json } = await server.send('POST', '/connect/introspect', {
      form: { token: access_token, client_id: 'roclient', client_secret: secret },
    })
    assert.equal(json.active, true, JSON.stringify(changes))
    assert.ok(json.authorization_id)
  }
})

test('attack: a client that changed to certificates needs one to refresh', async () => {
  const before = await createTestServer(world)
  const token = (await signIn(before)).refresh_token
  const after = await createTestServer(
    {
      ...withRoclient({
        client_secrets: undefined,
        token_endpoint_auth_method: 'self_signed_tls_client_auth',
        jwks: { keys: [{ ...jwkOfOne, x5c: [one] }] },
      }),
      mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
    },
    { stores: before.stores },
  )
  const form = { grant_type: 'refresh_token', refresh_token: token }
  assertRefused(
    await after.token(form, { client }),
    'invalid_client',
    'client_authentication_method_not_registered',
  )
  assertRefused(
    await after.token({ ...form, client_id: 'roclient' }),
    'invalid_client',
    'client_certificate_missing',
  )
  const stranger = await after.token({ ...form, client_id: 'roclient' }, { certificate: two })
  assertRefused(stranger, 'invalid_client', 'client_certificate_not_registered')
  const { json } = await after.token({ ...form, client_id: 'roclient' }, { certificate: one })
  assert.ok(claimsOf(json.access_token).cnf['x5t#S256'])
})

test('a client that renewed its certificate keeps its sign-ins: its tokens are bound by its authentication [RFC 8705 §7.1]', async () => {
  const server = await createTestServer({
    ...withRoclient({
      client_secrets: undefined,
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: {
        keys: [
          { ...jwkOfOne, x5c: [one] },
          { ...jwkOfOne, kid: 'next', x5c: [two] },
        ],
      },
    }),
    mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
  })
  const form = { client_id: 'roclient', scope: 'api1 offline_access' }
  const first = await server.token(
    { ...form, grant_type: 'password', username: 'bob', password: 'bob' },
    { certificate: one },
  )
  const { status, json } = await server.token(
    { client_id: 'roclient', grant_type: 'refresh_token', refresh_token: first.json.refresh_token },
    { certificate: two },
  )
  assert.equal(status, 200)
  assert.notDeepEqual(claimsOf(json.access_token).cnf, claimsOf(first.json.access_token).cnf)
})

test('a family that began with a token for one API also has the claims of the others [RFC 8707 §2.2]', async () => {
  const server = await createTestServer({
    ...world,
    api_scopes: world.api_scopes.map(scope =>
      scope.name === 'other_api' ? { ...scope, claims: ['email'] } : scope,
    ),
  })
  const code = await issueCode(server, { scope: ['api1', 'offline_access', 'openid', 'other_api'] })
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  const web = { client: ['web', secret] as const }
  const first = await server.token({ ...form, resource: 'urn:api' }, web)
  const claims = claimsOf(first.json.access_token)
  assert.deepEqual([claims.role, claims.email], [['admin', 'geek'], undefined])
  const { json } = await server.token(
    { grant_type: 'refresh_token', refresh_token: first.json.refresh_token, resource: 'urn:other' },
    web,
  )
  const other = claimsOf(json.access_token)
  assert.deepEqual([other.role, other.email], [undefined, 'bob@example.com'])
})

test('attack: a refresh token in an Authorization header, a cookie or the query is ignored', async () => {
  const server = await createTestServer(world)
  const { refresh_token } = await signIn(server)
  const { json, reason } = await server.send('POST', `/connect/token?refresh_token=${refresh_token}`, {
    form: { grant_type: 'refresh_token', client_id: 'roclient', client_secret: secret },
    headers: { cookie: `refresh_token=${refresh_token}` },
  })
  assertRefused({ json, reason }, 'invalid_request', 'refresh_token_missing')
})
