/** Attacks by token exchange (RFC 8693): outliving a revocation, losing a binding, crossing tenants and sectors. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jwkOfOne, one, two } from '../support/certificates.ts'
import { assertRefused } from '../support/refused.ts'
import { beginShared } from '../support/storage.ts'
import { type Answer, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessToken = 'urn:ietf:params:oauth:token-type:access_token'
const jwt = 'urn:ietf:params:oauth:token-type:jwt'

type Form = Record<string, string | undefined>

const exchange = (server: TestServer, form: Form, id = 'exchanger'): Promise<Answer> =>
  server.token({ grant_type, subject_token_type: accessToken, ...form }, { client: [id, secret] })

const signIn = async (server: TestServer, form: Form = {}, id = 'roclient'): Promise<any> => {
  const { status, json, body } = await server.token(
    {
      grant_type: 'password',
      username: 'bob',
      password: 'bob',
      scope: 'openid api1 offline_access',
      ...form,
    },
    { client: [id, secret] },
  )
  assert.equal(status, 200, body)
  return json
}

const machine = async (server: TestServer, id = 'client'): Promise<string> =>
  (await server.token({ grant_type: 'client_credentials' }, { client: [id, secret] })).json.access_token

const revoke = (server: TestServer, token: string, id = 'roclient'): Promise<Answer> =>
  server.send('POST', '/connect/revocation', { form: { token, client_id: id, client_secret: secret } })

/**
 * Whether introspection by the API and the client reports the token active, and whether it can be exchanged again: all
 * three agree.
 */
async function isGood(server: TestServer, token: string, id = 'exchanger'): Promise<boolean> {
  const introspect = async (client_id: string, client_secret: string): Promise<boolean> =>
    (await server.send('POST', '/connect/introspect', { form: { token, client_id, client_secret } })).json
      .active
  const answers = [
    await introspect(id, secret),
    await introspect('urn:api', 'api-secret'),
    (await exchange(server, { subject_token: token })).status === 200,
  ]
  assert.equal(new Set(answers).size, 1, `${answers}`)
  return answers[0] as boolean
}

const isActiveAt = async (server: TestServer, token: string): Promise<boolean> => {
  const form = { token, client_id: 'urn:api', client_secret: 'api-secret' }
  return (await server.send('POST', '/connect/introspect', { form })).json.active
}

/** Another client that exchanges tokens. */
const second = {
  client_id: 'second',
  client_secrets: [{ value: secret }],
  grant_types: [grant_type],
  scope: 'api1',
}

for (const kind of ['jwt', 'reference'] as const)
  for (const issued of ['jwt', 'reference'] as const) {
    const changed = withClients(
      { client_id: 'roclient', access_token_type: kind } as never,
      { client_id: 'client', access_token_type: kind } as never,
      { client_id: 'exchanger', access_token_type: issued } as never,
    )

    test(`exchange: a ${issued} token is revoked with the ${kind} token it derives from, over any number of exchanges [RFC 7009 §2.1]`, async () => {
      const server = await createTestServer(changed)
      const { access_token } = await signIn(server)
      const first = (await exchange(server, { subject_token: access_token })).json.access_token
      const second = (await exchange(server, { subject_token: first })).json.access_token
      const other = await signIn(server)
      const neighbour = (await exchange(server, { subject_token: other.access_token })).json.access_token
      assert.equal(await isGood(server, second), true)
      await revoke(server, access_token)
      assert.equal(await isGood(server, first), false)
      assert.equal(await isGood(server, second), false)
      assert.equal((await exchange(server, { subject_token: second })).json.error, 'invalid_request')
      assert.equal(server.reason(), 'subject_token_invalid')
      assert.equal(await isGood(server, neighbour), true)
    })

    test(`exchange: a ${issued} token is revoked with a client’s own ${kind} token, which has no sign-in`, async () => {
      const server = await createTestServer(changed)
      const subject_token = await machine(server)
      const { json } = await exchange(server, { subject_token, scope: 'api1' })
      assert.equal(await isGood(server, json.access_token), true)
      await revoke(server, subject_token, 'client')
      assert.equal(await isGood(server, json.access_token), false)
    })

    test(`exchange: revoking a token that a ${kind} token was exchanged for revokes only that token`, async () => {
      const server = await createTestServer(changed)
      const { access_token } = await signIn(server)
      const { json } = await exchange(server, { subject_token: access_token })
      await revoke(server, json.access_token, 'exchanger')
      assert.equal(await isGood(server, json.access_token), false)
      assert.equal(await isGood(server, access_token, 'roclient'), true)
    })
  }

