/** Users of a tenant that shared the issuer and was removed, or that has its own issuer now, have no access any more. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora, tokensOf } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { federatedWorld, startFederated, startForeignProvider, visitProvider } from '../support/upstream.ts'

type World = { readonly tenants?: readonly { readonly name: string }[]; readonly [key: string]: unknown }

/** The configuration in which `acme` is missing, with all that would refer to it. */
const withoutAcme = (world: World, acme: readonly object[] = []) => ({
  ...world,
  tenants: [...acme, ...(world.tenants ?? []).filter(({ name }) => name !== 'acme')],
  users: (world.users as readonly { tenant?: string }[]).filter(({ tenant }) => tenant !== 'acme'),
  clients: (world.clients as readonly { tenants?: readonly string[] }[]).filter(
    ({ tenants }) => !tenants?.includes('acme'),
  ),
})

const refresh = (server: TestServer, refresh_token: string) =>
  server.token({ grant_type: 'refresh_token', refresh_token }, { client: ['direct', 's'] })

for (const [what, acme] of [
  ['is removed', []],
  ['gets its own issuer', [{ name: 'acme', issuer: 'path', clients: [] }]],
] as const)
  test(`removed tenants: a tenant that ${what} leaves its users no session and no token`, async () => {
    const world: World = accountsWorld()
    const server = await createTestServer(world)
    await addUser(server, { tenant: 'acme' })
    const neighbour = createBrowser(server)
    const browser = createBrowser(server)
    answerOf(
      await signIn(browser, authorizePath({ acr_values: 'tenant:acme' }), {
        ...{ username: dora.username, password: dora.password, button: 'login' },
      }),
    )
    answerOf(await signIn(neighbour, authorizePath()))
    const tokens = async () =>
      (await tokensOf(server, dora.username, dora.password, { acr_values: 'tenant:acme' })).json
    const { access_token, refresh_token } = await tokens()
    const userinfo = (token: string) =>
      server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${token}` } })
    assert.equal((await userinfo(access_token)).status, 200)

    await server.reconfigure(withoutAcme(world, acme))
    assertRefused(await refresh(server, refresh_token), 'invalid_grant', 'user_inactive')
    assert.equal((await userinfo(access_token)).status, 401)
    const silent = answerOf(await browser.visit(authorizePath({ prompt: 'none' })))
    assert.equal(silent.get('error'), 'login_required')
    assert.match((await browser.visit('/account')).target, /^\/login/)
    assert.ok(answerOf(await neighbour.visit(authorizePath({ prompt: 'none' }))).get('code'))

    await server.reconfigure(world)
    assert.equal((await refresh(server, refresh_token)).status, 200)
  })

test('removed tenants: a user of a provider who signed in at a tenant has no access once it is removed', async () => {
  const provider = await startForeignProvider()
  try {
    provider.claims = { sub: 'ada' }
    const world: World = federatedWorld(provider)
    const { server, browser } = await startFederated(world)
    const page = await browser.visit(authorizePath({ acr_values: 'idp:corp tenant:acme' }))
    assert.ok(answerOf(await browser.visit(await visitProvider(page))).get('code'))
    assert.match((await browser.visit('/account')).target, /^\/account/)
    await server.reconfigure(withoutAcme(world))
    assert.match((await browser.visit('/account')).target, /^\/login/)
  } finally {
    await provider.close()
  }
})
