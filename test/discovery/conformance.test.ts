/**
 * Behaviour that modules of the OpenID Foundation's conformance suite check and no other test does, with clients like
 * the suite's: confidential, without PKCE.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { type Browser, createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, callback, signIn } from '../support/sign-in.ts'
import { basic, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'

const address = { street_address: '1 Looking-Glass', locality: 'Wonderland', country: 'WL' }
const claims = {
  name: 'Alice Liddell',
  given_name: 'Alice',
  family_name: 'Liddell',
  email: 'alice@example.com',
  email_verified: true,
  phone_number: '+1 555 0100',
  phone_number_verified: false,
  address,
}
const client = {
  client_secrets: [{ value: 's' }],
  grant_types: ['authorization_code', 'implicit', 'refresh_token'],
  response_types: [
    'code',
    'id_token',
    'id_token token',
    'code id_token',
    'code token',
    'code id_token token',
  ],
  redirect_uris: [callback],
  scope: 'openid profile email address phone offline_access',
  require_pkce: false,
}
const world = {
  users: [
    { sub: '1', username: 'alice', password: 'wonderland', claims },
    { sub: '2', username: 'bob', password: 'builder', claims: {} },
  ],
  clients: [
    { ...client, client_id: 'op' },
    { ...client, client_id: 'post', token_endpoint_auth_method: 'client_secret_post' },
  ],
}

const path = (changes: Readonly<Record<string, string | undefined>> = {}): string => {
  const given = Object.entries({
    ...{ client_id: 'op', redirect_uri: callback, response_type: 'code', scope: 'openid' },
    ...{ state: 's', nonce: 'n' },
    ...changes,
  }).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `/connect/authorize?${new URLSearchParams(given)}`
}

async function start(): Promise<{ server: TestServer; browser: Browser }> {
  const server = await createTestServer(world)
  const browser = createBrowser(server)
  assert.ok(answerOf(await signIn(browser, path())).get('code'))
  return { server, browser }
}

const redeem = (server: TestServer, code: string | null) =>
  server.token(
    { grant_type: 'authorization_code', code: code ?? '', redirect_uri: callback },
    { client: ['op', 's'] },
  )

async function tokensFor({ server, browser }: { server: TestServer; browser: Browser }, target = path()) {
  const { json } = await redeem(server, answerOf(await browser.visit(target)).get('code'))
  return json
}

const userinfo = (server: TestServer, token: string) =>
  server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${token}` } })

test('conformance: a client can send its secret in the body to redeem a code [OpenID Connect Core 1.0 §9]', async () => {
  const { server, browser } = await start()
  const code = answerOf(await browser.visit(path({ client_id: 'post' }))).get('code') ?? ''
  const { status, json } = await server.token({
    ...{ grant_type: 'authorization_code', code, redirect_uri: callback },
    ...{ client_id: 'post', client_secret: 's' },
  })
  assert.equal(status, 200)
  assert.equal(claimsOf(json.id_token).aud, 'post')
})

test('conformance: an ID token is signed with the key of the JWK Set that its header names [OpenID Connect Core 1.0 §10.1]', async () => {
  const world = await start()
  const { id_token } = await tokensFor(world)
  const jwks = (await world.server.send('GET', '/.well-known/openid-configuration/jwks')).json
  const { kid } = decodeProtectedHeader(id_token)
  assert.ok(jwks.keys.some((key: { kid: string }) => key.kid === kid))
  const { payload } = await jwtVerify(id_token, createLocalJWKSet(jwks), {
    issuer: 'https://id.example',
    audience: 'op',
    currentDate: new Date(world.server.clock.now() * 1000),
  })
  assert.equal(payload.nonce, 'n')
})

test('conformance: unsigned ID tokens are neither offered nor issued [OpenID Connect Core 1.0 §2]', async () => {
  const world = await start()
  const metadata = (await world.server.send('GET', '/.well-known/openid-configuration')).json
  assert.ok(!metadata.id_token_signing_alg_values_supported.includes('none'))
  assert.equal(decodeProtectedHeader((await tokensFor(world)).id_token).alg, 'RS256')
})

test('conformance: UserInfo accepts its token by GET, by POST with a header and by POST with a body [OpenID Connect Core 1.0 §5.3.1]', async () => {
  const world = await start()
  const { access_token } = await tokensFor(world, path({ scope: 'openid profile' }))
  const authorization = { authorization: `Bearer ${access_token}` }
  for (const answer of [
    await world.server.send('GET', '/connect/userinfo', { headers: authorization }),
    await world.server.send('POST', '/connect/userinfo', { headers: authorization }),
    await world.server.send('POST', '/connect/userinfo', { form: { access_token } }),
  ]) {
    assert.equal(answer.status, 200)
    assert.equal(answer.json.sub, '1')
    assert.equal(answer.json.name, 'Alice Liddell')
  }
})

test('conformance: no nonce is required if the authorization endpoint returns no ID token [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const { server, browser } = await start()
  for (const response_type of ['code', 'code token']) {
    const answer = answerOf(await browser.visit(path({ response_type, nonce: undefined })))
    const { json } = await redeem(server, answer.get('code'))
    assert.equal(claimsOf(json.id_token).nonce, undefined)
  }
})

const { address: _, ...flat } = claims
// The user record has no preferred_username, so it is the name that the user signs in with (§5.1).
const profile = {
  name: claims.name,
  given_name: claims.given_name,
  family_name: claims.family_name,
  preferred_username: 'alice',
}
const email = { email: claims.email, email_verified: true }
const phone = { phone_number: claims.phone_number, phone_number_verified: false }
for (const [scope, told] of [
  ['profile', profile],
  ['email', email],
  ['address', { address }],
  ['phone', phone],
  ['profile email address phone', { ...flat, ...profile, address }],
] as const) {
  test(`conformance: the scope ${scope} returns its claims [OpenID Connect Core 1.0 §5.4]`, async () => {
    const world = await start()
    const { access_token } = await tokensFor(world, path({ scope: `openid ${scope}` }))
    assert.deepEqual((await userinfo(world.server, access_token)).json, { ...told, sub: '1' })
    const alone = answerOf(
      await world.browser.visit(path({ response_type: 'id_token', scope: `openid ${scope}` })),
    )
    const idToken = claimsOf(alone.get('id_token') ?? '')
    for (const [name, value] of Object.entries(told)) assert.deepEqual(idToken[name], value, name)
  })
}

test('conformance: scopes and parameters may be in any order [RFC 6749 §3.3]', async () => {
  const { scope } = await tokensFor(await start(), path({ scope: 'email openid' }))
  assert.deepEqual(scope.split(' ').sort(), ['email', 'openid'])
})

for (const display of ['page', 'popup', 'touch', 'wap', 'unheard-of']) {
  test(`conformance: display=${display} is accepted [OpenID Connect Core 1.0 §3.1.2.1]`, async () => {
    const server = await createTestServer(world)
    const page = await createBrowser(server).visit(path({ display }))
    assert.ok(page.target.startsWith('/login'))
    assert.equal(page.status, 200)
  })
}

test('conformance: max_age requires a new sign-in after it has passed, and auth_time is that of the newest sign-in [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const world = await start()
  const { server, browser } = world
  const first = claimsOf((await tokensFor(world)).id_token).auth_time
  server.clock.advance(2)
  const page = await browser.visit(path({ max_age: '1' }))
  assert.ok(page.target.startsWith('/login'))
  const code = answerOf(await browser.submit(page, alice)).get('code')
  const second = claimsOf((await redeem(server, code)).json.id_token).auth_time
  assert.equal(second, first + 2)
  server.clock.advance(2)
  const silent = await tokensFor(world, path({ max_age: '10000', prompt: 'none' }))
  assert.equal(claimsOf(silent.id_token).auth_time, second)
})

test('conformance: unknown parameters are ignored [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const { browser } = await start()
  assert.ok(answerOf(await browser.visit(path({ extra: 'foobar', claims_: '{' }))).get('code'))
})

test('conformance: an id_token_hint with prompt=none succeeds for the same user, even if expired [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const world = await start()
  const { id_token } = await tokensFor(world)
  world.server.clock.advance(4000)
  const again = await tokensFor(world, path({ prompt: 'none', id_token_hint: id_token }))
  assert.equal(claimsOf(again.id_token).sub, claimsOf(id_token).sub)
  const bob = createBrowser(world.server)
  await signIn(bob, path(), { username: 'bob', password: 'builder', button: 'login' })
  const other = answerOf(await bob.visit(path({ prompt: 'none', id_token_hint: id_token })))
  assert.equal(other.get('error'), 'login_required')
})

test('conformance: login_hint, ui_locales, claims_locales and acr_values are accepted [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const server = await createTestServer(world)
  const browser = createBrowser(server)
  const page = await browser.visit(
    path({ login_hint: 'alice', ui_locales: 'se', claims_locales: 'se', acr_values: '1 2' }),
  )
  assert.equal(page.form?.fields.username, 'alice')
  assert.ok(answerOf(await browser.submit(page, alice)).get('code'))
})

/** Like the suite's clients: all parameters in the request object, and those that OAuth requires outside too. */
const unsignedObject = (claims: object): string =>
  `${[
    { alg: 'none' },
    { client_id: 'op', redirect_uri: callback, response_type: 'code', scope: 'openid', ...claims },
  ]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')}.`

