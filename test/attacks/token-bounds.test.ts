/** What bounds a token: nobody else says what ties it to its request, and its authorization is kept for as long as it lives. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { narrowTo } from '../../packages/server/src/authorization-request/agreed-request.ts'
import { createIdTokenHintReader } from '../../packages/server/src/authorization-request/id-token-hint.ts'
import type { ManagedKeyRing } from '../../packages/server/src/keys/key-ring.ts'
import type { Authorization } from '../../packages/server/src/model/authorization.ts'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { signJwt } from '../../packages/server/src/tokens/jwt.ts'
import { openRing } from '../keys/keys.ts'
import { approveDevice, issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { bearer } from '../support/registering.ts'
import { claimsOf, createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

let keys: ManagedKeyRing
before(async () => {
  keys = await openRing({ keys: createMemoryStores().keys, algorithms: ['ES256'] })
})
after(() => keys.stop())

const own = ['auth_time', 'idp', 'amr', 'acr', 'sid', 'tenant']
const binding = ['nonce', 'at_hash', 'c_hash', 's_hash', 'azp', 'nbf', 'jti']
const said = Object.fromEntries([...own, ...binding].map(name => [name, `user's ${name}`]))
/** Each claim is asked for by the scope of ID tokens and by the API. */
const saying = {
  ...withClients({ client_id: 'web', always_include_user_claims_in_id_token: true } as never),
  identity_resources: [...world.identity_resources, { name: 'profile', claims: Object.keys(said) }],
  api_resources: world.api_resources.map(api => ({ ...api, claims: Object.keys(said) })),
  users: world.users.map(user => ({ ...user, claims: { ...user.claims, ...said } })),
}

test('tokens: what binds an ID token and says how the user signed in is not read from a user’s claims', async () => {
  const server = await createTestServer(saying)
  const code = await issueCode(server, { scope: ['api1', 'openid', 'profile'] })
  const { json } = await server.token(
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
    { client: ['web', secret] },
  )
  const [id, access] = [claimsOf(json.id_token), claimsOf(json.access_token)]
  for (const name of [...own, ...binding]) assert.notEqual(id[name], said[name], name)
  for (const name of [...own, 'nbf', 'jti']) assert.notEqual(access[name], said[name], name)
  assert.deepEqual(
    binding.filter(name => Object.hasOwn(id, name)),
    ['at_hash'],
  )
})

const signIn = async (server: TestServer, scope: string) =>
  (
    await server.token(
      { grant_type: 'password', username: 'bob', password: 'bob', scope },
      { client: ['roclient', secret] },
    )
  ).json

const isGood = async (server: TestServer, token: string): Promise<boolean> => {
  await server.stores.cleanUp(server.clock.now())
  return (await server.send('GET', '/connect/userinfo', { headers: bearer(token) })).status === 200
}

for (const [what, scope] of [
  ['without a refresh token', 'openid api1'],
  ['beside a refresh token', 'openid api1 offline_access'],
] as const)
  test(`tokens: the authorization of an access token ${what} is kept until the token ends`, async () => {
    const server = await createTestServer(
      withClients({
        client_id: 'roclient',
        refresh_token_expiration: 'absolute',
        absolute_refresh_token_lifetime: 600,
      } as never),
    )
    const { access_token } = await signIn(server, scope)
    server.clock.advance(3599)
    assert.equal(await isGood(server, access_token), true)
    server.clock.advance(1)
    assert.equal(await isGood(server, access_token), false)
  })

for (const offline of [[], ['offline_access']])
  for (const grant of ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'] as const)
    test(`tokens: the authorization of a token by ${grant} outlives its code, with ${offline.join() || 'openid'}`, async () => {
      const server = await createTestServer(
        withClients(
          ...['web', 'device'].map(client_id => ({
            ...{ client_id, refresh_token_expiration: 'absolute', absolute_refresh_token_lifetime: 600 },
          })),
        ),
      )
      const given = { scope: [...offline, 'openid'], expires_at: server.clock.now() + 300 }
      const { json, body } = await (grant === 'authorization_code'
        ? redeemCode(server, given)
        : redeemDevice(server, given))
      assert.equal(json.refresh_token !== undefined, offline.length > 0, body)
      server.clock.advance(3599)
      assert.equal(await isGood(server, json.access_token), true)
      server.clock.advance(1)
      assert.equal(await isGood(server, json.access_token), false)
    })

const redeemCode = async (server: TestServer, given: Partial<Authorization>) => {
  const code = await issueCode(server, given)
  return server.token(
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
    { client: ['web', secret] },
  )
}

const redeemDevice = async (server: TestServer, given: Partial<Authorization>) => {
  const form = { client_id: 'device', scope: given.scope?.join(' ') }
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form })
  const found = await server.stores.devices.find(hashHandle(json.device_code))
  assert.ok(found)
  assert.ok(await approveDevice(server, found.device.user_code_hash, given))
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  return server.token({ grant_type, device_code: json.device_code, client_id: 'device' })
}

