import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { challenge, issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { type Answer, claimsOf, createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const client = ['web', secret] as const
const proofs = { redirect_uri: redirectUri, code_verifier: verifier }

const redeem = (
  server: TestServer,
  code: string | undefined,
  more: Record<string, string | undefined> = {},
  by: readonly [string, string] = client,
): Promise<Answer> =>
  server.token({ grant_type: 'authorization_code', code, ...proofs, ...more }, { client: by })

const withWeb = (changes: object) => withClients({ client_id: 'web', ...changes })

test('code: the access token and ID token verify with the published keys [client-auth-020] [token-code-020]', async () => {
  const server = await createTestServer(world)
  const { status, json } = await redeem(server, await issueCode(server, {}, { nonce: 'n-1' }))
  assert.equal(status, 200)
  assert.equal(json.scope, 'api1 openid')
  assert.equal(json.refresh_token, undefined)
  const { json: jwks } = await server.send('GET', '/.well-known/openid-configuration/jwks')
  const currentDate = new Date(server.clock.now() * 1000)
  const { payload, protectedHeader } = await jwtVerify(json.id_token, createLocalJWKSet(jwks), {
    issuer,
    audience: 'web',
    currentDate,
  })
  assert.equal(protectedHeader.alg, 'RS256')
  assert.equal(payload.nonce, 'n-1')
  assert.equal(payload.sub, '88421113')
  assert.equal(payload.sid, 'session-1')
  assert.equal(payload.idp, undefined)
  assert.deepEqual(payload.amr, ['pwd'])
  assert.equal(payload.exp! - payload.iat!, 300)
  assert.equal(payload.auth_time, server.clock.now() - 10)
  assert.match(String(payload.at_hash), /^[\w-]{22}$/)
  await jwtVerify(json.access_token, createLocalJWKSet(jwks), {
    issuer,
    audience: 'urn:api',
    typ: 'at+jwt',
    currentDate,
  })
})

test('code: offline_access returns a refresh token that works [token-code-002]', async () => {
  const server = await createTestServer(world)
  const { json } = await redeem(server, await issueCode(server, { scope: ['offline_access', 'openid'] }))
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token: json.refresh_token },
    { client },
  )
  assert.equal(refreshed.status, 200)
  assert.equal(claimsOf(refreshed.json.id_token).sub, '88421113')
})

test('code: without openid there is no ID token [token-code-024]', async () => {
  const server = await createTestServer(world)
  const { json } = await redeem(server, await issueCode(server, { scope: ['api1'] }))
  assert.equal(json.id_token, undefined)
})

test('code: a scope in the token request is ignored [token-code-019]', async () => {
  const server = await createTestServer(world)
  const { json } = await redeem(server, await issueCode(server), { scope: 'other_api' })
  assert.equal(json.scope, 'api1 openid')
})

for (const [code, reason] of [
  ['invalid', 'code_unknown'],
  ['x'.repeat(101), 'parameter_too_long'],
  ['tc_unknown', 'code_unknown'],
] as const) {
  test(`code: an unknown code of ${code.length} characters is invalid_grant [token-code-004] [token-code-005]`, async () => {
    const server = await createTestServer(world)
    const answer = await redeem(server, code)
    assert.equal(answer.status, 400)
    assertRefused(answer, 'invalid_grant', reason)
  })
}

test('code: code and redirect_uri are required [RFC 6749 §4.1.3]', async () => {
  const server = await createTestServer(world)
  assertRefused(await redeem(server, undefined), 'invalid_request', 'code_missing')
  const code = await issueCode(server)
  assertRefused(
    await redeem(server, code, { redirect_uri: undefined }),
    'invalid_request',
    'redirect_uri_missing',
  )
  assert.equal((await redeem(server, code)).status, 200)
})

test('code: a client without the grant is unauthorized_client [token-code-006]', async () => {
  const server = await createTestServer(world)
  assert.equal((await redeem(server, 'x', {}, ['client', secret])).json.error, 'unauthorized_client')
})

test('code: a code of another client is invalid_grant and is not burnt', async () => {
  const server = await createTestServer(
    withClients({
      client_id: 'web2',
      client_secrets: [{ value: secret }],
      redirect_uris: [redirectUri],
      scope: 'openid api1',
    } as never),
  )
  const code = await issueCode(server)
  assertRefused(await redeem(server, code, {}, ['web2', secret]), 'invalid_grant', 'code_of_another_client')
  assert.equal((await redeem(server, code)).status, 200)
})

for (const [what, wrong, reason] of [
  [
    'another redirect_uri [token-code-009] [token-code-012]',
    { redirect_uri: `${redirectUri}/` },
    'redirect_uri_differs',
  ],
  ['a wrong verifier [pkce-012]', { code_verifier: 'x'.repeat(43) }, 'code_verifier_wrong'],
  ['no verifier', { code_verifier: undefined }, 'code_verifier_missing'],
  ['a verifier that equals the challenge', { code_verifier: challenge }, 'code_verifier_wrong'],
] as const) {
  test(`code: ${what} is invalid_grant and burns the code`, async () => {
    const server = await createTestServer(world)
    const code = await issueCode(server)
    assertRefused(await redeem(server, code, wrong), 'invalid_grant', reason)
    assertRefused(await redeem(server, code), 'invalid_grant', 'code_replayed')
  })
}