test('conformance: an unsigned request object is accepted from a client without a registered algorithm [OpenID Connect Core 1.0 §6.1]', async () => {
  const { server, browser } = await start()
  const request = unsignedObject({ state: 'inner', nonce: 'inner' })
  const answer = answerOf(await browser.visit(path({ state: undefined, nonce: undefined, request })))
  assert.equal(answer.get('state'), 'inner')
  assert.equal(claimsOf((await redeem(server, answer.get('code'))).json.id_token).nonce, 'inner')
})

test('conformance: the redirect_uri in a request object takes precedence over the parameter [OpenID Connect Core 1.0 §6.1]', async () => {
  const { browser } = await start()
  const request = unsignedObject({ state: 'inner', nonce: 'inner' })
  const page = await browser.visit(path({ redirect_uri: 'https://invalid.example/cb', request }))
  assert.equal(answerOf(page).get('state'), 'inner')
})

test('conformance: ID tokens are signed with RS256 by default [OpenID Connect Core 1.0 §3.1.3.7]', async () => {
  const world = await start()
  assert.equal(decodeProtectedHeader((await tokensFor(world)).id_token).alg, 'RS256')
})

test('conformance: a code used again after 30 seconds is refused, and its tokens are revoked [RFC 6749 §4.1.2]', async () => {
  const { server, browser } = await start()
  const code = answerOf(await browser.visit(path())).get('code')
  const { json } = await redeem(server, code)
  assert.equal((await userinfo(server, json.access_token)).status, 200)
  server.clock.advance(30)
  assertRefused(await redeem(server, code), 'invalid_grant', 'code_replayed')
  assert.equal((await userinfo(server, json.access_token)).status, 401)
})

