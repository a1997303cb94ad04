import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused } from '../support/refused.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const client = ['roclient', secret] as const
const bob = { grant_type: 'password', username: 'bob', password: 'bob' }

test('password: returns tokens of the user, without an ID token [token-ro-001] [token-ro-005]', async () => {
  const server = await createTestServer(world)
  const { status, json } = await server.token({ ...bob, scope: 'openid email api1' }, { client })
  assert.equal(status, 200)
  assert.equal(json.scope, 'api1 email openid')
  assert.equal(json.id_token, undefined)
  assert.equal(json.refresh_token, undefined)
  const claims = claimsOf(json.access_token)
  assert.equal(claims.sub, '88421113')
  assert.equal(claims.idp, 'local')
  assert.deepEqual(claims.amr, ['pwd'])
  assert.equal(claims.auth_time, server.clock.now())
  assert.deepEqual(claims.role, ['admin', 'geek'])
  assert.equal(claims.email, undefined)
  assert.equal(claims.client_tier, undefined)
})

test('password: offline_access returns a refresh token [token-ro-006]', async () => {
  const server = await createTestServer(world)
  const { json } = await server.token({ ...bob, scope: 'openid email api1 offline_access' }, { client })
  assert.match(json.refresh_token, /^tr_[\w-]{76}$/)
  assert.equal(claimsOf(json.access_token).scope, 'api1 email offline_access openid')
})

test('password: without a scope, all that the client is allowed is granted, with offline_access if it may refresh', async () => {
  const server = await createTestServer(world)
  const all = await server.token(bob, { client })
  assert.equal(all.json.scope, 'api1 api2 email offline_access openid profile roles')
  const without = await server.token(bob, { client: ['onlypassword', secret] })
  assert.equal(without.json.scope, 'api1 openid')
  assert.equal(without.json.refresh_token, undefined)
  const asked = await server.token(
    { ...bob, scope: 'api1 offline_access' },
    { client: ['onlypassword', secret] },
  )
  assert.equal(asked.json.scope, 'api1')
  assert.equal(asked.json.refresh_token, undefined)
})

for (const [what, username, password, reason] of [
  ['an unknown user [token-ro-007]', 'unknown', 'bob', 'credentials_refused'],
  ['a wrong password [token-ro-018]', 'bob', 'notbob', 'credentials_refused'],
  ['a user who is not active [token-ro-021]', 'ina', 'ina', 'user_inactive'],
  ['a user of a tenant that was not named', 'carol', 'carol', 'credentials_refused'],
  ['a user without a password', 'nopass', 'x', 'credentials_refused'],
] as const) {
  test(`password: ${what} is invalid_grant with one description for all`, async () => {
    const server = await createTestServer(world)
    const answer = await server.token({ ...bob, username, password, scope: 'api1' }, { client })
    assert.equal(answer.status, 400)
    assertRefused(answer, 'invalid_grant', reason)
    assert.equal(answer.json.error_description, 'invalid_username_or_password')
    assert.equal(Object.keys(answer.json).length, 2)
  })
}

test('password: overlong names and passwords are invalid_grant [token-ro-023]', async () => {
  const server = await createTestServer(world)
  for (const [long, reason] of [
    [{ username: 'x'.repeat(101) }, 'credentials_refused'],
    [{ password: 'x'.repeat(101) }, 'credentials_refused'],
    [{ password: 'x'.repeat(600) }, 'parameter_too_long'],
  ] as const) {
    assertRefused(await server.token({ ...bob, ...long }, { client }), 'invalid_grant', reason)
  }
})

test('password: username and password are required [RFC 6749 §4.3.2]', async () => {
  const server = await createTestServer(world)
  for (const [missing, reason] of [
    [{ username: undefined }, 'username_missing'],
    [{ password: undefined }, 'password_missing'],
    [{ username: '', password: '' }, 'username_missing'],
  ] as const) {
    const answer = await server.token({ ...bob, ...missing }, { client })
    assert.equal(answer.status, 400)
    assertRefused(answer, 'invalid_request', reason)
  }
})

for (const [row, id, scope] of [
  ['unknown [token-ro-012]', 'roclient', 'unknown'],
  ['not allowed [token-ro-014]', 'roclient', 'api3'],
  ['partly not allowed [token-ro-015]', 'roclient', 'api1 api3'],
  ['omitted by a client without scopes [token-ro-011]', 'empty', undefined],
  ['of identity without openid', 'roclient', 'email api1'],
] as const) {
  test(`password: a scope that is ${row} is invalid_scope`, async () => {
    const server = await createTestServer(world)
    const { json } = await server.token({ ...bob, scope }, { client: [id, secret] })
    assert.equal(json.error, 'invalid_scope')
  })
}

