/** Claims by rules, groups and roles: in ID tokens, UserInfo, access tokens, introspection and after a refresh. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { administerUsers } from '../../packages/server/src/identity/user-administration.ts'
import { addUser } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { answerOf, authorizePath, callback, signIn, verifier } from '../support/sign-in.ts'
import { basic, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'

const scope = 'openid app groups orders offline_access'
const app = {
  client_id: 'web',
  token_endpoint_auth_method: 'none',
  redirect_uris: [callback],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: `${scope} stock`,
}
const ada = { username: 'ada', password: 'analytical', button: 'login' }

/** A rule of each kind, in a scope about the user. */
const kinds = [
  'roles',
  { claim: 'upn', from: 'preferred_username' },
  { claim: 'env', value: { name: 'test' } },
  { claim: 'is_admin', value: true, if_role: 'admin' },
  { claim: 'is_auditor', value: true, if_role: 'auditor' },
  { claim: 'permissions', from: 'groups', map: { 'app-dev': ['read'], 'app-ops': ['read', 'write'] } },
  { claim: 'app_groups', from: 'groups', starts_with: 'app-', remove_prefix: 'app-' },
  { claim: 'department', from: 'department', list: true },
  { claim: ['realm_access', 'roles'], from: 'roles' },
]
const kindsOfAda = {
  roles: ['admin'],
  upn: 'ada',
  env: { name: 'test' },
  is_admin: true,
  permissions: ['read', 'write'],
  app_groups: ['dev', 'ops'],
  department: ['engines'],
  realm_access: { roles: ['admin'] },
}

const world = {
  accounts: {},
  identity_resources: [
    { name: 'groups', claims: ['groups'] },
    { name: 'app', claims: kinds },
  ],
  api_scopes: [
    { name: 'orders', claims: [...kinds, { claim: 'where', value: 'orders' }] },
    {
      name: 'stock',
      claims: [
        { claim: 'roles', from: 'groups' },
        { claim: 'where', value: 'stock' },
      ],
    },
  ],
  api_resources: [
    { name: 'urn:orders', scopes: ['orders'], api_secrets: [{ value: 'a secret of orders' }] },
    { name: 'urn:stock', scopes: ['stock'] },
  ],
  users: [
    {
      ...{ sub: 'ada', username: 'ada', password: ada.password },
      groups: ['app-dev', 'app-ops', 'staff'],
      roles: ['admin'],
      claims: { department: 'engines' },
    },
    { sub: 'bob', username: 'bob', password: 'builder', claims: {} },
  ],
  clients: [app, { ...app, client_id: 'whole', always_include_user_claims_in_id_token: true }],
}
const worldWith = (changes: object) => ({ ...world, clients: [{ ...app, ...changes }] })

type Request = Readonly<Record<string, string>>

async function tokensOf(server: TestServer, request: Request = {}, credentials: Request = ada) {
  const { client_id = 'web' } = request
  const page = await signIn(createBrowser(server), authorizePath({ scope, ...request }), credentials)
  const answer = await server.token({
    ...{ grant_type: 'authorization_code', client_id, code: answerOf(page).get('code') ?? '' },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })
  assert.equal(answer.status, 200, answer.body)
  return answer.json
}

const refresh = async (
  server: TestServer,
  { refresh_token }: { refresh_token: string },
  more: object = {},
) => {
  const answer = await server.token({ grant_type: 'refresh_token', client_id: 'web', refresh_token, ...more })
  assert.equal(answer.status, 200, answer.body)
  return answer.json
}

const userinfoOf = async (server: TestServer, { access_token }: { access_token: string }) => {
  const headers = { authorization: `Bearer ${access_token}` }
  return (await server.send('GET', '/connect/userinfo', { headers })).json
}

const introspect = async (server: TestServer, { access_token: token }: { access_token: string }) => {
  const headers = basic('urn:orders', 'a secret of orders')
  return (await server.send('POST', '/connect/introspect', { form: { token }, headers })).json
}

