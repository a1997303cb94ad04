import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { assertRefused } from '../support/refused.ts'
import { type Answer, createTestServer, issuer, startOfTime, type TestServer } from '../support/tessera.ts'
import { secret, withClients } from '../support/world.ts'

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const tokenEndpoint = `${issuer}/connect/token`
const newRsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
const rsa = newRsa()
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = newRsa()
const jwkOf = async (key: KeyObject, kid?: string) => ({ ...(await exportJWK(key)), ...(kid && { kid }) })

const keys = [await jwkOf(rsa.publicKey, 'rsa'), await jwkOf(ec.publicKey, 'ec')]
const signer = {
  client_id: 'signer',
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys },
  grant_types: ['client_credentials'],
  scope: 'api1',
}
const configured = withClients(signer)

const good = { iss: 'signer', sub: 'signer', aud: tokenEndpoint, exp: startOfTime + 60, jti: 'one' }
const sign = (
  claims: object = {},
  header: Partial<JWTHeaderParameters> = {},
  key: KeyObject = rsa.privateKey,
): Promise<string> =>
  new SignJWT({ ...good, ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'rsa', ...header }).sign(key)

const ask = (server: TestServer, client_assertion: string, more: object = {}): Promise<Answer> =>
  server.token({
    grant_type: 'client_credentials',
    scope: 'api1',
    client_assertion_type: assertionType,
    client_assertion,
    ...more,
  })

for (const [what, assertion, more] of [
  ['with client_id in the body [client-auth-029]', sign(), { client_id: 'signer' }],
  ['without one [client-auth-030]', sign(), {}],
  ['for the issuer [client-auth-035]', sign({ aud: issuer }), {}],
  ['for the token endpoint [client-auth-036]', sign({ aud: tokenEndpoint }), {}],
  ['for both', sign({ aud: [issuer, tokenEndpoint] }), {}],
  ['typed, for the issuer', sign({ aud: issuer }, { typ: 'client-authentication+jwt' }), {}],
  ['typed JWT', sign({}, { typ: 'JWT' }), {}],
  ['by ES256', sign({}, { alg: 'ES256', kid: 'ec' }, ec.privateKey), {}],
  ['by PS256', sign({}, { alg: 'PS256' }), {}],
  ['without a kid', sign({}, { kid: undefined }), {}],
  ['that has just expired, within the skew', sign({ exp: startOfTime - 59 }), {}],
] as const) {
  test(`private_key_jwt: an assertion ${what} is accepted [RFC 7523 §2.2]`, async () => {
    const server = await createTestServer(configured)
    assert.equal((await ask(server, await assertion, more)).status, 200)
  })
}

const unsigned = (claims: object): string =>
  `${[{ alg: 'none' }, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`

const invalid = 'client_assertion_invalid'
const audience = 'client_assertion_audience_wrong'
for (const [what, assertion, reason] of [
  ['of an unknown client [client-auth-034]', sign({ iss: 'nobody', sub: 'nobody' }), 'client_unknown'],
  ['for someone else [client-auth-039]', sign({ aud: 'https://other.example' }), audience],
  ['for us and someone else', sign({ aud: [issuer, 'https://other.example'] }), audience],
  ['for nobody', sign({ aud: [] }), audience],
  ['without an audience', sign({ aud: undefined }), audience],
  [
    'of another issuer than subject [client-auth-040]',
    sign({ iss: 'other' }),
    'client_assertion_identity_mismatch',
  ],
  ['without an issuer', sign({ iss: undefined }), 'client_assertion_identity_mismatch'],
  ['without a subject', sign({ sub: undefined }), 'client_assertion_malformed'],
  ['by a key that is not registered [client-auth-041]', sign({}, {}, stranger.privateKey), invalid],
  [
    'by a key that is not registered, without a kid',
    sign({}, { kid: undefined }, stranger.privateKey),
    invalid,
  ],
  ['that has expired [client-auth-042]', sign({ exp: startOfTime - 301 }), invalid],
  ['that expired a little more than the skew ago', sign({ exp: startOfTime - 60 }), invalid],
  ['without an exp', sign({ exp: undefined }), 'client_assertion_without_end'],
  ['that is valid for a day', sign({ exp: startOfTime + 86_400 }), 'client_assertion_lives_too_long'],
  ['that is not valid yet', sign({ nbf: startOfTime + 100 }), invalid],
  ['from the future', sign({ iat: startOfTime + 100 }), 'client_assertion_from_the_future'],
  ['without an id [client-auth-044]', sign({ jti: undefined }), 'client_assertion_without_id'],
  ['with an overlong id', sign({ jti: 'x'.repeat(257) }), 'client_assertion_without_id'],
  ['unsigned [client-auth-045]', unsigned(good), invalid],
  [
    'typed, for two audiences [client-auth-049]',
    sign({ aud: [issuer, tokenEndpoint] }, { typ: 'client-authentication+jwt' }),
    audience,
  ],
  [
    'typed, for the token endpoint [client-auth-050]',
    sign({}, { typ: 'application/client-authentication+jwt' }),
    audience,
  ],
  [
    'for another purpose',
    sign({ aud: issuer }, { typ: 'oauth-authz-req+jwt' }),
    'client_assertion_type_wrong',
  ],
  ['that is not a JWT', 'nonsense', 'client_assertion_malformed'],
] as const) {
  test(`private_key_jwt: an assertion ${what} is invalid_client`, async () => {
    const server = await createTestServer(configured)
    const answer = await ask(server, await assertion)
    assert.equal(answer.status, 401)
    assertRefused(answer, 'invalid_client', reason)
    assert.equal(answer.json.error_description, 'client authentication failed')
  })
}