test('exchange: a derived token is revoked with its user and with the client that the user authorized', async () => {
  const server = await createTestServer(world)
  const { access_token } = await signIn(server)
  const { json } = await exchange(server, { subject_token: access_token })
  assert.equal(await isGood(server, json.access_token), true)
  await server.reconfigure(withClients({ client_id: 'roclient', enabled: false } as never))
  assert.equal(await isGood(server, json.access_token), false)
  await server.reconfigure(world)
  assert.equal(await isGood(server, json.access_token), true)
  await server.reconfigure({
    ...world,
    users: world.users.map(user => ({ ...user, active: user.sub !== '88421113' })),
  })
  const { json: told } = await server.send('POST', '/connect/introspect', {
    form: { token: json.access_token, client_id: 'exchanger', client_secret: secret },
  })
  assert.equal(told.active, false)
})

for (const [how, end] of [
  ['revoked', (server: TestServer, id: string) => server.revokeClient(id)],
  [
    'disabled',
    (server: TestServer, id: string) =>
      server.reconfigure(withClients(second, { client_id: id, enabled: false } as never)),
  ],
] as const)
  test(`exchange: a token ends when a client is ${how} that had a token which it derives from`, async () => {
    // Of the client itself, which has no authorization, and of one between the user and the holder.
    for (const id of ['client', 'exchanger']) {
      const server = await createTestServer(withClients(second))
      const origin = id === 'client' ? await machine(server) : (await signIn(server)).access_token
      const between = (await exchange(server, { subject_token: origin, scope: 'api1' })).json.access_token
      const { json } = await exchange(server, { subject_token: between }, 'second')
      assert.equal(await isActiveAt(server, json.access_token), true)
      await end(server, id)
      assert.equal(await isActiveAt(server, json.access_token), false)
    }
  })

test('exchange: a revocation on one node takes effect on the others', async () => {
  const { open } = await beginShared()
  const [here, there] = [
    await createTestServer(world, { tenantStores: await open() }),
    await createTestServer(world, { tenantStores: await open() }),
  ]
  const { access_token } = await signIn(here)
  const { json } = await exchange(there, { subject_token: access_token })
  await revoke(here, access_token)
  assert.equal(await isGood(there, json.access_token), false)
})

test('exchange: the length of a chain of exchanges is limited', async () => {
  const server = await createTestServer(world)
  let token = (await signIn(server)).access_token
  let length = 0
  for (;;) {
    const answer = await exchange(server, { subject_token: token })
    if (answer.status !== 200) {
      assertRefused(answer, 'invalid_request', 'extension_chain_too_long')
      break
    }
    token = answer.json.access_token
    assert.ok(++length <= 16)
  }
  assert.equal(length, 16)
  assert.equal(claimsOf(token).derived_from.length, 16)
  assert.deepEqual(claimsOf(token).derived_from_clients, ['roclient', 'exchanger'])
})

test('exchange: a client limited to reference tokens can’t get a JWT by requesting one [RFC 8693 §2.1]', async () => {
  const server = await createTestServer(
    withClients({ client_id: 'exchanger', access_token_type: 'reference' } as never),
  )
  const { access_token } = await signIn(server)
  const refused = await exchange(server, { subject_token: access_token, requested_token_type: jwt })
  assert.equal(refused.json.error, 'invalid_request')
  assert.equal(server.reason(), 'access_token_type_not_allowed')
  const { json } = await exchange(server, { subject_token: access_token })
  assert.match(json.access_token, /^ta_/)
})

const mtls = { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] }
const bound = {
  client_id: 'bound',
  token_endpoint_auth_method: 'self_signed_tls_client_auth',
  jwks: { keys: [{ ...jwkOfOne, x5c: [one] }] },
  grant_types: ['client_credentials'],
  scope: 'api1',
}
const holder = {
  client_id: 'holder',
  token_endpoint_auth_method: 'self_signed_tls_client_auth',
  jwks: {
    keys: [
      { ...jwkOfOne, x5c: [one] },
      { ...jwkOfOne, kid: 'two', x5c: [two] },
    ],
  },
  grant_types: [grant_type],
  scope: 'api1',
}

test('exchange: a certificate-bound subject or actor token requires its certificate [RFC 8705 §3]', async () => {
  const server = await createTestServer({ ...withClients(bound, holder), mtls })
  const { json } = await server.token(
    { grant_type: 'client_credentials', client_id: 'bound' },
    { certificate: one },
  )
  const token = json.access_token
  assert.ok(claimsOf(token).cnf['x5t#S256'])
  const { access_token: unbound } = await signIn(server)
  const asSubject = { subject_token: token }
  const asActor = { subject_token: unbound, actor_token: token, actor_token_type: accessToken }
  for (const [role, form] of [
    ['subject', asSubject],
    ['actor', asActor],
  ] as const) {
    const reason = `${role}_token_bound_to_another_key`
    const without = await exchange(server, form)
    assert.equal(without.json.error, 'invalid_request')
    assert.equal(server.reason(), reason)
    const whole = { grant_type, subject_token_type: accessToken, client_id: 'holder', ...form }
    const other = await server.token(whole, { certificate: two })
    assert.equal(other.json.error, 'invalid_request')
    assert.equal(server.reason(), reason)
    const { status, json } = await server.token(whole, { certificate: one })
    assert.equal(status, 200)
    assert.deepEqual(claimsOf(json.access_token).cnf, claimsOf(token).cnf)
  }
})

