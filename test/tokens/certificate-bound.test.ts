/** Certificate-bound tokens of clients with another authentication method, or none (RFC 8705 §3, §3.4, §4). */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { thumbprintOf } from '../../packages/server/src/model/jose.ts'
import { one, two } from '../support/certificates.ts'
import { issueCode, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { claimsOf, createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const mtls = { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] }
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const device = 'urn:ietf:params:oauth:grant-type:device_code'
const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const partner = 'https://partner.example'
const jwks = { keys: [await exportJWK(publicKey)] }
const bound = { tls_client_certificate_bound_access_tokens: true }
const client = (client_id: string, more: object) => ({
  ...{ client_id, ...bound, redirect_uris: ['https://app.example/cb'] },
  ...{ require_pkce: false, scope: 'openid api1 offline_access' },
  grant_types: [
    'authorization_code',
    'refresh_token',
    'client_credentials',
    'password',
    device,
    exchange,
    jwtBearer,
  ],
  ...more,
})
const input = {
  ...withClients(
    client('basic', { client_secrets: [{ value: secret }] }),
    client('signer', { token_endpoint_auth_method: 'private_key_jwt', jwks }),
    client('public', {
      token_endpoint_auth_method: 'none',
      require_pkce: true,
      grant_types: ['authorization_code', 'refresh_token', 'password', device],
    }),
    client('opaque', { client_secrets: [{ value: secret }], access_token_type: 'reference' }),
  ),
  ...{ mtls, trusted_issuers: [{ issuer: partner, jwks }] },
}

/** The parameters each client authenticates with. */
const credentials: Readonly<Record<string, () => Promise<object> | object>> = {
  basic: () => ({ client_id: 'basic', client_secret: secret }),
  opaque: () => ({ client_id: 'opaque', client_secret: secret }),
  public: () => ({ client_id: 'public' }),
  async signer() {
    const claims = { iss: 'signer', sub: 'signer', aud: issuer, jti: randomUUID(), exp: 1_790_000_060 }
    return {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(privateKey),
    }
  },
}
const ask = async (server: TestServer, client: string, form: object, certificate?: string) =>
  server.token(
    { ...form, ...(await credentials[client]?.()) },
    certificate === undefined ? {} : { certificate },
  )

const password = {
  grant_type: 'password',
  username: 'bob',
  password: 'bob',
  scope: 'openid api1 offline_access',
}
const cnfOf = async (server: TestServer, token: string): Promise<unknown> => {
  if (!token.startsWith('ta_')) return claimsOf(token).cnf
  const form = { token, client_id: 'opaque', client_secret: secret }
  return (await server.send('POST', '/connect/introspect', { form })).json.cnf
}
const ofOne = { 'x5t#S256': thumbprintOf(one) }

/** The form for each grant that the client may use. */
const grants: Readonly<Record<string, (server: TestServer, client: string) => Promise<object>>> = {
  authorization_code: async (server, client_id) => ({
    grant_type: 'authorization_code',
    redirect_uri: 'https://app.example/cb',
    code: await issueCode(server, { client_id, scope: ['api1', 'offline_access', 'openid'] }),
    code_verifier: verifier,
  }),
  client_credentials: async () => ({ grant_type: 'client_credentials', scope: 'api1' }),
  password: async () => password,
  [exchange]: async (server, client) => ({
    grant_type: exchange,
    subject_token: (await ask(server, client, password, one)).json.access_token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  }),
  [jwtBearer]: async () => ({
    grant_type: jwtBearer,
    scope: 'api1',
    assertion: await new SignJWT({
      iss: partner,
      sub: '88421113',
      aud: issuer,
      jti: randomUUID(),
      exp: 1_790_000_060,
    })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(privateKey),
  }),
  refresh_token: async (server, client) => ({
    grant_type: 'refresh_token',
    refresh_token: (await ask(server, client, password, one)).json.refresh_token,
  }),
}

for (const client of Object.keys(credentials))
  for (const [grant, formOf] of Object.entries(grants)) {
    if (client === 'public' && !['authorization_code', 'password', 'refresh_token'].includes(grant)) continue
    test(`token: ${grant} binds the tokens of ${client} to the certificate, and requires one [RFC 8705 §3]`, async () => {
      const server = await createTestServer(input)
      const form = await formOf(server, client)
      const without = await ask(server, client, form)
      assert.equal(without.status, 400)
      assertRefused(without, 'invalid_request', 'binding_certificate_missing')
      const { status, json } = await ask(server, client, form, one)
      assert.equal(status, 200, JSON.stringify(json))
      assert.deepEqual(await cnfOf(server, json.access_token), ofOne)
    })
  }

test('token: a device gets bound tokens, and each poll requires the certificate [RFC 8705 §3]', async () => {
  const server = await createTestServer(input)
  const started = await server.send('POST', '/connect/deviceauthorization', {
    form: { scope: 'openid api1', client_id: 'public' },
  })
  assert.equal(started.status, 200)
  const poll = { grant_type: device, device_code: started.json.device_code }
  assertRefused(await ask(server, 'public', poll), 'invalid_request', 'binding_certificate_missing')
  assertRefused(await ask(server, 'public', poll, one), 'authorization_pending', 'device_pending')
})

test('refresh: a public client refreshes only with the certificate of its family, a confidential one also with a new one [RFC 8705 §4]', async () => {
  for (const [client, accepted] of [
    ['public', false],
    ['basic', true],
    ['signer', true],
  ] as const) {
    const server = await createTestServer(input)
    const { refresh_token } = (await ask(server, client, password, one)).json
    const refresh = { grant_type: 'refresh_token', refresh_token }
    const answer = await ask(server, client, refresh, two)
    if (accepted) assert.deepEqual(claimsOf(answer.json.access_token).cnf, { 'x5t#S256': thumbprintOf(two) })
    else assertRefused(answer, 'invalid_grant', 'refresh_token_bound_to_another_key')
    const retry = await ask(server, client, refresh, one)
    assert.equal(retry.status, 200, String(retry.reason))
  }
})

for (const client of ['basic', 'signer', 'public', 'opaque'])
  test(`userinfo and exchange: a bound token of ${client} works only with its certificate [RFC 8705 §3]`, async () => {
    const server = await createTestServer(input)
    const { access_token } = (await ask(server, client, password, one)).json
    const userinfo = (certificate?: string) =>
      server.send('GET', '/connect/userinfo', {
        headers: { authorization: `Bearer ${access_token}` },
        ...(certificate !== undefined && { certificate }),
      })
    assert.equal((await userinfo(one)).json.sub, '88421113')
    assertRefused(await userinfo(two), 'invalid_token', 'token_bound_to_another_certificate')
    assertRefused(await userinfo(), 'invalid_token', 'token_certificate_missing')
    const exchanging = {
      ...{ grant_type: exchange, subject_token: access_token },
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    }
    const stolen = await ask(server, 'basic', exchanging, two)
    assertRefused(stolen, 'invalid_request', 'subject_token_bound_to_another_key')
  })

test('introspection: the response contains the certificate that a token is bound to [RFC 8705 §3.2]', async () => {
  const server = await createTestServer(input)
  const { access_token } = (await ask(server, 'signer', password, one)).json
  const form = { token: access_token, client_id: 'urn:api', client_secret: 'api-secret' }
  const { json } = await server.send('POST', '/connect/introspect', { form })
  assert.deepEqual([json.active, json.cnf, json.token_type], [true, ofOne, 'Bearer'])
})

test('token: without the setting, a client’s certificate binds nothing', async () => {
  const server = await createTestServer({ ...world, mtls })
  const form = { ...password, client_id: 'roclient', client_secret: secret }
  const { json } = await server.token(form, { certificate: one })
  assert.equal(claimsOf(json.access_token).cnf, undefined)
})
