import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { jwtBearer } from '../../packages/server/src/server.ts'
import { assertRefused } from '../support/refused.ts'
import {
  type Answer,
  claimsOf,
  createTestServer,
  issuer,
  startOfTime,
  type TestServer,
} from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const partner = 'https://partner.example'
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
const stranger = await generateKeyPair('ES256')

const configured = {
  ...world,
  trusted_issuers: [
    { issuer: partner, jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'p1', alg: 'ES256' }] } },
  ],
  clients: [
    ...world.clients,
    {
      client_id: 'bearer',
      client_secrets: [{ value: secret }],
      grant_types: [grant_type],
      scope: 'api1 openid',
    },
  ],
}

const sign = (claims: object = {}, key: CryptoKey = privateKey, alg = 'ES256'): Promise<string> =>
  new SignJWT({ iss: partner, sub: '88421113', aud: issuer, exp: startOfTime + 300, jti: 'one', ...claims })
    .setProtectedHeader({ alg, kid: 'p1' })
    .sign(key)

const redeem = (server: TestServer, assertion: string, more: object = {}): Promise<Answer> =>
  server.token({ grant_type, assertion, ...more }, { client: ['bearer', secret] })

test('jwt-bearer: an assertion of a trusted issuer yields the user’s token once [RFC 7523 §2.1]', async () => {
  const server = await createTestServer(configured)
  const assertion = await sign()
  const { status, json } = await redeem(server, assertion)
  assert.equal(status, 200)
  const claims = claimsOf(json.access_token)
  assert.equal(claims.sub, '88421113')
  assert.equal(claims.idp, partner)
  assert.equal(json.scope, 'api1')
  assertRefused(await redeem(server, assertion), 'invalid_grant', 'assertion_replayed')
  assertRefused(
    await redeem(server, await sign({ exp: startOfTime + 299 })),
    'invalid_grant',
    'assertion_replayed',
  )
  assert.equal((await redeem(server, await sign({ jti: 'two' }))).status, 200)
})

for (const returned of [5, null, {}])
  test(`jwt-bearer: a subject hook that returns ${JSON.stringify(returned)} is refused and named in the log`, async () => {
    const subject = (() => returned) as unknown as () => undefined
    const grants = [jwtBearer({ issuers: configured.trusted_issuers, subject })]
    const server = await createTestServer({ ...configured, trusted_issuers: [], grants })
    assertRefused(await redeem(server, await sign()), 'invalid_grant', 'extension_grant_threw')
    const told = server.logged.findLast(({ event }) => event === 'refused')
    assert.match(String(told?.problem), /jwtBearer\.subject is a value of type/)
  })

test('jwt-bearer: an id that one issuer used is still valid for another [RFC 7519 §4.1.7]', async () => {
  const second = 'https://second.example'
  const [first] = configured.trusted_issuers
  const trusted_issuers = [...configured.trusted_issuers, { ...first, issuer: second }]
  const server = await createTestServer({ ...configured, trusted_issuers })
  for (const iss of [partner, second]) {
    assert.equal((await redeem(server, await sign({ iss }))).status, 200, iss)
    assertRefused(await redeem(server, await sign({ iss })), 'invalid_grant', 'assertion_replayed')
  }
})

test('jwt-bearer: an assertion without jti is accepted once as a whole', async () => {
  const server = await createTestServer(configured)
  const assertion = await sign({ jti: undefined })
  assert.equal((await redeem(server, assertion)).status, 200)
  assertRefused(await redeem(server, assertion), 'invalid_grant', 'assertion_replayed')
})

/** The order of the curve P-256: if `s` is valid, so is `order - s`. */
const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')

test('jwt-bearer: an assertion without jti is accepted once, even if its signature is written differently', async () => {
  const server = await createTestServer(configured)
  const assertion = await sign({ jti: undefined })
  const [head, payload, signature = ''] = assertion.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  const s = order - BigInt(`0x${bytes.toString('hex', 32)}`)
  bytes.write(s.toString(16).padStart(64, '0'), 32, 'hex')
  const twin = `${head}.${payload}.${bytes.toString('base64url')}`
  assert.notEqual(twin, assertion)
  assert.equal((await redeem(server, twin)).status, 200)
  assertRefused(await redeem(server, assertion), 'invalid_grant', 'assertion_replayed')
})