/** The members of `claims` that the expected ones name, and those that no rule gave. */
function assertClaims(claims: Readonly<Record<string, unknown>>, expected: object, where: string): void {
  const names = [...Object.keys(kindsOfAda), 'is_auditor', 'groups', 'department']
  const given = Object.fromEntries(Object.entries(claims).filter(([name]) => names.includes(name)))
  assert.deepEqual(given, expected, where)
}

test('claim rules: each kind of rule is in UserInfo, and in an ID token that has all claims', async () => {
  const server = await createTestServer(world)
  const groups = ['app-dev', 'app-ops', 'staff']
  const tokens = await tokensOf(server)
  assertClaims(await userinfoOf(server, tokens), { ...kindsOfAda, groups }, 'UserInfo')
  assertClaims(claimsOf(tokens.id_token), {}, 'ID token')
  const whole = await tokensOf(server, { client_id: 'whole' })
  assertClaims(claimsOf(whole.id_token), { ...kindsOfAda, groups }, 'ID token')
  const none = await tokensOf(
    server,
    { client_id: 'whole' },
    { username: 'bob', password: 'builder', button: 'login' },
  )
  assertClaims(claimsOf(none.id_token), { upn: 'bob', env: { name: 'test' } }, 'of a user without groups')
})

for (const access_token_type of ['jwt', 'reference'])
  test(`claim rules: each kind of rule is in a ${access_token_type} access token and its introspection`, async () => {
    const server = await createTestServer(worldWith({ access_token_type }))
    const tokens = await tokensOf(server)
    if (access_token_type === 'jwt') assertClaims(claimsOf(tokens.access_token), kindsOfAda, 'access token')
    const introspected = await introspect(server, tokens)
    assertClaims(introspected, kindsOfAda, 'introspection')
    assert.equal(introspected.where, 'orders')
  })

test('claim rules: an access token from the authorization endpoint has them too', async () => {
  const hybrid = { grant_types: ['authorization_code', 'implicit'], response_types: ['code id_token token'] }
  const server = await createTestServer(worldWith({ ...hybrid, scope: 'openid app orders' }))
  const request = { scope: 'openid app orders', response_type: 'code id_token token' }
  const page = await signIn(createBrowser(server), authorizePath(request), ada)
  const answer = new URLSearchParams(new URL(page.location ?? '').hash.slice(1))
  assertClaims(claimsOf(answer.get('access_token') ?? ''), kindsOfAda, 'access token')
})

test('claim rules: a token that is limited to one API has the claims by the rules of that API alone', async () => {
  const server = await createTestServer(world)
  const both = await tokensOf(server, { scope: `${scope} stock` })
  assert.deepEqual(claimsOf(both.access_token).roles, ['admin', 'app-dev', 'app-ops', 'staff'])
  const stock = await refresh(server, both, { resource: 'urn:stock' })
  assert.deepEqual(claimsOf(stock.access_token).roles, ['app-dev', 'app-ops', 'staff'])
  assert.equal(claimsOf(stock.access_token).where, 'stock')
  const orders = await refresh(server, stock, { resource: 'urn:orders' })
  assert.deepEqual(claimsOf(orders.access_token).roles, ['admin'])
  assert.equal(claimsOf(orders.access_token).groups, undefined, 'read by a rule, and asked for by no API')
})

test("claim rules: a client's rules decide how it sees a claim, and not whether", async () => {
  const user_claims = [
    { claim: 'groups', from: 'groups', starts_with: 'app-' },
    { claim: 'is_admin', value: 'yes' },
    { claim: 'unasked', from: 'groups' },
  ]
  const server = await createTestServer(worldWith({ user_claims }))
  const tokens = await tokensOf(server)
  const userinfo = await userinfoOf(server, tokens)
  assert.deepEqual(userinfo.groups, ['app-dev', 'app-ops'])
  for (const claims of [userinfo, claimsOf(tokens.access_token)]) {
    assert.equal(claims.is_admin, 'yes')
    assert.equal(claims.unasked, undefined)
  }
  const less = await tokensOf(server, { scope: 'openid orders' })
  assert.equal((await userinfoOf(server, less)).groups, undefined)
})