test('password: a client without the grant is unauthorized_client [token-ro-010]', async () => {
  const server = await createTestServer(world)
  const { json } = await server.token(bob, { client: ['client', secret] })
  assert.equal(json.error, 'unauthorized_client')
})

test('password: if no password can be checked, the grant is unsupported_grant_type [token-ro-020]', async () => {
  const server = await createTestServer({ ...world, users: [] })
  const { status, json } = await server.token(bob, { client })
  assert.equal(status, 400)
  const error_description = 'This server does not support this grant_type'
  assert.deepEqual(json, { error: 'unsupported_grant_type', error_description })
})

test('tenant: the user is looked up in the named tenant, and the tenant claim is the user’s own', async () => {
  const server = await createTestServer(world)
  const carol = { ...bob, username: 'carol', password: 'carol', scope: 'api1' }
  const { json } = await server.token({ ...carol, acr_values: 'tenant:acme' }, { client })
  assert.equal(claimsOf(json.access_token).tenant, 'acme')
  assertRefused(
    await server.token({ ...carol, acr_values: 'tenant:globex' }, { client }),
    'invalid_grant',
    'credentials_refused',
  )
  for (const [acr_values, reason] of [
    ['tenant:nowhere', 'tenant_not_allowed'],
    ['tenant:acme tenant:globex', 'acr_values_tenant_malformed'],
    ['tenant:', 'acr_values_tenant_malformed'],
  ] as const)
    assertRefused(await server.token({ ...carol, acr_values }, { client }), 'invalid_request', reason)
  assertRefused(
    await server.token({ ...bob, acr_values: 'tenant:acme' }, { client }),
    'invalid_grant',
    'credentials_refused',
  )
})

test('tenant: a client may name only its own', async () => {
  const server = await createTestServer(withClients({ client_id: 'roclient', tenants: ['globex'] } as never))
  const form = { ...bob, username: 'carol', password: 'carol', scope: 'api1', acr_values: 'tenant:acme' }
  assertRefused(await server.token(form, { client }), 'invalid_request', 'tenant_not_allowed')
})

const directory = {
  name: 'corp',
  type: 'module',
  credentialAuthority: {
    check: ({ username, password, tenant, acr_values }: Record<string, string>) =>
      username === 'dora' && password === 'open sesame'
        ? { ok: true, sub: 'corp-dora', claims: { role: 'clerk', seen: `${tenant ?? '-'} ${acr_values}` } }
        : { ok: false, description: 'corp says no' },
  },
}
const upstream = {
  name: 'google',
  type: 'oidc',
  issuer: 'https://up.example',
  client_id: 'x',
  client_secret: 'y',
}
const withProviders = { ...world, identity_providers: [directory, upstream] }
const dora = { grant_type: 'password', username: 'dora', password: 'open sesame', scope: 'api1' }

test('idp: the named provider checks the password [token-ro-025]', async () => {
  const server = await createTestServer(withProviders)
  const { json } = await server.token({ ...dora, acr_values: 'idp:corp urn:level:1' }, { client })
  const claims = claimsOf(json.access_token)
  assert.equal(claims.sub, 'corp-dora')
  assert.equal(claims.idp, 'corp')
  assert.equal(claims.role, 'clerk')
  const wrong = await server.token({ ...dora, password: 'x', acr_values: 'idp:corp' }, { client })
  assertRefused(wrong, 'invalid_grant', 'credentials_refused')
  assert.equal(wrong.json.error_description, 'corp says no')
})

for (const [acr_values, why, reason] of [
  ['idp:nobody', 'is unknown', 'provider_not_allowed'],
  ['idp:google', 'checks no passwords', 'provider_without_passwords'],
  ['idp:corp idp:google', 'is named twice', 'acr_values_idp_malformed'],
] as const) {
  test(`idp: a provider that ${why} is invalid_request`, async () => {
    const server = await createTestServer(withProviders)
    assertRefused(await server.token({ ...dora, acr_values }, { client }), 'invalid_request', reason)
  })
}

test('idp: a provider that the client may not use is refused', async () => {
  const restricted = withClients({
    client_id: 'roclient',
    identity_provider_restrictions: ['google'],
  } as never)
  const server = await createTestServer({ ...restricted, identity_providers: [directory, upstream] })
  assertRefused(
    await server.token({ ...dora, acr_values: 'idp:corp' }, { client }),
    'invalid_request',
    'provider_not_allowed',
  )
})

