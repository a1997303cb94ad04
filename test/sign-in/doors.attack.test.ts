/** Every way to a session when a second factor is required: none bypasses it, and a pending sign-in gives no access. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora, doraSignsIn, newestMail } from '../support/accounts.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { appOf, secretOn } from '../support/factors.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, authorizePath, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import { federatedWorld, startForeignProvider, visitProvider } from '../support/upstream.ts'

type At = { readonly server: TestServer; readonly browser: Browser }
type Door = {
  readonly name: string
  readonly accounts?: object
  /** Relative to the issuer that is called. */
  readonly base?: string
  /** Performs all steps before the second factor. */
  readonly enter: (at: At) => Promise<Page>
}

const password = 'nine orange lamps here'
const create = { prompt: 'create' }

const doors: readonly Door[] = [
  { name: 'a password, for a client', enter: ({ browser }) => signIn(browser, authorizePath()) },
  { name: 'a password, for the account pages', enter: ({ browser }) => signIn(browser, '/account') },
  { name: 'a password, again', enter: ({ browser }) => signIn(browser, authorizePath({ prompt: 'login' })) },
  {
    name: 'a password, after a max_age',
    enter: ({ browser }) => signIn(browser, authorizePath({ max_age: '0' })),
  },
  {
    name: 'a password, for a weaker acr',
    enter: ({ browser }) => signIn(browser, authorizePath({ acr_values: '1' })),
  },
  {
    name: 'a password, to approve a device',
    async enter({ server, browser }) {
      const { json } = await server.send('POST', '/connect/deviceauthorization', {
        form: { client_id: 'tv' },
      })
      const login = await browser.submit(await browser.visit('/device'), { user_code: json.user_code })
      return browser.submit(login, alice)
    },
  },
  {
    name: 'a password that a provider checks',
    enter: ({ browser }) =>
      signIn(browser, authorizePath({ acr_values: 'idp:directory' }), {
        username: 'x',
        password: 'staff',
        button: 'login',
      }),
  },
  {
    name: 'a password, in a tenant',
    enter: ({ browser }) =>
      signIn(browser, authorizePath({ acr_values: 'tenant:acme' }), {
        username: 'carol',
        password: 'carol',
        button: 'login',
      }),
  },
  {
    name: 'a password, at a tenant’s own issuer',
    base: '/t/own',
    enter: ({ browser }) =>
      signIn(browser, `/t/own${authorizePath()}`, { username: 'olga', password: 'olga', button: 'login' }),
  },
  {
    name: 'another OpenID provider',
    enter: async ({ browser }) =>
      browser.visit(await visitProvider(await browser.visit(authorizePath({ acr_values: 'idp:corp' })))),
  },
  {
    name: 'another OpenID provider, whose methods are not trusted',
    async enter({ browser }) {
      provider.claims = { sub: 'ada', amr: ['mfa', 'otp', 'hwk', 'user'], acr: 'phr' }
      return browser.visit(
        await visitProvider(await browser.visit(authorizePath({ acr_values: 'idp:corp' }))),
      )
    },
  },
  {
    name: 'a new account by prompt=create, its address verified first',
    async enter({ server, browser }) {
      await browser.submit(await browser.visit(authorizePath(create)), { email: 'new@example.com' })
      return browser.submit(await browser.visit((await newestMail(server)).path), { new_password: password })
    },
  },
  {
    name: 'a new account by a mail, in another browser',
    async enter({ server, browser }) {
      const elsewhere = createBrowser(server)
      await elsewhere.submit(await elsewhere.visit(authorizePath(create)), { email: 'new@example.com' })
      return browser.submit(await browser.visit((await newestMail(server)).path), { new_password: password })
    },
  },
  {
    name: 'a new account by prompt=create, with a chosen name',
    accounts: { sign_up: true, email_verification: 'off' },
    enter: async ({ browser }) =>
      browser.submit(await browser.visit(authorizePath(create)), { username: 'new', new_password: password }),
  },
  {
    name: 'a new password by mail',
    async enter({ server, browser }) {
      await addUser(server)
      await browser.submit(await browser.visit('/password/forgotten'), { username: 'dora' })
      const set = await browser.submit(await browser.visit((await newestMail(server)).path), {
        new_password: password,
      })
      assert.equal(set.status, 200)
      assertNobody({ server, browser })
      return signIn(browser, '/account', { ...doraSignsIn, password })
    },
  },
]

const provider = await startForeignProvider()
test.after(() => provider.close())

