/** A correct password is not enough at another tenant, or if it was changed during the check. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora, doraSignsIn, tokensOf } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { authorizePath, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { withClients, world } from '../support/world.ts'

/** The password changes after it was read for the check, and before the record is read again. */
function changeMeanwhile({ stores, accounts }: TestServer, sub: string): void {
  const { storedUsers } = stores
  const { find } = storedUsers
  let changed = false
  Object.assign(storedUsers, {
    find: async (asked: string) => {
      if (!changed && asked === sub) {
        changed = true
        const user = await find(sub)
        assert.ok(user && (await accounts.setPassword(user, 'eleven green bottles')).ok)
      }
      return find(asked)
    },
  })
}

test('password: one that was changed while it was checked yields no tokens [RFC 6749 §5.2]', async () => {
  const server = await createTestServer(accountsWorld())
  const sub = await addUser(server)
  changeMeanwhile(server, sub)
  const refused = await tokensOf(server, 'dora', dora.password)
  assert.equal(refused.status, 400, refused.body)
  assert.equal(refused.json.error, 'invalid_grant')
  assert.equal(server.reason(), 'no_longer_valid')
  assert.equal((await tokensOf(server, 'dora', 'eleven green bottles')).status, 200)
})

test('login: a password that was changed while it was checked creates no session', async () => {
  const server = await createTestServer(accountsWorld())
  const sub = await addUser(server)
  changeMeanwhile(server, sub)
  const browser = createBrowser(server)
  const page = await signIn(browser, authorizePath(), doraSignsIn)
  assert.ok(page.target.startsWith('/login?'), page.target)
  assert.equal(browser.cookies.has('__Host-tessera_session'), false)
  assert.ok(server.logged.some(({ event }) => event === 'sign_in_overtaken'))
})

/** A provider that accepts everybody with this password, as carol, a user of tenant acme here. */
const knowsCarol = {
  name: 'staff',
  type: 'directory',
  credentialAuthority: { check: () => ({ ok: true, sub: '3' }) as const },
}

test('tenant: a provider’s user of one tenant can’t sign in elsewhere', async () => {
  const input = { ...withClients(), identity_providers: [knowsCarol] }
  const server = await createTestServer(input)
  const attempt = (acr_values: string) =>
    server.token(
      { ...{ grant_type: 'password', username: 'c', password: 'x' }, scope: 'api1', acr_values },
      { client: ['roclient', 'secret'] },
    )
  for (const acr_values of ['idp:staff', 'idp:staff tenant:globex']) {
    const refused = await attempt(acr_values)
    assert.equal(refused.status, 400, acr_values)
    assert.equal(refused.json.error, 'invalid_grant')
    assert.equal(server.reason(), 'user_of_another_tenant', acr_values)
  }
  assert.equal((await attempt('idp:staff tenant:acme')).status, 200)
})

test('tenant: a module that returns a user of another tenant does not sign in', async () => {
  const server = await createTestServer({
    ...world,
    validators: { password: { check: () => ({ ok: true, sub: '3' }) as const } },
  })
  const refused = await server.token(
    { grant_type: 'password', username: 'c', password: 'x', scope: 'api1' },
    { client: ['roclient', 'secret'] },
  )
  assert.equal(refused.json.error, 'invalid_grant')
  assert.equal(server.reason(), 'user_of_another_tenant')
})

test('tenant: a provider checks no passwords for a tenant that it does not serve', async () => {
  const server = await createTestServer({
    ...withClients(),
    identity_providers: [{ ...knowsCarol, tenants: ['globex'] }],
  })
  for (const acr_values of ['idp:staff', 'idp:staff tenant:acme']) {
    const refused = await server.token(
      { ...{ grant_type: 'password', username: 'c', password: 'x' }, scope: 'api1', acr_values },
      { client: ['roclient', 'secret'] },
    )
    assert.equal(refused.json.error, 'invalid_request')
    assert.equal(server.reason(), 'provider_not_allowed', acr_values)
  }
})