test('password: enable_local_login false refuses local passwords', async () => {
  const server = await createTestServer(
    withClients({ client_id: 'roclient', enable_local_login: false } as never),
  )
  const { json, reason } = await server.token({ ...bob, scope: 'api1' }, { client })
  assertRefused({ json, reason }, 'invalid_grant', 'local_login_disabled')
})

test('validators.password: its error, description and members are returned to the client [token-ro-022] [token-ro-026] [token-ro-027]', async () => {
  const members = {
    string_value: 'some_string',
    int_value: 42,
    dto: { string_value: 'dto_string' },
    access_token: 'forged',
  }
  const server = await createTestServer({
    ...world,
    validators: {
      password: {
        check: ({ username }: { username: string }) =>
          username === 'rob'
            ? { ok: true, sub: '88421113', amr: ['otp'], members }
            : { ok: false, error: 'invalid_grant', description: 'custom error description', members },
      },
    },
  })
  const good = await server.token(
    { ...bob, username: 'rob', password: 'anything', scope: 'api1' },
    { client },
  )
  assert.equal(good.status, 200)
  assert.deepEqual(good.json.dto, { string_value: 'dto_string' })
  assert.equal(good.json.int_value, 42)
  assert.notEqual(good.json.access_token, 'forged')
  assert.deepEqual(claimsOf(good.json.access_token).amr, ['otp'])
  const bad = await server.token({ ...bob, username: 'x', scope: 'api1' }, { client })
  assert.equal(bad.status, 400)
  assert.equal(bad.json.error_description, 'custom error description')
  assert.equal(bad.json.int_value, 42)
  assertRefused(bad, 'invalid_grant', 'credentials_refused')
})

test('profile: a module decides whether a user is active [token-ro-021]', async () => {
  const server = await createTestServer({ ...world, profile: { isActive: () => false } })
  assertRefused(await server.token({ ...bob, scope: 'api1' }, { client }), 'invalid_grant', 'user_inactive')
})

test('validators.password: is asked for names that no user of the configuration with a password has', async () => {
  const asked: string[] = []
  const check = ({ username }: { readonly username: string }) => {
    asked.push(username)
    return username === 'nopass' ? { ok: true, sub: '4' } : { ok: false }
  }
  const server = await createTestServer({ ...world, validators: { password: { check } } })
  const ask = async (username: string, password: string) =>
    (await server.token({ ...bob, username, password, scope: 'api1' }, { client })).status
  assert.equal(await ask('bob', 'bob'), 200)
  assert.equal(await ask(' BOB ', 'bob'), 200)
  assert.equal(await ask('bob', 'wrong'), 400)
  assert.equal(await ask('nopass', 'x'), 200)
  // A user of a tenant is another one without the tenant, and an address is not a name.
  assert.equal(await ask('carol', 'carol'), 400)
  assert.equal(await ask('bob@example.com', 'bob'), 400)
  assert.deepEqual(asked, ['nopass', 'carol', 'bob@example.com'])
})

test('validators.tokenRequest: may add members or refuse [token-custom-validator-002] [token-custom-validator-003]', async () => {
  const server = await createTestServer({
    ...world,
    validators: {
      tokenRequest: ({ parameters }: { parameters: ReadonlyMap<string, string> }) =>
        parameters.get('stop')
          ? { ok: false, error: 'invalid_target', description: 'stopped' }
          : { ok: true, members: { custom: 'custom', scope: 'forged' } },
    },
  })
  const first = await server.token({ ...bob, scope: 'api1 offline_access' }, { client })
  assert.equal(first.json.custom, 'custom')
  assert.equal(first.json.scope, 'api1 offline_access')
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token: first.json.refresh_token },
    { client },
  )
  assert.equal(refreshed.json.custom, 'custom')
  const stopped = await server.token({ ...bob, scope: 'api1', stop: '1' }, { client })
  assert.deepEqual(stopped.json, { error: 'invalid_target', error_description: 'stopped' })
})

test('password: users who need a second factor are refused as if the password were wrong, unless the policy allows it', async () => {
  const client = { client: ['roclient', secret] } as const
  const form = { grant_type: 'password', username: 'bob', password: 'bob', scope: 'openid' }
  const refused = await createTestServer({ ...world, mfa: { mode: 'required' } })
  const wrong = await refused.token({ ...form, password: 'wrong' }, client)
  const right = await refused.token(form, client)
  assert.deepEqual([right.status, right.json], [wrong.status, wrong.json])
  assert.equal(refused.reason(), 'second_factor_needed')
  const allowed = await createTestServer({ ...world, mfa: { mode: 'required', password_grant: 'allow' } })
  assert.equal((await allowed.token(form, client)).status, 200)
})
