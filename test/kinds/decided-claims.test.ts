/**
 * Claims that the operator or this server decides: the members of a user's record, and reserved claims. `claims` of a
 * stored user never contains them, whoever writes it, and those that an earlier version stored have no effect.
 */

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { administerUsers } from '../../packages/server/src/identity/user-administration.ts'
import { userProblems } from '../../packages/server/src/migration/user.ts'
import { identityKey } from '../../packages/server/src/model/stored-user.ts'
import { reservedClaims } from '../../packages/server/src/model/user.ts'
import { adminWorld, matching, startAdmin } from '../support/admin.ts'
import { createBrowser } from '../support/browser.ts'
import { answerOf, authorizePath, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { claimsOf, type TestServer } from '../support/tessera.ts'
import { federatedWorld, foreignProvider, signInByProvider, startFederated } from '../support/upstream.ts'

const members = ['email', 'email_verified', 'groups', 'roles']
const decided = [...members, ...members.map(name => `${name}#de`), ...reservedClaims]

const password = 'seven purple kettles'
const scope = 'openid profile email groups roles api1'
const app = {
  ...pagesWorld.clients[0],
  client_id: 'app',
  scope,
  always_include_user_claims_in_id_token: true,
}
const resources = {
  identity_resources: [
    { name: 'groups', claims: ['groups'] },
    { name: 'roles', claims: ['roles', { claim: 'is_admin', value: true, if_role: 'admin' }] },
  ],
  api_scopes: [{ name: 'api1', claims: [{ claim: ['realm_access', 'roles'], from: 'roles', list: true }] }],
}
const provider = foreignProvider()
const admin = await startAdmin({
  ...adminWorld,
  ...resources,
  clients: [...adminWorld.clients, app],
})
const { server, call } = admin
after(() => server.close())

const accountOf = async (sub: string) => {
  const user = await server.accounts.find(sub)
  assert.ok(user)
  return user
}

/** Each writer tries to give a user the claims. Returns what it says about them. */
const writers: Readonly<Record<string, (claims: Record<string, string>) => Promise<unknown>>> = {
  'accounts.add': async claims => {
    const added = await server.accounts.add({ username: 'new', claims })
    return !added.ok && added.reason
  },
  'accounts.update': async claims => {
    const changed = await server.accounts.update(await accountOf(victim), { claims })
    return !changed.ok && changed.reason
  },
  'the administration': async claims => {
    const users = administerUsers(server.accounts, server.stores.storedUsers)
    const added = await users.add({ username: 'new', claims, dryRun: true })
    return !added.ok && added.problem
  },
  'POST /users': async claims => faultOf(await call('POST', '/users', { username: 'new', claims })),
  'PUT /users/{sub}': async claims =>
    faultOf(await call('PUT', `/users/${victim}`, { username: 'victim', claims }, { 'if-match': '*' })),
  'PATCH /users/{sub}': async claims =>
    faultOf(await call('PATCH', `/users/${victim}`, { claims }, { 'if-match': '*' })),
  'a migration': async claims =>
    userProblems([{ sub: 'new', username: 'new', claims }]).some(
      ({ path }) => path.join() === `stored_users,0,claims,${Object.keys(claims).join()}`,
    ) && 'claim_not_allowed',
}

/** The admin API names the claim. */
const faultOf = ({ status, json }: Awaited<ReturnType<typeof call>>): unknown =>
  status === 422 &&
  json.errors.some(({ path }: { path: string }) => path.startsWith('claims')) &&
  'claim_not_allowed'

const added = await server.accounts.add({ username: 'victim', password })
assert.ok(added.ok)
const victim = added.value.sub

for (const [writer, write] of Object.entries(writers))
  test(`decided claims: ${writer} refuses each in claims, and names it`, async () => {
    const before = await accountOf(victim)
    for (const claim of decided) assert.equal(await write({ [claim]: 'x' }), 'claim_not_allowed', claim)
    assert.deepEqual(await accountOf(victim), before)
    assert.equal(await server.stores.storedUsers.findByName('new', undefined), undefined)
  })

test('decided claims: groups and roles are checked wherever they are written', async () => {
  const user = await accountOf(victim)
  for (const lists of [
    { groups: ['two\nlines'] },
    { roles: Array.from({ length: 201 }, (_, at) => `r${at}`) },
  ])
    for (const refused of [
      await server.accounts.add({ username: 'new', ...lists }),
      await server.accounts.update(user, lists),
    ]) {
      assert.ok(!refused.ok)
      assert.equal(refused.reason, 'membership_malformed')
    }
  assert.deepEqual(await accountOf(victim), user)
})

/** A user as an earlier version could import one from Keycloak. */
async function addOfEarlierVersion(at: TestServer, username: string, sub = username) {
  const added = await at.accounts.add({ sub, username, password, claims: { name: 'M.' } })
  assert.ok(added.ok)
  const claims = {
    ...{ name: 'M.', email: 'ceo@corp.example', email_verified: 'true', 'email#de': 'chef@corp.example' },
    ...{ roles: 'admin', groups: '/admins', tenant: 'acme', sub: 'ceo' },
  }
  const stored = {
    ...added.value,
    version: added.value.version + 1,
    claims,
    username_key: identityKey(username),
  }
  const replaced = await at.stores.storedUsers.replace(stored)
  assert.equal(replaced.outcome, 'replaced')
  return stored
}

async function tokensOf(username: string) {
  const path = authorizePath({ client_id: 'app', scope, claims_locales: 'de' })
  const page = await signIn(createBrowser(server), path, { username, password, button: 'login' })
  const { json } = await server.token({
    ...{ grant_type: 'authorization_code', client_id: 'app', code: answerOf(page).get('code') ?? '' },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })
  return { id: claimsOf(json.id_token), access: claimsOf(json.access_token) }
}

test('decided claims: those that an earlier version stored are in no token, in no language', async () => {
  const { sub } = await addOfEarlierVersion(server, 'mallory')
  const { id, access } = await tokensOf('mallory')
  assert.deepEqual([id.name, id.sub], ['M.', sub])
  for (const name of ['email', 'email_verified', 'roles', 'groups', 'is_admin', 'tenant'])
    assert.equal(id[name], undefined, name)
  assert.equal(access.realm_access, undefined)
})

test('decided claims: of a user of an earlier version, the record counts that an operator writes later', async () => {
  const { sub } = await addOfEarlierVersion(server, 'norma')
  const users = administerUsers(server.accounts, server.stores.storedUsers)
  assert.ok((await users.setMemberships(sub, { roles: ['reader'] })).ok)
  assert.deepEqual((await accountOf(sub)).claims, { name: 'M.', roles: ['reader'] })
  const { id, access } = await tokensOf('norma')
  assert.deepEqual([id.roles, access.realm_access], [['reader'], { roles: ['reader'] }])
})

for (const [what, patch, left] of [
  ['disabled', { active: false }, { name: 'M.' }],
  ['relieved of a claim', { claims: { email: null, name: null } }, {}],
  ['given a group', { groups: ['staff'] }, { name: 'M.', groups: ['staff'] }],
] as const)
  test(`decided claims: a user of an earlier version can be ${what} by PATCH`, async () => {
    const { sub } = await addOfEarlierVersion(server, `pat ${what}`, `pat-${what.length}`)
    const read = await call('GET', `/users/${sub}`)
    assert.deepEqual(
      [read.json.claims, read.json.email, read.json.roles],
      [{ name: 'M.' }, undefined, undefined],
    )
    const changed = await call('PATCH', `/users/${sub}`, patch, matching(read))
    assert.equal(changed.status, 200, changed.body)
    assert.deepEqual((await accountOf(sub)).claims, left)
  })

test('decided claims: a user of an earlier version can change their name, and be deleted by the admin API', async () => {
  const { sub } = await addOfEarlierVersion(server, 'quinn')
  const browser = createBrowser(server)
  await signIn(browser, authorizePath({ client_id: 'app', scope }), {
    username: 'quinn',
    password,
    button: 'login',
  })
  const page = await browser.submit(await browser.visit('/account/name'), { full_name: 'Quinn' })
  assert.equal(page.status, 200)
  const { updated_at: _, ...claims } = (await accountOf(sub)).claims
  assert.deepEqual(claims, { name: 'Quinn' })
  await addOfEarlierVersion(server, 'rosa')
  const read = await call('GET', '/users/rosa')
  assert.equal((await call('DELETE', '/users/rosa', undefined, matching(read))).status, 204)
})

test('decided claims: a provider gives its users no groups and roles unless they are mapped', async () => {
  provider.claims = {
    sub: 'there',
    name: 'There',
    groups: ['/admins'],
    roles: ['admin'],
    tenant: 'acme',
    sid: 'x',
  }
  const { server: other, browser } = await startFederated({
    ...federatedWorld(provider),
    ...resources,
    api_scopes: [...resources.api_scopes, { name: 'api2' }],
    clients: [app],
  })
  const page = await signInByProvider(
    browser,
    authorizePath({ client_id: 'app', scope, acr_values: 'idp:corp' }),
  )
  const { json } = await other.token({
    ...{ grant_type: 'authorization_code', client_id: 'app', code: answerOf(page).get('code') ?? '' },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })
  const [id, access] = [claimsOf(json.id_token), claimsOf(json.access_token)]
  assert.deepEqual(
    [id.name, id.groups, id.roles, id.is_admin, id.tenant],
    ['There', ...Array(4).fill(undefined)],
  )
  assert.equal(access.realm_access, undefined)
})