test('private_key_jwt: a public key is never used as a shared secret [RFC 8725 §3.1]', async () => {
  const server = await createTestServer(configured)
  const publicBytes = Buffer.from(JSON.stringify(keys[0]))
  const forged = await new SignJWT(good).setProtectedHeader({ alg: 'HS256', kid: 'rsa' }).sign(publicBytes)
  assertRefused(await ask(server, forged), 'invalid_client', 'client_assertion_invalid')
  assert.equal(server.reason(), invalid)
})

test('private_key_jwt: an assertion is accepted once [RFC 7523 §3]', async () => {
  const server = await createTestServer(withClients(signer, { ...signer, client_id: 'second' } as never))
  const assertion = await sign()
  assert.equal((await ask(server, assertion)).status, 200)
  assertRefused(await ask(server, assertion), 'invalid_client', 'client_assertion_replayed')
  assertRefused(
    await ask(server, await sign({ exp: startOfTime + 61 })),
    'invalid_client',
    'client_assertion_replayed',
  )
  const ofAnother = await sign({ iss: 'second', sub: 'second' })
  assert.equal((await ask(server, ofAnother)).status, 200)
})

test('private_key_jwt: of concurrent requests with one assertion, one succeeds', async () => {
  const server = await createTestServer(configured)
  const assertion = await sign()
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(server, assertion)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
})

test('private_key_jwt: a refused assertion is not consumed', async () => {
  const server = await createTestServer(configured)
  const forged = await sign({}, {}, stranger.privateKey)
  assert.equal((await ask(server, forged)).status, 401)
  assert.equal((await ask(server, await sign())).status, 200)
})

test('private_key_jwt: only the algorithm that the client registered is accepted [client-auth-052]', async () => {
  const server = await createTestServer(
    withClients({ ...signer, token_endpoint_auth_signing_alg: 'PS256' } as never),
  )
  assertRefused(await ask(server, await sign()), 'invalid_client', 'client_assertion_invalid')
  assert.equal((await ask(server, await sign({}, { alg: 'PS256' }))).status, 200)
})

test('private_key_jwt: without a kid, every key of the client is tried', async () => {
  const jwks = { keys: [await jwkOf(stranger.publicKey), await jwkOf(rsa.publicKey)] }
  const server = await createTestServer(withClients({ ...signer, jwks } as never))
  assert.equal((await ask(server, await sign({}, { kid: undefined }))).status, 200)
  const other = newRsa()
  const unknown = await sign({ jti: 'two' }, { kid: undefined }, other.privateKey)
  assertRefused(await ask(server, unknown), 'invalid_client', 'client_assertion_invalid')
})

for (const [what, more, error] of [
  ['another client_id', { client_id: 'client' }, 'invalid_client'],
  [
    'an unknown assertion type',
    { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
    'invalid_client',
  ],
  ['no assertion type', { client_assertion_type: undefined }, 'invalid_request'],
] as const) {
  test(`private_key_jwt: ${what} with the assertion is ${error}`, async () => {
    const server = await createTestServer(configured)
    assert.equal((await ask(server, await sign(), more)).json.error, error)
  })
}

test('private_key_jwt: a client with secrets may not use it, nor one with keys a secret', async () => {
  const server = await createTestServer(configured)
  assertRefused(
    await ask(server, await sign({ iss: 'client', sub: 'client' })),
    'invalid_client',
    'client_secret_missing',
  )
  const bySecret = await server.token({ grant_type: 'client_credentials' }, { client: ['signer', secret] })
  assertRefused(bySecret, 'invalid_client', 'client_authentication_method_not_registered')
})

test('private_key_jwt: at another endpoint the audience may be that endpoint [RFC 9126 §2]', async () => {
  const server = await createTestServer(configured)
  const { json } = await ask(server, await sign())
  const introspect = async (claims: object) =>
    server.send('POST', '/connect/introspect', {
      form: {
        token: json.access_token,
        client_assertion_type: assertionType,
        client_assertion: await sign(claims),
      },
    })
  assert.equal((await introspect({ jti: 'two', aud: `${issuer}/connect/introspect` })).json.active, true)
  assert.equal((await introspect({ jti: 'three' })).json.active, true)
  assert.equal(
    (await ask(server, await sign({ jti: 'four', aud: `${issuer}/connect/introspect` }))).status,
    401,
  )
})

test('private_key_jwt: a used assertion is remembered while it is valid, despite clean-up [RFC 7523 §3]', async () => {
  const server = await createTestServer(configured)
  const assertion = await sign()
  assert.equal((await ask(server, assertion)).status, 200)
  server.clock.advance(119)
  await server.stores.cleanUp(server.clock.now())
  assertRefused(await ask(server, assertion), 'invalid_client', 'client_assertion_replayed')
  // Setting the clock back does not make it valid again.
  server.clock.advance(300)
  await server.stores.cleanUp(server.clock.now())
  server.clock.advance(-300)
  assertRefused(await ask(server, assertion), 'invalid_client', 'client_assertion_replayed')
})
