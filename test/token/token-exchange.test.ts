import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tokenExchange } from '../../packages/server/src/endpoints/token/grants/token-exchange.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { bearer } from '../support/registering.ts'
import { type Answer, basic, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessToken = 'urn:ietf:params:oauth:token-type:access_token'
const client = ['exchanger', secret] as const

const signIn = async (server: TestServer, scope = 'openid api1 api2 offline_access'): Promise<any> =>
  (
    await server.token(
      { grant_type: 'password', username: 'bob', password: 'bob', scope },
      { client: ['roclient', secret] },
    )
  ).json

const machine = async (server: TestServer): Promise<string> =>
  (await server.token({ grant_type: 'client_credentials' }, { client: ['client', secret] })).json.access_token

const exchange = (server: TestServer, form: Record<string, string | undefined>): Promise<Answer> =>
  server.token({ grant_type, subject_token_type: accessToken, ...form }, { client })

test('exchange: impersonation returns the user’s token for another client, never with more scope or lifetime', async () => {
  const server = await createTestServer(world)
  const { access_token } = await signIn(server)
  server.clock.advance(600)
  const { status, json } = await exchange(server, { subject_token: access_token })
  assert.equal(status, 200)
  assert.equal(json.issued_token_type, accessToken)
  assert.equal(json.token_type, 'Bearer')
  assert.equal(json.scope, 'api1 api2')
  assert.equal(json.expires_in, 3000)
  assert.equal(json.refresh_token, undefined)
  const claims = claimsOf(json.access_token)
  assert.equal(claims.sub, '88421113')
  assert.equal(claims.client_id, 'exchanger')
  assert.equal(claims.act, undefined)
  assert.deepEqual(claims.amr, ['pwd'])
})

test('exchange: delegation includes the actor, with earlier actors nested [RFC 8693 §4.1]', async () => {
  const server = await createTestServer(world)
  const { access_token } = await signIn(server)
  const actor = { actor_token: await machine(server), actor_token_type: accessToken }
  const first = await exchange(server, { subject_token: access_token, ...actor })
  assert.deepEqual(claimsOf(first.json.access_token).act, { sub: 'client', client_id: 'client' })
  const second = await exchange(server, {
    subject_token: first.json.access_token,
    actor_token: access_token,
    actor_token_type: accessToken,
  })
  assert.deepEqual(claimsOf(second.json.access_token).act, {
    sub: '88421113',
    client_id: 'roclient',
    act: { sub: 'client', client_id: 'client' },
  })
})

test('exchange: a scope beyond the subject token’s, or the client’s, is invalid_scope', async () => {
  const server = await createTestServer(world)
  const { access_token } = await signIn(server, 'openid api1 offline_access')
  for (const scope of ['api1 api2', 'other_api', 'openid', 'offline_access', 'unknown']) {
    assert.equal(
      (await exchange(server, { subject_token: access_token, scope })).json.error,
      'invalid_scope',
      scope,
    )
  }
  assert.equal((await exchange(server, { subject_token: access_token, scope: 'api1' })).json.scope, 'api1')
})

test('exchange: audience and resource limit the token; one outside the scope is invalid_target', async () => {
  const server = await createTestServer(world)
  const subject_token = await machine(server)
  const { json } = await exchange(server, { subject_token, audience: 'urn:other' })
  assert.equal(claimsOf(json.access_token).aud, 'urn:other')
  assert.equal(json.scope, 'other_api')
  assert.equal(
    (await exchange(server, { subject_token, audience: 'urn:nothing' })).json.error,
    'invalid_target',
  )
  assert.equal(
    (await exchange(server, { subject_token, resource: 'urn:nothing' })).json.error,
    'invalid_target',
  )
})

for (const [what, form, reason] of [
  ['no subject_token', { subject_token: undefined }, 'parameter_missing'],
  ['garbage', { subject_token: 'garbage' }, 'subject_token_invalid'],
  [
    'an unknown type',
    { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
    'subject_token_type_unsupported',
  ],
  ['no type', { subject_token_type: undefined }, 'parameter_missing'],
  ['an actor type without an actor', { actor_token_type: accessToken }, 'actor_token_missing'],
  ['an invalid actor', { actor_token: 'garbage', actor_token_type: accessToken }, 'actor_token_invalid'],
  ['an actor without a type', { actor_token: 'garbage' }, 'actor_token_type_unsupported'],
  [
    'a type that is not issued',
    { requested_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
    'requested_token_type_unsupported',
  ],
] as const) {
  test(`exchange: ${what} is invalid_request [RFC 8693 §2.2.2]`, async () => {
    const server = await createTestServer(world)
    const { access_token } = await signIn(server)
    const answer = await exchange(server, { subject_token: access_token, ...form })
    assert.equal(answer.status, 400)
    assertRefused(answer, 'invalid_request', reason)
  })
}

test('exchange: expired and revoked subject tokens are refused, and derived tokens are revoked with the sign-in', async () => {
  const server = await createTestServer(world)
  const { access_token, refresh_token } = await signIn(server)
  const { json } = await exchange(server, { subject_token: access_token })
  const active = async () =>
    (
      await server.send('POST', '/connect/introspect', {
        form: { token: json.access_token, client_id: 'exchanger', client_secret: secret },
      })
    ).json.active
  assert.equal(await active(), true)
  await server.send('POST', '/connect/revocation', {
    form: { token: refresh_token, client_id: 'roclient', client_secret: secret },
  })
  assert.equal(await active(), false)
  assertRefused(
    await exchange(server, { subject_token: access_token }),
    'invalid_request',
    'subject_token_invalid',
  )

  const another = await signIn(server)
  server.clock.advance(3600)
  assertRefused(
    await exchange(server, { subject_token: another.access_token }),
    'invalid_request',
    'subject_token_invalid',
  )
})

test('exchange: a client without the grant is unauthorized_client; a public interface policy may refuse', async () => {
  const server = await createTestServer(world)
  const { access_token } = await signIn(server)
  const form = { grant_type, subject_token: access_token, subject_token_type: accessToken }
  assert.equal((await server.token(form, { client: ['roclient', secret] })).json.error, 'unauthorized_client')

  const strict = await createTestServer({
    ...world,
    grants: [
      tokenExchange({ policy: ({ subject, request }) => subject.client_id === request.client.client_id }),
    ],
  })
  const refused = await exchange(strict, { subject_token: (await signIn(strict)).access_token })
  assertRefused(refused, 'invalid_request', 'exchange_refused_by_policy')
})

test('exchange: reference tokens may be exchanged for JWTs and vice versa', async () => {
  const server = await createTestServer(
    withClients({ client_id: 'roclient', access_token_type: 'reference' } as never),
  )
  const { access_token } = await signIn(server)
  assert.match(access_token, /^ta_/)
  const { json } = await exchange(server, {
    subject_token: access_token,
    requested_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  })
  assert.equal(json.issued_token_type, 'urn:ietf:params:oauth:token-type:jwt')
  assert.equal(claimsOf(json.access_token).sub, '88421113')
})

test('exchange: a validator can’t change the issued token type [RFC 8693 §2.2.1]', async () => {
  const members = { issued_token_type: 'forged', custom: 'custom' }
  const validators = { tokenRequest: () => ({ ok: true, members }) }
  const server = await createTestServer({ ...world, validators })
  const { json } = await exchange(server, { subject_token: await machine(server) })
  assert.equal(json.issued_token_type, accessToken)
  assert.equal(json.custom, 'custom')
})

test('exchange: a token for one of two APIs that share a scope can’t become one for the other [RFC 8707 §2]', async () => {
  const second = { name: 'urn:second', scopes: ['api1'] }
  const server = await createTestServer({ ...world, api_resources: [...world.api_resources, second] })
  const form = {
    grant_type: 'password',
    username: 'bob',
    password: 'bob',
    scope: 'api1',
    resource: 'urn:api',
  }
  const subject_token = (await server.token(form, { client: ['roclient', secret] })).json.access_token
  const { json } = await exchange(server, { subject_token })
  assert.equal(claimsOf(json.access_token).aud, 'urn:api')
  for (const where of ['resource', 'audience'])
    assertRefused(
      await exchange(server, { subject_token, [where]: 'urn:second' }),
      'invalid_target',
      'resource_outside_scope',
    )
})

test('exchange: UserInfo returns to the other client no claim that only the first one requested [OpenID Connect Core 1.0 §5.5]', async () => {
  const server = await createTestServer(
    withClients(
      { client_id: 'exchanger', scope: 'openid email api1' } as never,
      { client_id: 'web', scope: 'openid email api1' } as never,
    ),
  )
  const requested_claims = { userinfo: { email: {} } }
  const code = await issueCode(server, { scope: ['api1', 'openid'], requested_claims })
  const { json } = await server.token(
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
    { client: ['web', secret] },
  )
  const exchanged = await exchange(server, { subject_token: json.access_token, scope: 'openid' })
  const told = async (token: string) =>
    (await server.send('GET', '/connect/userinfo', { headers: bearer(token) })).json
  assert.deepEqual(await told(json.access_token), { sub: '88421113', email: 'bob@example.com' })
  assert.deepEqual(await told(exchanged.json.access_token), { sub: '88421113' })
})

for (const allows of ['yes', 1, {}, undefined])
  test(`exchange: a policy that returns ${JSON.stringify(allows)} does not allow it, and is named in the log`, async () => {
    const policy = (() => allows) as () => boolean
    const server = await createTestServer({ ...world, grants: [tokenExchange({ policy })] })
    const refused = await exchange(server, { subject_token: await machine(server) })
    assertRefused(refused, 'invalid_grant', 'extension_grant_threw')
    const told = server.logged.findLast(({ event }) => event === 'refused')
    assert.match(String(told?.problem), /tokenExchange\.policy is a value of type/)
  })

test('exchange: a client’s own token keeps its subject at other clients, over any number of exchanges, and ends with it [RFC 8693 §2.1]', async () => {
  for (const [access_token_type, subject_type] of [
    ['jwt', 'public'],
    ['reference', 'pairwise'],
  ] as const) {
    const redirect_uris = ['https://exchanger.example/cb']
    const changes = { client_id: 'exchanger', access_token_type, subject_type, redirect_uris }
    const server = await createTestServer(withClients(changes as never))
    const own = await machine(server)
    let token = own
    for (const _ of [1, 2]) {
      const { status, json, body } = await exchange(server, { subject_token: token })
      assert.equal(status, 200, body)
      token = json.access_token
      const headers = basic('exchanger', secret)
      const described = await server.send('POST', '/connect/introspect', { form: { token }, headers })
      const { active, sub, client_id, auth_time, authorization_id } = described.json
      assert.deepEqual([active, sub, client_id], [true, 'client', 'exchanger'])
      assert.deepEqual([auth_time, authorization_id], [undefined, undefined])
    }
    // An actor is named beside the subject (RFC 8693 §4.1).
    const actor = { actor_token: (await signIn(server)).access_token, actor_token_type: accessToken }
    const acted = await exchange(server, { subject_token: own, ...actor })
    if (subject_type === 'public') {
      const { sub, act } = claimsOf(acted.json.access_token)
      assert.deepEqual([sub, act.sub], ['client', '88421113'])
    } else assertRefused(acted, 'invalid_grant', 'extension_subject_of_another_sector')
    await server.revokeClient('client')
    assertRefused(
      await exchange(server, { subject_token: token }),
      'invalid_request',
      'subject_token_invalid',
    )
  }
})

test('exchange: earlier actors remain if there is no new one [RFC 8693 §4.1]', async () => {
  const server = await createTestServer(world)
  const { access_token } = await signIn(server)
  const actor = { actor_token: await machine(server), actor_token_type: accessToken }
  const delegated = (await exchange(server, { subject_token: access_token, ...actor })).json.access_token
  const again = (await exchange(server, { subject_token: delegated })).json.access_token
  assert.equal(claimsOf(again).act.client_id, 'client')
  assert.deepEqual(claimsOf(again).act, claimsOf(delegated).act)
})