test('claim rules: the claims parameter asks for the claims that rules give [OpenID Connect Core 1.0 §5.5]', async () => {
  const server = await createTestServer(world)
  const claims = JSON.stringify({
    id_token: { upn: null, permissions: { value: ['read', 'write'] }, is_admin: { value: false } },
    userinfo: { app_groups: null },
  })
  const tokens = await tokensOf(server, { scope: 'openid', claims })
  assertClaims(claimsOf(tokens.id_token), { upn: 'ada', permissions: ['read', 'write'] }, 'ID token')
  assertClaims(await userinfoOf(server, tokens), { app_groups: ['dev', 'ops'] }, 'UserInfo')
})

test('claim rules: discovery lists the claims that they give, by the name in the token', async () => {
  const server = await createTestServer(world)
  const { json } = await server.send('GET', '/.well-known/openid-configuration')
  for (const name of ['upn', 'env', 'is_admin', 'permissions', 'realm_access', 'roles', 'groups'])
    assert.ok(json.claims_supported.includes(name), name)
  assert.ok(
    !json.claims_supported.includes('preferred_username') || json.scopes_supported.includes('profile'),
  )
})

for (const rereads of [false, true])
  test(`claim rules: after a change of groups and roles, a refresh ${rereads ? 'that reads them again has the new ones' : 'has the ones of the sign-in'}, and UserInfo the new ones`, async () => {
    const server = await createTestServer(
      worldWith({
        update_access_token_claims_on_refresh: rereads,
        always_include_user_claims_in_id_token: true,
      }),
    )
    const sub = await addUser(server, {
      ...{ username: 'eve', password: 'seven purple kettles', email: undefined, emailVerified: false },
      ...{ claims: {}, groups: ['app-dev'], roles: ['admin'] },
    })
    const users = administerUsers(server.accounts, server.stores.storedUsers)
    const tokens = await tokensOf(
      server,
      {},
      { username: 'eve', password: 'seven purple kettles', button: 'login' },
    )
    assert.equal(claimsOf(tokens.access_token).is_admin, true)
    assert.ok((await users.setMemberships(sub, { groups: ['app-ops'], roles: [] })).ok)
    const next = await refresh(server, tokens)
    const access = claimsOf(next.access_token)
    assert.deepEqual(access.permissions, rereads ? ['read', 'write'] : ['read'])
    assert.equal(access.is_admin, rereads ? undefined : true)
    const userinfo = await userinfoOf(server, next)
    for (const claims of [userinfo, claimsOf(next.id_token)]) {
      assert.deepEqual(claims.groups, ['app-ops'])
      assert.equal(claims.is_admin, undefined)
    }
  })

test('claim rules: a changed rule applies to the next access token of a family', async () => {
  const server = await createTestServer(world)
  const tokens = await tokensOf(server)
  const [orders, stock] = world.api_scopes
  const claims = [
    { claim: 'where', value: 'elsewhere' },
    { claim: 'right', from: 'roles', add_prefix: 'r:' },
  ]
  await server.reconfigure({ ...world, api_scopes: [{ ...orders, claims }, stock] })
  const access = claimsOf((await refresh(server, tokens)).access_token)
  assert.equal(access.where, 'elsewhere')
  assert.deepEqual(access.right, ['r:admin'])
  assert.equal(access.is_admin, undefined)
})

