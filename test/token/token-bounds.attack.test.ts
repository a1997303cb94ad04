/**
 * Limits of tokens: only the server sets what binds one to its request, and its authorization is kept as long as the
 * token.
 */

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { narrowTo } from '../../packages/server/src/authorization-request/agreed-request.ts'
import { createIdTokenHintReader } from '../../packages/server/src/authorization-request/id-token-hint.ts'
import {
  pushedRestartLifetime,
  usedAssertionOf,
} from '../../packages/server/src/authorization-request/pushed-request.ts'
import {
  claimScopes,
  userScopeKinds,
  validateScope,
} from '../../packages/server/src/authorization-request/requested-scope.ts'
import type { ManagedKeyRing } from '../../packages/server/src/keys/key-ring.ts'
import type { Authorization } from '../../packages/server/src/model/authorization.ts'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { jsonObject, subject } from '../../packages/server/src/model/hook-result.ts'
import { thumbprintOf } from '../../packages/server/src/model/jose.ts'
import {
  createMemoryStores,
  createMemoryTenantStores,
} from '../../packages/server/src/storage/memory/stores.ts'
import { signJwt } from '../../packages/server/src/tokens/jwt.ts'
import { openRing } from '../keys/keys.ts'
import { one } from '../support/certificates.ts'
import { approveDevice, challenge, issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { bearer } from '../support/registering.ts'
import { basic, claimsOf, createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

let keys: ManagedKeyRing
before(async () => {
  keys = await openRing({ keys: createMemoryStores().keys, algorithms: ['ES256'] })
})
after(() => keys.stop())

const own = ['auth_time', 'idp', 'amr', 'acr', 'sid', 'tenant']
const binding = ['nonce', 'at_hash', 'c_hash', 's_hash', 'azp', 'nbf', 'jti']
const said = Object.fromEntries([...own, ...binding].map(name => [name, `user's ${name}`]))
/** Each claim is requested by the ID token's scope and by the API. */
const saying = {
  ...withClients({ client_id: 'web', always_include_user_claims_in_id_token: true } as never),
  identity_resources: [...world.identity_resources, { name: 'profile', claims: Object.keys(said) }],
  api_resources: world.api_resources.map(api => ({ ...api, claims: Object.keys(said) })),
  users: world.users.map(user => ({ ...user, claims: { ...user.claims, ...said } })),
}

test('tokens: claims that bind an ID token or describe the sign-in are not read from the user’s record', async () => {
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

for (const [what, scope, lifetime] of [
  ['without a refresh token', 'openid api1', 3600],
  ['with a refresh token', 'openid api1 offline_access', 600],
] as const)
  test(`tokens: the authorization of an access token ${what} is kept until the token expires`, async () => {
    const server = await createTestServer(
      withClients({
        client_id: 'roclient',
        refresh_token_expiration: 'absolute',
        absolute_refresh_token_lifetime: 600,
      } as never),
    )
    const { access_token, expires_in } = await signIn(server, scope)
    assert.equal(expires_in, lifetime)
    server.clock.advance(lifetime - 1)
    assert.equal(await isGood(server, access_token), true)
    server.clock.advance(1)
    assert.equal(await isGood(server, access_token), false)
  })

for (const offline of [[], ['offline_access']])
  for (const grant of ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'] as const)
    test(`tokens: the authorization of a token from ${grant} outlives its code, with ${offline.join() || 'openid'}`, async () => {
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
      server.clock.advance(offline.length > 0 ? 599 : 3599)
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

const redeemDevice = async (server: TestServer, given: Partial<Authorization>, certificate?: string) => {
  const form = { client_id: 'device', scope: given.scope?.join(' ') }
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form })
  const found = await server.stores.devices.find(hashHandle(json.device_code))
  assert.ok(found)
  assert.ok(await approveDevice(server, found.device.user_code_hash, given))
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  return server.token(
    { grant_type, device_code: json.device_code, client_id: 'device' },
    certificate === undefined ? {} : { certificate },
  )
}

test('tokens: the last access token of a family expires at its absolute end [draft-ietf-oauth-refresh-token-expiration-03 §5]', async () => {
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
  // 599 + 300 seconds after the start, one second before the absolute end.
  assert.equal(await isGood(server, access_token), true)
  server.clock.advance(1)
  assert.equal(await isGood(server, access_token), false)
})

test('ID token hint: a JWT without an exp is refused, even if this server signed it [OpenID Connect Core 1.0 §2, §5.3.2]', async () => {
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

test('refresh: the family keeps the claims of every consented API, whichever the code was redeemed for [RFC 8707 §2.2]', async () => {
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

test('consent: a claim in a language is kept with the scope that contains it [OpenID Connect Core 1.0 §5.2]', async () => {
  const resources = {
    identity: new Map([['profile', { name: 'profile', claims: ['name'] }]]),
    ...{ apiScopes: new Map(), apis: new Map() },
  }
  const asked = { 'name#fr': {}, 'email#fr': {}, idp: {} }
  const request = {
    scope: ['openid', 'profile'],
    resources: [],
    requested_claims: { userinfo: asked, id_token: asked },
  }
  const narrow = (agreed: readonly string[]) =>
    Object.keys(narrowTo(request as never, agreed, resources).requested_claims?.userinfo ?? {})
  assert.deepEqual(narrow(['openid', 'profile']), ['name#fr', 'idp'])
  assert.deepEqual(narrow(['openid']), ['idp'])
})

for (const access_token_type of ['jwt', 'reference'] as const)
  test(`revocation: the revocation of a ${access_token_type} token is recorded until it expires, and so is that of derived tokens`, async () => {
    const server = await createTestServer(
      withClients(
        { client_id: 'roclient', access_token_type } as never,
        {
          client_id: 'exchanger',
          scope: 'openid api1',
        } as never,
      ),
    )
    const { access_token } = await signIn(server, 'openid api1')
    const exchanged = await exchange(server, access_token)
    assert.equal(await isGood(server, exchanged), true)
    const form = { token: access_token, client_id: 'roclient', client_secret: secret }
    await server.send('POST', '/connect/revocation', { form })
    server.clock.advance(3599)
    assert.equal(await isGood(server, access_token), false)
    assert.equal(await isGood(server, exchanged), false)
  })

test('exchange: the authorization is kept no longer than the token that it started with', async () => {
  const server = await createTestServer(
    withClients({ client_id: 'exchanger', scope: 'openid api1' } as never),
  )
  const { access_token } = await signIn(server, 'openid api1')
  const { authorization_id } = claimsOf(access_token)
  server.clock.advance(600)
  const exchanged = await exchange(server, access_token)
  server.clock.advance(2999)
  assert.equal(await isGood(server, exchanged), true)
  server.clock.advance(1)
  assert.equal(await isGood(server, exchanged), false)
  assert.equal(await server.stores.authorizations.find(authorization_id), undefined)
})

const exchange = async (server: TestServer, subject_token: string): Promise<string> =>
  (
    await server.token(
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        ...{ subject_token, scope: 'openid' },
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      },
      { client: ['exchanger', secret] },
    )
  ).json.access_token

test('tokens: claims of a client are in a user’s token only if the operator allows it', async () => {
  const tierOf = async (change: object) => {
    const claims = [{ type: 'tier', value: 'gold' }]
    const server = await createTestServer(withClients({ client_id: 'roclient', claims, ...change } as never))
    return claimsOf((await signIn(server, 'openid api1')).access_token).client_tier
  }
  assert.equal(await tierOf({}), undefined)
  assert.equal(await tierOf({ always_send_client_claims: true }), 'gold')
})

for (const [alg, digest] of [
  ['EdDSA', 'sha512'],
  ['PS256', 'sha256'],
] as const)
  test(`ID token: at_hash uses the hash of ${alg} [OpenID Connect Core 1.0 §3.1.3.6]`, async () => {
    const server = await createTestServer(
      withClients({ client_id: 'web', id_token_signed_response_alg: alg } as never),
    )
    const code = await issueCode(server)
    const { json } = await server.token(
      { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
      { client: ['web', secret] },
    )
    const whole = hash(digest, json.access_token, 'buffer')
    assert.equal(claimsOf(json.id_token).at_hash, whole.toString('base64url', 0, whole.length / 2))
  })

test('hooks: JSON of a hundred levels is accepted, and of one more is not', () => {
  const nested = (levels: number): unknown => (levels === 0 ? {} : { of: nested(levels - 1) })
  assert.deepEqual(jsonObject(nested(100), 'claims'), nested(100))
  assert.throws(() => jsonObject(nested(101), 'claims'), /at most 100 levels/)
})

test('hooks: a subject has at most 255 characters [OpenID Connect Core 1.0 §2]', () => {
  assert.equal(subject('x'.repeat(255), 'sub'), 'x'.repeat(255))
  for (const one of ['x'.repeat(256), '', 'é', 'a\n', 7])
    assert.throws(() => subject(one, 'sub'), /1 to 255 printable ASCII/)
})

test('par: the use of a request is recorded for as long as any page opened with it is valid', () => {
  const { expires_at } = usedAssertionOf({ hash: 'x' as never, since: 0 })
  const [lastBrowser, lastPage] = [3600, 3600]
  assert.ok(expires_at > lastBrowser + pushedRestartLifetime + lastPage)
})

test('par: client credentials are not stored with its request', async () => {
  const tenantStores = createMemoryTenantStores()
  const kept: number[] = []
  const pushedRequests = {
    ...tenantStores.main.pushedRequests,
    add: async (request: { readonly parameters: string }) => kept.push(request.parameters.length) > 0,
  }
  const server = await createTestServer(world, {
    tenantStores: { ...tenantStores, main: { ...tenantStores.main, pushedRequests } },
  })
  const asked = {
    ...{ client_id: 'web', response_type: 'code', redirect_uri: redirectUri, scope: 'openid' },
    ...{ code_challenge: challenge, code_challenge_method: 'S256' },
  }
  const push = (form: object, headers = {}) =>
    server.send('POST', '/connect/par', { form: { ...asked, ...form }, headers })
  assert.equal((await push({}, basic('web', secret))).status, 201)
  assert.equal((await push({ client_secret: secret })).status, 201)
  assert.equal(kept[1], kept[0])
})

test('exchange: a client with public identifiers does not learn which users a client with pairwise ones has [OpenID Connect Core 1.0 §8.1]', async () => {
  const server = await createTestServer(
    withClients({
      client_id: 'roclient',
      subject_type: 'pairwise',
      redirect_uris: ['https://pair.example/cb'],
    } as never),
  )
  const { access_token } = await signIn(server, 'openid api1')
  assert.notEqual(claimsOf(access_token).sub, '88421113')
  const type = 'urn:ietf:params:oauth:token-type:access_token'
  const answer = await server.token(
    {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      ...{ subject_token: access_token, subject_token_type: type, scope: 'api1' },
    },
    { client: ['exchanger', secret] },
  )
  assertRefused(answer, 'invalid_grant', 'extension_subject_of_another_sector')
})

test('refresh: every refresh of a sign-in returns an ID token, whatever the scope of the access token', async () => {
  const server = await createTestServer(world)
  const { refresh_token } = await signIn(server, 'openid api1 offline_access')
  const form = { grant_type: 'refresh_token', refresh_token, scope: 'api1' }
  const { json } = await server.token(form, { client: ['roclient', secret] })
  assert.equal(json.scope, 'api1')
  assert.equal(claimsOf(json.id_token).sub, '88421113')
})

test('scope: a request for one API without a scope gets only the scopes of that API [RFC 8707 §2]', () => {
  const api = (name: string, scope: string) =>
    [name, { name, scopes: [scope], claims: [], api_secrets: [] }] as const
  const resources = {
    identity: new Map([['openid', { name: 'openid', claims: ['sub'] }]]),
    apiScopes: new Map(['one', 'two', 'free'].map(name => [name, { name, claims: [] }])),
    apis: new Map([api('urn:one', 'one'), api('urn:two', 'two')]),
  }
  const client = { scope: new Set(['openid', 'one', 'two', 'free']), grant_types: new Set() } as never
  const scopeFor = (apis: readonly string[]) => {
    const granted = validateScope(undefined, { client, resources, kinds: userScopeKinds, apis })
    return granted.ok && granted.value.scope
  }
  assert.deepEqual(scopeFor(['urn:one']), ['one', 'openid'])
  assert.deepEqual(scopeFor(['urn:one', 'urn:two']), ['one', 'openid', 'two'])
  assert.deepEqual(scopeFor([]), ['free', 'one', 'openid', 'two'])
})

test('consent: a single requested claim adds only a scope that the client may have', () => {
  const resources = {
    identity: new Map(
      ['name', 'email'].map(claim => [`${claim}s`, { name: `${claim}s`, claims: [claim] }] as const),
    ),
    ...{ apiScopes: new Map(), apis: new Map() },
  }
  const client = { scope: new Set(['openid', 'names']) } as never
  const asked = (...claims: string[]) => claimScopes(client, resources, ['openid'], claims)
  assert.deepEqual(asked('name', 'email'), ['names', 'openid'])
  assert.deepEqual(asked('email'), ['openid'])
})

test('device: its tokens are bound to the certificate that it presents [RFC 8705 §3.4]', async () => {
  const server = await createTestServer({
    ...withClients({ client_id: 'device', tls_client_certificate_bound_access_tokens: true } as never),
    mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
  })
  const { json } = await redeemDevice(server, { scope: ['openid'] }, one)
  assert.deepEqual(claimsOf(json.access_token).cnf, { 'x5t#S256': thumbprintOf(one) })
})

test('password: a name of more than 256 characters is refused without a lookup', async () => {
  const server = await createTestServer(world)
  const ask = (length: number) =>
    server.token(
      { grant_type: 'password', username: 'x'.repeat(length), password: 'x', scope: 'api1' },
      { client: ['roclient', secret] },
    )
  assertRefused(await ask(256), 'invalid_grant', 'credentials_refused')
  assertRefused(await ask(257), 'invalid_grant', 'parameter_too_long')
})
