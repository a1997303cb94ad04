/**
 * `access_token_typ`: access tokens of type `JWT` for APIs that reject `at+jwt` (RFC 9068 §2.1). No token is accepted
 * as one of another kind (RFC 8725 §3.11).
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeProtectedHeader } from 'jose'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { basic, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients } from '../support/world.ts'

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const typed = (first: object, second: object) => ({
  ...withClients(
    { client_id: 'web', userinfo_signed_response_alg: 'RS256', grant_types: ['authorization_code'] } as never,
    { client_id: 'exchanger', scope: 'api1 api2 other_api' } as never,
  ),
  api_resources: [
    { name: 'urn:api', scopes: ['api1', 'api2'], api_secrets: [{ value: 'api-secret' }], ...first },
    { name: 'urn:other', scopes: ['other_api'], ...second },
  ],
})
const plain = typed({ access_token_typ: 'JWT' }, {})

const machine = (server: TestServer, scope: string, more: object = {}) =>
  server.token({ grant_type: 'client_credentials', scope, ...more }, { client: ['client', secret] })
const typOf = (token: string) => decodeProtectedHeader(token).typ

for (const [what, first, second, scope, typ] of [
  ['an API that asks for nothing', {}, {}, 'api1', 'at+jwt'],
  ['an API that asks for JWT', { access_token_typ: 'JWT' }, {}, 'api1', 'JWT'],
  ['another API', { access_token_typ: 'JWT' }, {}, 'other_api', 'at+jwt'],
  ['both, where one asks', { access_token_typ: 'JWT' }, {}, 'api1 other_api', 'JWT'],
  ['both, where both ask', { access_token_typ: 'JWT' }, { access_token_typ: 'JWT' }, 'api1 other_api', 'JWT'],
  ['both, where one asks for at+jwt', {}, { access_token_typ: 'at+jwt' }, 'api1 other_api', 'at+jwt'],
] as const)
  test(`token: an access token for ${what} has the type ${typ}`, async () => {
    const server = await createTestServer(typed(first, second))
    assert.equal(typOf((await machine(server, scope)).json.access_token), typ)
  })

test('token: an access token has one type only; with resource it is for one API [RFC 8707 §2]', async () => {
  const server = await createTestServer(typed({ access_token_typ: 'JWT' }, { access_token_typ: 'at+jwt' }))
  assertRefused(await machine(server, 'api1 other_api'), 'invalid_scope', 'access_token_typs_conflict')
  for (const [resource, typ] of [
    ['urn:api', 'JWT'],
    ['urn:other', 'at+jwt'],
  ])
    assert.equal(typOf((await machine(server, 'api1 other_api', { resource })).json.access_token), typ)
})

const redeem = async (server: TestServer) => {
  const code = await issueCode(server, { scope: ['api1', 'openid', 'profile'] })
  const form = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri }
  return (await server.token(form, { client: ['web', secret] })).json
}
const userinfo = (server: TestServer, token: string) =>
  server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${token}` } })
const introspect = async (server: TestServer, token: string, client: readonly [string, string]) =>
  (await server.send('POST', '/connect/introspect', { form: { token }, headers: basic(...client) })).json
    .active
const swap = (server: TestServer, subject_token: string) =>
  server.token(
    {
      ...{ grant_type: exchange, subject_token },
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
    { client: ['exchanger', secret] },
  )

test('userinfo, introspection, exchange and revocation: an access token of type JWT is accepted', async () => {
  const server = await createTestServer(plain)
  const { access_token } = await redeem(server)
  assert.equal(typOf(access_token), 'JWT')
  assert.equal((await userinfo(server, access_token)).status, 200)
  for (const caller of [
    ['urn:api', 'api-secret'],
    ['web', secret],
  ] as const)
    assert.equal(await introspect(server, access_token, caller), true)
  const swapped = await swap(server, access_token)
  assert.equal(typOf(swapped.json.access_token), 'JWT')
  await server.send('POST', '/connect/revocation', {
    form: { token: access_token },
    headers: basic('web', secret),
  })
  assert.equal(await introspect(server, access_token, ['web', secret]), false)
  assertRefused(await userinfo(server, access_token), 'invalid_token', 'token_revoked')
})

test('userinfo, introspection and exchange: ID tokens and UserInfo responses are not accepted as access tokens [RFC 8725 §3.11]', async () => {
  const claims = {
    client_id: 'web',
    scope: 'openid api1',
    jti: 'x',
    exp: 4_000_000_000,
    token_use: 'access_token',
  }
  const names = Object.keys(claims)
  const server = await createTestServer({
    ...plain,
    identity_resources: [...plain.identity_resources, { name: 'profile', claims: names }],
    clients: plain.clients.map(client =>
      client.client_id === 'web' ? { ...client, always_include_user_claims_in_id_token: true } : client,
    ),
    users: plain.users.map(user => ({ ...user, claims: { ...user.claims, ...claims } })),
  })
  const { access_token, id_token } = await redeem(server)
  const { body } = await userinfo(server, access_token)
  assert.deepEqual([typOf(id_token), typOf(body)], ['JWT', 'JWT'])
  for (const token of [id_token, body]) {
    assertRefused(await userinfo(server, token), 'invalid_token', 'token_signature_invalid')
    assert.equal(await introspect(server, token, ['web', secret]), false)
    assertRefused(await swap(server, token), 'invalid_request', 'subject_token_invalid')
  }
})

test('authorize and endsession: an access token of type JWT is not accepted as id_token_hint [RFC 8725 §3.11]', async () => {
  // An API with the client's name would be refused for its name: the audience alone must not make the difference.
  const server = await createTestServer(plain)
  const { access_token, id_token } = await redeem(server)
  assert.equal(typeof claimsOf(access_token).aud, 'string')
  const read = async (id_token_hint: string) => {
    const query = new URLSearchParams({ id_token_hint, client_id: 'web' })
    return server.send('GET', `/connect/endsession?${query}`)
  }
  assert.notEqual((await read(id_token)).status, 400)
  const authorize = (id_token_hint: string) => {
    const query = new URLSearchParams({
      ...{ client_id: 'web', response_type: 'code', scope: 'openid', redirect_uri: redirectUri },
      ...{ code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' },
      ...{ prompt: 'none', id_token_hint },
    })
    return server.send('GET', `/connect/authorize?${query}`)
  }
  const reasonOf = async (hint: string) => (await authorize(hint)).reason
  assert.equal(await reasonOf(access_token), 'id_token_hint_invalid')
  assert.notEqual(await reasonOf(id_token), 'id_token_hint_invalid')
})