test('conformance: a refresh returns a new ID token for the same sign-in [OpenID Connect Core 1.0 §12.2]', async () => {
  const world = await start()
  const first = await tokensFor(world, path({ scope: 'openid offline_access', prompt: 'consent' })).catch(
    () => undefined,
  )
  const tokens = first?.id_token ? first : await tokensFor(world, path({ scope: 'openid offline_access' }))
  world.server.clock.advance(1)
  const { json } = await world.server.token(
    { grant_type: 'refresh_token', refresh_token: tokens.refresh_token },
    { client: ['op', 's'] },
  )
  const [before, after] = [claimsOf(tokens.id_token), claimsOf(json.id_token)]
  for (const name of ['iss', 'sub', 'aud', 'auth_time']) assert.deepEqual(after[name], before[name], name)
  assert.equal(after.iat, before.iat + 1)
  assert.notEqual(json.access_token, tokens.access_token)
})

test('conformance: the discovery document has everything that OpenID Connect Discovery 1.0 requires, over https [OpenID Connect Discovery 1.0 §3]', async () => {
  const server = await createTestServer(world)
  const metadata = (await server.send('GET', '/.well-known/openid-configuration')).json
  assert.equal(metadata.issuer, 'https://id.example')
  for (const name of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri']) {
    assert.ok(metadata[name].startsWith('https://'), name)
  }
  for (const [name, least] of [
    ['response_types_supported', 'code'],
    ['subject_types_supported', 'public'],
    ['id_token_signing_alg_values_supported', 'RS256'],
    ['scopes_supported', 'openid'],
    ['claims_supported', 'sub'],
    ['grant_types_supported', 'implicit'],
  ] as const) {
    assert.ok(metadata[name].includes(least), name)
  }
  assert.equal((await server.send('GET', '/connect/userinfo', { headers: basic('op', 's') })).status, 401)
})