test('exchange: never returns a refresh token, even to a client that may have offline_access', async () => {
  const server = await createTestServer(
    withClients({
      client_id: 'exchanger',
      grant_types: [grant_type, 'refresh_token'],
      scope: 'openid api1 offline_access',
    } as never),
  )
  const { access_token } = await signIn(server)
  const { json } = await exchange(server, { subject_token: access_token, scope: 'api1 offline_access' })
  assert.equal(json.error, 'invalid_scope')
  assert.equal(server.reason(), 'scope_offline_access_not_derivable')
  const without = await exchange(server, { subject_token: access_token })
  assert.equal(without.json.refresh_token, undefined)
  assert.equal(without.json.scope, 'api1')
})

test('exchange: a client of one tenant never gets a token about a user of another, whichever client it is issued to', async () => {
  const target = {
    client_id: 'target',
    client_secrets: [{ value: secret }],
    grant_types: ['client_credentials'],
    scope: 'api1',
  }
  const asking = { ...target, client_id: 'asking', grant_types: ['for-another'] }
  const forAnother = (client_id: string) => ({
    grantType: 'for-another',
    parameters: {},
    decide: () => ({ ok: true, subject: { sub: '3' }, client_id }) as const,
  })
  const attempt = async (of: object, to: object) => {
    const server = await createTestServer({
      ...withClients({ ...asking, ...of }, { ...target, ...to }),
      grants: [forAnother('target')],
    })
    return { ...(await server.token({ grant_type: 'for-another' }, { client: ['asking', secret] })), server }
  }
  assert.equal((await attempt({ tenants: ['acme'] }, { tenants: ['acme'] })).status, 200)
  for (const [of, to] of [
    [{ tenants: ['globex'] }, {}],
    [{}, { tenants: ['globex'] }],
  ] as const) {
    const { json, server } = await attempt(of, to)
    assert.equal(json.error, 'invalid_grant')
    assert.equal(server.reason(), 'user_of_another_tenant')
  }
})

test('exchange: an actor of one tenant does not act at a client of another', async () => {
  const attempt = async (changes: object) => {
    const server = await createTestServer(withClients({ client_id: 'exchanger', ...changes }))
    const carol = { username: 'carol', password: 'carol', acr_values: 'tenant:acme' }
    const [{ access_token: subject_token }, { access_token: actor_token }] = [
      await signIn(server),
      await signIn(server, carol),
    ]
    return exchange(server, { subject_token, actor_token, actor_token_type: accessToken })
  }
  for (const tenants of [[], ['acme']]) {
    const { status, json, body } = await attempt({ tenants })
    assert.equal(status, 200, body)
    assert.equal(claimsOf(json.access_token).act.client_id, 'roclient')
  }
  assertRefused(await attempt({ tenants: ['globex'] }), 'invalid_grant', 'user_of_another_tenant')
})

const inSector = (client_id: string, sector: string, changes: object = {}) => ({
  client_id,
  client_secrets: [{ value: secret }],
  grant_types: ['password', 'client_credentials', grant_type],
  redirect_uris: [`https://${sector}.example/cb`],
  subject_type: sector === 'public' ? 'public' : 'pairwise',
  scope: 'openid api1',
  ...changes,
})
const sectors = withClients(
  inSector('public', 'public'),
  inSector('east', 'one', { access_token_type: 'reference' }),
  inSector('west', 'one'),
  inSector('other', 'two'),
)
const asUser = { scope: 'openid api1' }

test('exchange: `act` contains a pairwise actor’s sub as its own client got it [RFC 8693 §4.1, OpenID Connect Core 1.0 §8.1]', async () => {
  const server = await createTestServer(sectors)
  const { access_token: subject_token } = await signIn(server, asUser, 'west')
  const actor = await signIn(server, asUser, 'west')
  const { sub } = claimsOf(actor.access_token)
  assert.notEqual(sub, '88421113')
  const form = { subject_token, actor_token: actor.access_token, actor_token_type: accessToken }
  const { status, json, body } = await exchange(server, form, 'west')
  assert.equal(status, 200, body)
  assert.deepEqual(claimsOf(json.access_token).act, { sub, client_id: 'west' })
  // Another client of the sector knows the same identifier.
  assert.equal((await exchange(server, form, 'east')).status, 200)
})

