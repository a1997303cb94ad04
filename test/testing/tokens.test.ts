/** Tokens without a sign-in, checked by an API that uses jose, and by the server's own endpoints. */

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { startTestServer, type TestServer } from '../../packages/server/src/testing.ts'
import { discover } from './application.ts'

const audience = 'https://api.example'

describe('testing', () => {
  let idp: TestServer
  let keys: ReturnType<typeof createRemoteJWKSet>
  before(async () => {
    idp = await startTestServer({
      clients: [
        {
          client_id: 'web',
          client_secrets: [{ value: 's' }],
          grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
          redirect_uris: ['https://app.example/cb'],
          scope: 'openid profile offline_access orders.read orders.write reports',
        },
        {
          client_id: 'opaque',
          client_secrets: [{ value: 's' }],
          grant_types: ['client_credentials'],
          access_token_type: 'reference',
          scope: 'orders.read',
        },
        {
          client_id: 'off',
          client_secrets: [{ value: 's' }],
          grant_types: ['client_credentials'],
          enabled: false,
          scope: 'orders.read',
        },
        {
          client_id: 'key-client',
          token_endpoint_auth_method: 'private_key_jwt',
          jwks_uri: 'https://app.example/jwks',
          grant_types: ['client_credentials'],
          scope: 'orders.read',
        },
      ],
      api_scopes: [{ name: 'orders.read', claims: ['role'] }, { name: 'orders.write' }, { name: 'reports' }],
      api_resources: [
        { name: audience, scopes: ['orders.read', 'orders.write'], api_secrets: [{ value: 'api' }] },
        { name: 'https://reports.example', scopes: ['reports'] },
      ],
      users: [
        { sub: '1', username: 'alice', claims: { name: 'Alice', role: 'admin' } },
        { sub: '2', username: 'ina', active: false, claims: {} },
      ],
    })
    keys = createRemoteJWKSet(new URL(`${idp.issuer}/.well-known/openid-configuration/jwks`))
  })
  beforeEach(() => idp.reset())
  after(() => idp.close())

  const verify = (token: string) => jwtVerify(token, keys, { issuer: idp.issuer, audience, typ: 'at+jwt' })
  const userinfo = async (token: string) =>
    (await fetch(`${idp.issuer}/connect/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status
  const introspect = async (token: string) => {
    const response = await fetch(`${idp.issuer}/connect/introspect`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${encodeURIComponent(audience)}:api`)}` },
      body: new URLSearchParams({ token }),
    })
    return (await response.json()) as { active: boolean }
  }

  test('token: an API accepts the token of a client', async () => {
    const { payload } = await verify(await idp.token({ scope: 'orders.read' }))
    assert.equal(payload.client_id, 'web')
    assert.equal(payload.sub, 'web')
    assert.equal(payload.scope, 'orders.read')
    assert.equal(payload.auth_time, undefined)
  })

  test('token: an API accepts the token of a user, with the claims of its scopes', async () => {
    const { payload } = await verify(await idp.token({ user: 'alice', scope: 'orders.read', acr: '2' }))
    assert.equal(payload.sub, '1')
    assert.equal(payload.role, 'admin')
    assert.equal(payload.acr, '2')
    assert.deepEqual(payload.amr, ['pwd', 'otp', 'mfa'])
  })

  test('token: it is limited to a resource', async () => {
    const both = decodeJwt(await idp.token({ scope: 'orders.read reports' }))
    assert.deepEqual(both.aud, [audience, 'https://reports.example'])
    const one = decodeJwt(await idp.token({ scope: 'orders.read reports', resource: audience }))
    assert.equal(one.aud, audience)
    assert.equal(one.scope, 'orders.read')
  })

  test('token: claims are added, replaced and removed', async () => {
    const token = await idp.token({
      user: 'alice',
      scope: 'orders.read',
      claims: { role: 'guest', beta: true, jti: undefined },
    })
    const { payload } = await verify(token)
    assert.deepEqual([payload.role, payload.beta, payload.jti], ['guest', true, undefined])
  })

  const wrong = {
    'another audience': { claims: { aud: 'https://other.example' } },
    'another issuer': { claims: { iss: 'https://other.example' } },
    'a lifetime that has passed': { expiresIn: -60 },
    'a key that was never published': { signature: 'unknown_key' },
    'a foreign key under a published name': { signature: 'wrong_key' },
    'no signature': { signature: 'none' },
  } as const
  for (const [what, options] of Object.entries(wrong)) {
    test(`token: an API refuses one with ${what}`, async () => {
      await verify(await idp.token({ scope: 'orders.read' }))
      await assert.rejects(verify(await idp.token({ scope: 'orders.read', ...options })))
    })
  }

  test('token: the server itself refuses a token that was altered so', async () => {
    const options = { user: 'alice', scope: 'openid orders.read' }
    assert.equal(await userinfo(await idp.token(options)), 200)
    for (const alteration of [
      wrong['no signature'],
      wrong['a foreign key under a published name'],
      wrong['a lifetime that has passed'],
    ])
      assert.equal(await userinfo(await idp.token({ ...options, ...alteration })), 401)
  })

  test('token: an altered one is signed in the same way as the original', async () => {
    const plain = decodeProtectedHeader(await idp.token())
    assert.deepEqual(decodeProtectedHeader(await idp.token({ claims: { a: 1 } })), plain)
    assert.equal(decodeProtectedHeader(await idp.token({ signature: 'none' })).alg, 'none')
  })

  test('token: a short lifetime ends by the clock', async () => {
    const token = await idp.token({ user: 'alice', scope: 'openid', expiresIn: 30 })
    assert.equal(await userinfo(token), 200)
    await idp.clock.advance(31)
    assert.equal(await userinfo(token), 401)
  })

  test('token: a reference token is introspected, altered, and has no signature', async () => {
    const token = await idp.token({ client: 'opaque', claims: { role: 'guest' } })
    assert.match(token, /^ta_/)
    assert.deepEqual({ ...(await introspect(token)) }.active, true)
    assert.equal((await introspect(await idp.token({ client: 'opaque', expiresIn: -1 }))).active, false)
    await assert.rejects(idp.token({ client: 'opaque', signature: 'none' }), /has no signature/)
  })

  test('tokens: openid-client validates the ID token and refreshes', async () => {
    const tokens = await idp.tokens({ user: 'alice', nonce: 'n' })
    const configuration = await discover(idp, 'web', 's')
    assert.equal(decodeJwt(tokens.id_token!).nonce, 'n')
    assert.equal(decodeJwt(tokens.id_token!).aud, 'web')
    const refreshed = await client.refreshTokenGrant(configuration, tokens.refresh_token!)
    assert.equal(refreshed.claims()?.sub, '1')
    assert.equal((await client.fetchUserInfo(configuration, refreshed.access_token, '1')).name, 'Alice')
  })

  test('tokens: oauth4webapi validates an access token and introspects it', async () => {
    const issuer = new URL(idp.issuer)
    const as = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { [oauth.allowInsecureRequests]: true }),
    )
    const { access_token } = await idp.tokens({ user: 'alice', scope: 'orders.read' })
    const request = new Request('https://api.example/orders', {
      headers: { authorization: `Bearer ${access_token}` },
    })
    const claims = await oauth.validateJwtAccessToken(as, request, audience, {
      [oauth.allowInsecureRequests]: true,
    })
    assert.equal(claims.sub, '1')
    assert.equal((await introspect(access_token)).active, true)
  })

  test('tokens: only openid leads to an ID token, and only offline_access to a refresh token', async () => {
    const api = await idp.tokens({ user: 'alice', scope: 'orders.read' })
    assert.deepEqual(Object.keys(api).sort(), ['access_token', 'expires_in', 'scope', 'token_type'])
    const own = await idp.tokens()
    assert.equal(own.scope, 'orders.read orders.write reports')
  })

  test('tokens: a client that authenticates by a key needs no key here', async () => {
    assert.equal(decodeJwt(await idp.token({ client: 'key-client' })).client_id, 'key-client')
  })

  test('tokens: what the token endpoint would refuse is refused, by name', async () => {
    await assert.rejects(
      idp.tokens({ client: 'nobody' }),
      /no client has the client_id "nobody"; configured clients: web, opaque/,
    )
    await assert.rejects(idp.tokens({ user: 'nobody' }), /no user has the user name or sub "nobody"/)
    await assert.rejects(idp.tokens({ scope: 'admin' }), /invalid_scope \(scope_unknown\)/)
    await assert.rejects(idp.tokens({ client: 'opaque', scope: 'orders.write' }), /scope_not_allowed/)
    await assert.rejects(idp.tokens({ scope: 'openid' }), /scope_of_wrong_kind/)
    await assert.rejects(idp.tokens({ resource: 'https://nowhere.example' }), /no API has the name/)
    await assert.rejects(idp.tokens({ user: 'ina' }), /the user "ina" is not active/)
    await assert.rejects(
      idp.tokens({ user: 'alice', sid: 'none' }),
      /there is no session with the sid "none"/,
    )
    await assert.rejects(idp.tokens({ client: 'off', user: 'alice', scope: 'orders.read' }), /is disabled/)
  })
})