test('tokens: the last refresh of a family keeps its authorization until the new access token ends', async () => {
  const server = await createTestServer(
    withClients({
      client_id: 'roclient',
      refresh_token_expiration: 'sliding',
      sliding_refresh_token_lifetime: 600,
      absolute_refresh_token_lifetime: 900,
    } as never),
  )
  let { refresh_token, access_token } = await signIn(server, 'openid api1 offline_access')
  for (const seconds of [599, 300]) {
    server.clock.advance(seconds)
    const { json, body } = await server.token(
      { grant_type: 'refresh_token', refresh_token },
      { client: ['roclient', secret] },
    )
    assert.ok(json.access_token, body)
    ;({ refresh_token, access_token } = json)
  }
  server.clock.advance(3599)
  assert.equal(await isGood(server, access_token), true)
  server.clock.advance(1)
  assert.equal(await isGood(server, access_token), false)
})

test('ID token hint: a JWT without an end is none, whoever signed it so [OpenID Connect Core 1.0 §2, §5.3.2]', async () => {
  const read = createIdTokenHintReader({ issuer, keys })
  const claims = { iss: issuer, sub: 'bob', aud: 'web' }
  const sign = (more: object) => signJwt(keys.signing('ES256'), 'JWT', { ...claims, ...more })
  assert.deepEqual(read(await sign({ exp: 1 })), { sub: 'bob', client_id: 'web' })
  assert.equal(read(await sign({})), undefined)
  assert.equal(read(await sign({ exp: '1' })), undefined)
  assert.equal(read(await sign({ exp: 1, iss: `${issuer}/t` })), undefined)
  assert.equal(read(await sign({ exp: 1, sub: 1 })), undefined)
  assert.equal(read(await sign({ exp: 1, aud: ['web'] })), undefined)
})

test('refresh: the family keeps the claims of every API that was agreed to, whichever the code was redeemed for [RFC 8707 §2.2]', async () => {
  const claims: Readonly<Record<string, string>> = { 'urn:api': 'name', 'urn:other': 'email' }
  const server = await createTestServer({
    ...world,
    api_resources: world.api_resources.map(api => ({ ...api, claims: [claims[api.name]] })),
  })
  const scope = ['api1', 'offline_access', 'openid', 'other_api']
  const code = await issueCode(server, { scope, resources: ['urn:api', 'urn:other'] })
  const client = { client: ['web', secret] as const }
  const first = await server.token(
    {
      ...{ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
      resource: 'urn:api',
    },
    client,
  )
  assert.equal(claimsOf(first.json.access_token).name, 'Bob')
  assert.equal(claimsOf(first.json.access_token).email, undefined)
  const { refresh_token } = first.json
  const form = { grant_type: 'refresh_token', refresh_token, resource: 'urn:other' }
  const other = claimsOf((await server.token(form, client)).json.access_token)
  assert.deepEqual([other.email, other.name], ['bob@example.com', undefined])
})

test('consent: a claim in a language is kept with the scope that opens it [OpenID Connect Core 1.0 §5.2]', async () => {
  const resources = {
    identity: new Map([['profile', { name: 'profile', claims: ['name'] }]]),
    ...{ apiScopes: new Map(), apis: new Map() },
  }
  const asked = { 'name#fr': {}, 'email#fr': {}, idp: {} }
  const request = { scope: ['openid', 'profile'], requested_claims: { userinfo: asked, id_token: asked } }
  const narrow = (agreed: readonly string[]) =>
    Object.keys(narrowTo(request as never, agreed, resources).requested_claims?.userinfo ?? {})
  assert.deepEqual(narrow(['openid', 'profile']), ['name#fr', 'idp'])
  assert.deepEqual(narrow(['openid']), ['idp'])
})