test("claim rules: they apply to what the hook returns, and ask it for the user's claims", async () => {
  const asked: (readonly string[])[] = []
  const server = await createTestServer({
    ...world,
    profile: {
      claims: ({ names }: { names: readonly string[] }) => {
        asked.push(names)
        return { roles: ['admin'], groups: ['app-dev'], preferred_username: 'hooked' }
      },
    },
  })
  const userinfo = await userinfoOf(server, await tokensOf(server, { scope: 'openid app' }))
  assert.deepEqual(userinfo.permissions, ['read'])
  assert.equal(userinfo.upn, 'hooked')
  assert.equal(userinfo.is_admin, true)
  assert.equal(userinfo.preferred_username, undefined, 'only a rule read it')
  assert.deepEqual([...(asked.at(-1) ?? [])].sort(), [
    ...['department', 'groups', 'preferred_username', 'roles', 'sub'],
  ])
})

test('claim rules: a token of a client that acts for itself has none', async () => {
  const machine = {
    client_id: 'machine',
    client_secrets: [{ value: 'a secret of a machine' }],
    scope: 'orders',
  }
  const server = await createTestServer({
    ...world,
    clients: [{ ...machine, grant_types: ['client_credentials'], user_claims: [{ claim: 'env', value: 1 }] }],
  })
  const form = { grant_type: 'client_credentials', scope: 'orders' }
  const { json } = await server.token(form, { client: ['machine', 'a secret of a machine'] })
  const { env, where, roles } = claimsOf(json.access_token)
  assert.deepEqual([env, where, roles], [undefined, undefined, undefined])
})

test('claim rules: a claim that is asked for individually needs consent to the scope whose rule gives it', async () => {
  const server = await createTestServer(worldWith({ require_consent: true }))
  const claims = JSON.stringify({ id_token: { upn: null } })
  const upnOf = async (form: object) => {
    const browser = createBrowser(server)
    const path = authorizePath({ scope: 'openid orders', claims, prompt: 'consent' })
    const page = await signIn(browser, path, ada)
    assert.deepEqual(page.form?.ticked.scope, ['app', 'orders'])
    const code = answerOf(await browser.submit(page, { button: 'yes', ...form })).get('code') ?? ''
    const { json } = await server.token({
      ...{ grant_type: 'authorization_code', client_id: 'web', code },
      ...{ redirect_uri: callback, code_verifier: verifier },
    })
    return claimsOf(json.id_token).upn
  }
  assert.equal(await upnOf({}), 'ada')
  assert.equal(await upnOf({ scope: ['orders'] }), undefined)
})

test('claim rules: a client that registers itself can set none', async () => {
  const server = await createTestServer({ ...world, registration: { mode: 'open' } })
  const body = JSON.stringify({
    redirect_uris: [callback],
    user_claims: [{ claim: 'groups', value: ['admin'] }],
  })
  const headers = { 'content-type': 'application/json' }
  const answer = await server.send('POST', '/connect/register', { body, headers })
  assert.equal(answer.status, 201, answer.body)
  assert.equal(answer.json.user_claims, undefined)
})

test('claim rules: users of a tenant have groups and roles of their own', async () => {
  const tenant = {
    ...{ name: 'acme', issuer: 'path', clients: [app] },
    identity_resources: [
      { name: 'groups', claims: [{ claim: 'groups', from: 'groups', add_prefix: 'acme/' }] },
    ],
    api_scopes: [{ name: 'orders' }, { name: 'stock' }],
    api_resources: [],
  }
  const server = await createTestServer({
    ...world,
    tenants: [{ ...tenant, clients: [{ ...app, scope: 'openid groups' }] }],
    users: [...world.users, { ...world.users[0], sub: 'ada2', tenant: 'acme', groups: ['a'], roles: [] }],
  })
  const path = authorizePath({ scope: 'openid groups' })
  const page = await signIn(createBrowser(server), `/t/acme${path}`, ada)
  const answer = await server.send('POST', '/t/acme/connect/token', {
    form: {
      ...{ grant_type: 'authorization_code', client_id: 'web', code: answerOf(page).get('code') ?? '' },
      ...{ redirect_uri: callback, code_verifier: verifier },
    },
  })
  const headers = { authorization: `Bearer ${answer.json.access_token}` }
  const { json } = await server.send('GET', '/t/acme/connect/userinfo', { headers })
  assert.deepEqual(json.groups, ['acme/a'])
})