async function start({ accounts }: Pick<Door, 'accounts'> = {}): Promise<At> {
  provider.claims = { sub: 'ada' }
  const base = accountsWorld(accounts)
  const { identity_providers, outbound, clients } = federatedWorld(provider)
  const directory = base.identity_providers.filter(({ name }) => name === 'directory')
  const own = {
    name: 'own',
    issuer: 'path',
    clients: clients.filter(({ client_id }) => client_id === 'web'),
    api_resources: base.api_resources,
  }
  const server = await createTestServer(
    {
      ...base,
      ...{ outbound, identity_providers: [...identity_providers, ...directory] },
      clients: [...clients, ...base.clients.filter(({ client_id }) => client_id === 'direct')],
      tenants: [...base.tenants, own],
      users: [...base.users, { sub: 'olga', username: 'olga', password: 'olga', tenant: 'own', claims: {} }],
      mfa: { mode: 'required', methods: ['totp'] },
    },
    { at: Math.floor(Date.now() / 1000) },
  )
  return { server, browser: createBrowser(server) }
}

const happened = ({ server }: Pick<At, 'server'>, event: string) =>
  server.logged.some(entry => entry.event === event)

function assertNobody({ server, browser }: At): void {
  assert.ok(![...browser.cookies.keys()].some(name => /tessera_session/.test(name)), 'a session')
  for (const event of ['signed_in', 'authorization_issued', 'device_approved', 'stepped_up'])
    assert.ok(!happened({ server }, event), event)
}

for (const door of doors)
  test(`sign-in paths: ${door.name}: there is no session before the second factor, and one after it`, async () => {
    const { base = '' } = door
    const at = await start(door)
    const { server, browser } = at
    const waiting = await door.enter(at)
    assert.ok(
      waiting.target.startsWith(`${base}/mfa?`),
      `${waiting.status} ${waiting.target} ${waiting.text}`,
    )
    assertNobody(at)
    const sealed = new URL(waiting.target, issuer).searchParams.get('continue') ?? ''
    for (const path of [
      ...[
        '/account',
        '/account/security?add=totp',
        '/account/sessions',
        '/account/connections',
        '/account/email',
      ],
      ...['/connect/authorize/callback', '/select-account', '/consent', '/device', '/login', '/logout'].map(
        one => `${one}?continue=${sealed}`,
      ),
      authorizePath(),
    ])
      await browser.visit(base + path)
    const silent = await browser.visit(base + authorizePath({ prompt: 'none' }))
    assert.equal(answerOf(silent).get('error'), 'login_required')
    assertNobody(at)

    const page = await browser.visit(waiting.target)
    for (const code of ['', '000000', '00000']) await browser.submit(page, { code, button: 'enrol' })
    assertNobody(at)
    const codes = await browser.submit(page, { code: appOf(secretOn(page), server).code(), button: 'enrol' })
    assert.equal(codes.status, 200)
    assert.ok(happened(at, 'signed_in'))
    assert.ok([...browser.cookies.keys()].some(name => /tessera_session/.test(name)))
  })

test("sign-in paths: a password grant can't use a second factor and fails if one is required", async () => {
  const { server } = await start()
  await addUser(server)
  const grant = (changes: object = {}) =>
    server.token(
      { grant_type: 'password', scope: 'openid', username: 'dora', password: dora.password, ...changes },
      { client: ['direct', 's'] },
    )
  for (const changes of [
    {},
    { acr_values: 'idp:directory', username: 'x', password: 'staff' },
    { acr_values: '1' },
  ]) {
    const { status, json } = await grant(changes)
    assert.equal(status, 400, JSON.stringify(json))
    assert.deepEqual(Object.keys(json).toSorted(), ['error', 'error_description'])
  }
  const wrong = await grant({ password: 'wrong' })
  assertRefused(wrong, 'invalid_grant', 'credentials_refused')
})

test('doors: the second factor’s page does not reveal whether a wrong password was right', async () => {
  const { server, browser } = await start()
  for (const credentials of [
    { username: 'alice', password: 'wrong', button: 'login' },
    { username: 'nobody', password: 'wonderland', button: 'login' },
    { username: 'ina', password: 'ina', button: 'login' },
  ]) {
    const page = await signIn(browser, authorizePath(), credentials)
    assert.equal(page.status, 400)
    assert.ok(!page.target.includes('/mfa'))
    assert.ok(![...browser.cookies.keys()].some(name => /pending/.test(name)))
  }
  assertNobody({ server, browser })
})