test('exchange: `act` reveals no user to a client of another sector [OpenID Connect Core 1.0 §8.1]', async () => {
  const server = await createTestServer(sectors)
  const ids = ['public', 'east', 'west', 'other']
  const sectorOf: Record<string, string> = { public: 'public', east: 'one', west: 'one', other: 'two' }
  for (const to of ids)
    for (const from of ids) {
      const own = (await signIn(server, asUser, to)).access_token
      const actor_token = (await signIn(server, asUser, from)).access_token
      const answer = await exchange(
        server,
        { subject_token: own, actor_token, actor_token_type: accessToken },
        to,
      )
      if (sectorOf[to] === sectorOf[from])
        assert.equal(answer.status, 200, `${from} at ${to}: ${answer.body}`)
      else assertRefused(answer, 'invalid_grant', 'extension_subject_of_another_sector', `${from} at ${to}`)
    }
})

test('exchange: an earlier `act` reveals no user to a client of another sector either', async () => {
  const server = await createTestServer(sectors)
  const acting = async (actor_token: string) => {
    const form = { subject_token: await machine(server, 'west'), actor_token, actor_token_type: accessToken }
    const { status, json, body } = await exchange(server, form, 'west')
    assert.equal(status, 200, body)
    return json.access_token
  }
  const byUser = await acting((await signIn(server, asUser, 'west')).access_token)
  assert.equal((await exchange(server, { subject_token: byUser }, 'east')).status, 200)
  for (const id of ['public', 'other']) {
    const refused = await exchange(server, { subject_token: byUser }, id)
    assertRefused(refused, 'invalid_grant', 'extension_subject_of_another_sector', id)
  }
  // The id of a client is the same everywhere.
  const byClient = await acting(await machine(server, 'west'))
  assert.equal((await exchange(server, { subject_token: byClient }, 'public')).status, 200)
})

test('exchange: a provider’s user keeps the claims of the sign-in, over any number of exchanges', async () => {
  const claims = { role: 'clerk', email: 's@x.example', given: 'yes' }
  const check = () => ({ ok: true, sub: 'staff-sam', claims }) as const
  const server = await createTestServer({
    ...world,
    api_scopes: world.api_scopes.map(scope => ({ ...scope, claims: ['role', 'email'] })),
    identity_providers: [{ name: 'staff', type: 'directory', credentialAuthority: { check } }],
  })
  const { access_token } = await signIn(server, { acr_values: 'idp:staff' })
  let token = access_token
  for (const _ of [1, 2]) {
    const { status, json, body } = await exchange(server, { subject_token: token })
    assert.equal(status, 200, body)
    token = json.access_token
    const { role, email, given, idp } = claimsOf(token)
    assert.deepEqual(
      { role, email, given, idp },
      { role: 'clerk', email: 's@x.example', given: undefined, idp: 'staff' },
    )
  }
})

test('exchange: a grant of an operator issues nothing for a token whose user was moved to another tenant', async () => {
  const reuse = {
    grantType: 'reuse',
    parameters: { token: { required: true } },
    async decide({ parameters }: any, { verifyAccessToken }: any) {
      const token = await verifyAccessToken(parameters.get('token'))
      assert.equal(token?.authorization, undefined)
      return token ? { ok: true, subject: { sub: token.sub } } : { ok: false }
    },
  } as const
  const configured = {
    ...withClients({ client_id: 'exchanger', grant_types: ['reuse'] } as never),
    grants: [reuse],
  }
  const server = await createTestServer(configured)
  const carol = { username: 'carol', password: 'carol', acr_values: 'tenant:acme' }
  const { access_token: token } = await signIn(server, carol)
  const ask = () =>
    server.token({ grant_type: 'reuse', token, scope: 'api1' }, { client: ['exchanger', secret] })
  const before = await ask()
  assert.equal(before.status, 200, before.body)
  const users = configured.users.map(user => ({
    ...user,
    ...(user.username === 'carol' && { tenant: 'globex' }),
  }))
  await server.reconfigure({ ...configured, users })
  assertRefused(await ask(), 'invalid_grant', 'user_inactive')
})

test('exchange: the authorization of a token is read once', async () => {
  const server = await createTestServer(world)
  const { access_token } = await signIn(server)
  const { authorizations } = server.stores
  const { find } = authorizations
  let reads = 0
  Object.assign(authorizations, {
    find: (id: never) => {
      reads += 1
      return find(id)
    },
  })
  assert.equal((await exchange(server, { subject_token: access_token })).status, 200)
  assert.equal(reads, 1)
})