test('jwt-bearer: the token endpoint is also an accepted audience', async () => {
  const server = await createTestServer(configured)
  assert.equal((await redeem(server, await sign({ aud: `${issuer}/connect/token` }))).status, 200)
})

test('jwt-bearer: an assertion that ended four seconds ago is accepted, as a client’s clock may be late', async () => {
  const server = await createTestServer(configured)
  assert.equal((await redeem(server, await sign({ exp: startOfTime - 4 }))).status, 200)
})

for (const [what, claims, reason] of [
  ['another audience', { aud: 'https://else.example' }, 'assertion_invalid'],
  ['no audience', { aud: undefined }, 'assertion_invalid'],
  ['an untrusted issuer', { iss: 'https://evil.example' }, 'assertion_invalid'],
  ['no subject', { sub: undefined }, 'assertion_invalid'],
  ['an unknown subject', { sub: 'nobody' }, 'assertion_subject_unknown'],
  ['an inactive subject', { sub: '2' }, 'assertion_subject_unknown'],
  ['an exp five seconds ago', { exp: startOfTime - 5 }, 'assertion_invalid'],
  ['no end', { exp: undefined }, 'assertion_invalid'],
  ['an exp too far in the future', { exp: startOfTime + 7200 }, 'assertion_lifetime_invalid'],
  ['an nbf in the future', { nbf: startOfTime + 100 }, 'assertion_invalid'],
  ['an iat in the future', { iat: startOfTime + 100 }, 'assertion_lifetime_invalid'],
] as const) {
  test(`jwt-bearer: ${what} is invalid_grant [RFC 7523 §3]`, async () => {
    const server = await createTestServer(configured)
    const answer = await redeem(server, await sign(claims))
    assert.equal(answer.status, 400)
    assertRefused(answer, 'invalid_grant', reason)
  })
}

test('jwt-bearer: unsigned, foreign-signed, HMAC and malformed assertions are invalid_grant', async () => {
  const server = await createTestServer(configured)
  const good = await sign()
  const [, payload] = good.split('.')
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
  const hmac = await new SignJWT({ iss: partner, sub: '88421113', aud: issuer, exp: startOfTime + 300 })
    .setProtectedHeader({ alg: 'HS256', kid: 'p1' })
    .sign(new TextEncoder().encode(JSON.stringify(await exportJWK(publicKey))))
  for (const assertion of [none, hmac, await sign({}, stranger.privateKey), 'garbage', `${good}x`]) {
    assertRefused(await redeem(server, assertion), 'invalid_grant', 'assertion_invalid')
  }
  assertRefused(
    await server.token({ grant_type }, { client: ['bearer', secret] }),
    'invalid_request',
    'parameter_missing',
  )
})

test('jwt-bearer: a used assertion is remembered for as long as it is valid, despite clean-up [RFC 7523 §3]', async () => {
  const server = await createTestServer(configured)
  const [whole, fraction] = [await sign(), await sign({ jti: 'fraction', exp: startOfTime + 300.5 })]
  assert.equal((await redeem(server, whole)).status, 200)
  assert.equal((await redeem(server, fraction)).status, 200)
  server.clock.advance(304)
  await server.stores.cleanUp(server.clock.now())
  assertRefused(await redeem(server, whole), 'invalid_grant', 'assertion_replayed')
  assertRefused(await redeem(server, fraction), 'invalid_grant', 'assertion_replayed')
  // Setting the clock back makes none of them valid again.
  server.clock.advance(296)
  await server.stores.cleanUp(server.clock.now())
  server.clock.advance(-300)
  assertRefused(await redeem(server, whole), 'invalid_grant', 'assertion_replayed')
})