test('code: a second use is refused and revokes what the first issued [token-code-011] [RFC 6749 §4.1.2]', async () => {
  const server = await createTestServer(world)
  const code = await issueCode(server, { scope: ['api1', 'offline_access'] })
  const { json } = await redeem(server, code)
  const again = await redeem(server, code)
  assert.equal(again.status, 400)
  assertRefused(again, 'invalid_grant', 'code_replayed')
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token: json.refresh_token },
    { client },
  )
  assertRefused(refreshed, 'invalid_grant', 'authorization_revoked')
  const introspected = await server.send('POST', '/connect/introspect', {
    form: { token: json.access_token, client_id: 'web', client_secret: secret },
  })
  assert.deepEqual(introspected.json, { active: false })
})

test('code: a second use without the proofs revokes nothing', async () => {
  const server = await createTestServer(world)
  const code = await issueCode(server, { scope: ['api1', 'offline_access'] })
  const { json } = await redeem(server, code)
  assertRefused(
    await redeem(server, code, { code_verifier: 'x'.repeat(43) }),
    'invalid_grant',
    'code_replayed',
  )
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token: json.refresh_token },
    { client },
  )
  assert.equal(refreshed.status, 200)
})

test('code: a hundred concurrent uses return tokens once', async () => {
  const server = await createTestServer(world)
  const code = await issueCode(server)
  const answers = await Promise.all(Array.from({ length: 100 }, () => redeem(server, code)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  // It finds the code used, or its write loses to the first one.
  for (const answer of answers)
    if (answer.status !== 200) assertRefused(answer, 'invalid_grant', ['code_replayed', 'no_longer_valid'])
})

test('code: an expired code is invalid_grant', async () => {
  const server = await createTestServer(world)
  const code = await issueCode(server)
  server.clock.advance(300)
  assertRefused(await redeem(server, code), 'invalid_grant', 'code_expired')
})

test('code: a user who is no longer active is invalid_grant [token-code-014]', async () => {
  const server = await createTestServer(world)
  assertRefused(await redeem(server, await issueCode(server, { sub: '2' })), 'invalid_grant', 'user_inactive')
})

test('code: a client that may no longer refresh gets no refresh token', async () => {
  const server = await createTestServer(withWeb({ grant_types: ['authorization_code'] }))
  const { status, json } = await redeem(
    server,
    await issueCode(server, { scope: ['api1', 'offline_access'] }),
  )
  assert.equal(status, 200)
  assert.equal(json.refresh_token, undefined)
})

test('code: a scope that the client has lost since is invalid_scope [token-code-017]', async () => {
  const server = await createTestServer(world)
  const { json } = await redeem(server, await issueCode(server, { scope: ['api2'] }))
  assert.deepEqual(json, {
    error: 'invalid_scope',
    error_description: 'This client may no longer use the scope api2',
  })
})

test('code: limited to an API at authorize, the token can’t get another one (RFC 8707)', async () => {
  const server = await createTestServer(world)
  const agreed = { scope: ['api1', 'other_api'], resources: ['urn:api'] }
  const { json } = await redeem(server, await issueCode(server, agreed))
  assert.equal(claimsOf(json.access_token).aud, 'urn:api')
  const other = await redeem(server, await issueCode(server, agreed), { resource: 'urn:other' })
  assert.equal(other.json.error, 'invalid_target')
})

test('pkce: plain works only where it is allowed [pkce-002] [pkce-013]', async () => {
  const plain = { code_challenge: verifier, code_challenge_method: 'plain' } as const
  const allowed = await createTestServer(withWeb({ allow_plain_pkce: true }))
  assert.equal((await redeem(allowed, await issueCode(allowed, {}, plain))).status, 200)
  const wrong = await redeem(allowed, await issueCode(allowed, {}, plain), { code_verifier: 'x'.repeat(43) })
  assertRefused(wrong, 'invalid_grant', 'code_verifier_wrong')
  const strict = await createTestServer(world)
  assertRefused(
    await redeem(strict, await issueCode(strict, {}, plain)),
    'invalid_grant',
    'code_challenge_plain',
  )
})

test('pkce: a client that requires PKCE gets no code without a challenge [pkce-014]', async () => {
  const server = await createTestServer(world)
  const code = await issueCode(server, {}, { code_challenge: undefined, code_challenge_method: undefined })
  assertRefused(
    await redeem(server, code, { code_verifier: undefined }),
    'invalid_grant',
    'code_challenge_missing',
  )
})

test('pkce: a verifier for a code without a challenge is a downgrade [RFC 9700 §2.1.1]', async () => {
  const server = await createTestServer(withWeb({ require_pkce: false }))
  const without = { code_challenge: undefined, code_challenge_method: undefined }
  assertRefused(
    await redeem(server, await issueCode(server, {}, without)),
    'invalid_grant',
    'code_verifier_unexpected',
  )
  const plainly = await redeem(server, await issueCode(server, {}, without), { code_verifier: undefined })
  assert.equal(plainly.status, 200)
})

for (const [emit_state_hash, row] of [
  [true, '[token-code-021]'],
  [false, '[token-code-023]'],
] as const) {
  test(`state hash: is in the ID token only if the configuration enables it ${row}`, async () => {
    const server = await createTestServer({ ...world, emit_state_hash })
    const browser = createBrowser(server)
    const request = new URLSearchParams({
      client_id: 'web',
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid',
      state: 'some-state',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    })
    const login = await browser.visit(`/connect/authorize?${request}`)
    const back = await browser.submit(login, { username: 'bob', password: 'bob', button: 'login' })
    const code = new URL(back.location!).searchParams.get('code')!
    const { json } = await redeem(server, code)
    const expected = createHash('sha256').update('some-state').digest().subarray(0, 16).toString('base64url')
    assert.equal(claimsOf(json.id_token).s_hash, emit_state_hash ? expected : undefined)
  })
}
