/** Checks what the account pages offer to which user, and how a session proves its sign-in to another. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { administerUsers } from '../../packages/server/src/identity/user-administration.ts'
import { accountsWorld, addUser, dora, doraSignsIn } from '../support/accounts.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { finishEnrolment } from '../support/factors.ts'
import {
  answerOf,
  assertErrorPage,
  authorizePath,
  bob,
  callback,
  pagesWorld,
  signIn,
  verifier,
} from '../support/sign-in.ts'
import { openTenantStores } from '../support/storage.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'

const session = '__Host-tessera_session'

async function startWith(accounts: object, user: object = {}) {
  const server = await createTestServer(accountsWorld(accounts))
  const sub = await addUser(server, user)
  const browser = createBrowser(server)
  await signIn(browser, '/account', doraSignsIn)
  return { server, sub, browser }
}

test('account: the notice of a deletion is sent only to a verified address', async () => {
  for (const [emailVerified, mails] of [
    [true, 1],
    [false, 0],
  ] as const) {
    const { server, sub, browser } = await startWith({ self_deletion: true }, { emailVerified })
    await browser.submit(await browser.visit('/account/delete'), {})
    assert.equal(await server.accounts.find(sub), undefined)
    assert.equal((await server.mails()).length, mails)
  }
})

const post = async (browser: Browser, form: Readonly<Record<string, string>>) => {
  const csrf = (await browser.visit('/logout')).form?.fields.csrf ?? ''
  return browser.request('POST', '/account/security', { form: { csrf, ...form } })
}

test('account: there are no recovery codes without a factor that they replace', async () => {
  const { server, sub, browser } = await startWith({})
  assert.equal((await post(browser, { button: 'codes' })).location, '/account/security')
  assert.equal(await server.stores.recoveryCodes.count(sub), 0)
})

test('account: a factor that is not offered can’t be set up', async () => {
  const server = await createTestServer({ ...pagesWorld, mfa: { methods: ['totp'] } })
  const browser = createBrowser(server)
  await signIn(browser, '/account')
  const form = { button: 'passkey_enrol', ticket: 'x', credential: '{}' }
  assert.equal((await post(browser, form)).location, '/account/security')
  assert.equal(server.reason(), undefined)
})

test('login: an unknown button does not sign in', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  const form = { username: 'alice', password: 'wonderland', button: 'other' }
  assertErrorPage(await browser.submit(await browser.visit(authorizePath()), form), 'invalid_request')
  assert.equal(server.reason(), 'button_unknown')
  assert.equal(browser.cookies.has(session), false)
})

const asking = authorizePath({ client_id: 'asking', scope: 'openid api1' })

test('consent: consent of one user does not count for another user who opens the same URL', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  const page = await signIn(browser, asking)
  assert.ok(page.target.startsWith('/consent?'), page.target)
  const form = { ...page.form?.fields, scope: ['openid', 'api1'], button: 'yes' }
  const agreed = await browser.request('POST', '/consent', { form })
  const victim = createBrowser(server)
  answerOf(await signIn(victim, authorizePath(), bob))
  const next = await victim.visit(agreed.location ?? '')
  assert.ok(next.target.startsWith('/consent?'), next.target)
})

test('login: adding a second factor to a session is not a new sign-in [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  answerOf(await signIn(browser, authorizePath()))
  server.clock.advance(1)
  const asked = await browser.visit(authorizePath({ prompt: 'login' }))
  const handle = browser.cookies.get(session)
  const enrolment = await browser.visit(authorizePath({ acr_values: '2' }))
  answerOf((await finishEnrolment(server, browser, enrolment)).page)
  assert.notEqual(browser.cookies.get(session), handle)
  const back = `/connect/authorize/callback?continue=${asked.form?.fields.continue}`
  assert.ok((await browser.visit(back)).target.startsWith('/login?'))
})

test('session: a session that ended while its user signed in again is not continued', async () => {
  const tenantStores = await openTenantStores()
  const sessions = { ...tenantStores.main.sessions, renew: async () => false }
  const server = await createTestServer(pagesWorld, {
    tenantStores: { ...tenantStores, main: { ...tenantStores.main, sessions } },
  })
  const browser = createBrowser(server)
  for (let count = 0; count < 2; count++) await signIn(browser, authorizePath({ prompt: 'login' }))
  const [first, second] = server.logged.filter(({ event }) => event === 'signed_in').map(({ sid }) => sid)
  assert.ok(second)
  assert.notEqual(first, second)
})

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

async function atDevice() {
  const server = await createTestServer(pagesWorld)
  const form = { client_id: 'tv', scope: 'openid offline_access' }
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form })
  const browser = createBrowser(server)
  const login = await browser.submit(await browser.visit('/device'), { user_code: json.user_code })
  return { server, browser, login, device_code: json.device_code as string }
}
const asAlice = { username: 'alice', password: 'wonderland', button: 'login' }

test('device: its authorization continues when the browser that approved it signs out', async () => {
  const { server, browser, login, device_code } = await atDevice()
  await browser.submit(await browser.submit(login, asAlice), { button: 'yes' })
  const tokens = await server.token({ grant_type: deviceGrant, client_id: 'tv', device_code })
  await browser.submit(await browser.visit('/logout'), { button: 'yes' })
  const { refresh_token } = tokens.json
  const refreshed = await server.token({ grant_type: 'refresh_token', client_id: 'tv', refresh_token })
  assert.equal(refreshed.status, 200, refreshed.body)
})

test('device: a client that was disabled since can’t be approved', async () => {
  const { server, browser, login } = await atDevice()
  const clients = pagesWorld.clients.map(client => ({
    ...client,
    ...(client.client_id === 'tv' && { enabled: false }),
  }))
  await server.reconfigure({ ...pagesWorld, clients })
  await browser.submit(login, asAlice)
  assert.equal(browser.cookies.has(session), false)
})

test('operators: a malformed sub is refused [OpenID Connect Core 1.0 §2], and so is a password that users may not choose', async () => {
  const { server, sub } = await startWith({})
  const keeping = administerUsers(server.accounts, server.stores.storedUsers)
  for (const malformed of ['', 'x'.repeat(256), 'ünï', 'a\nb']) {
    const added = await keeping.add({ username: 'emma', sub: malformed })
    assert.equal(!added.ok && added.problem, 'sub_malformed', malformed)
  }
  const weak = await keeping.setPassword(sub, 'short')
  assert.equal(!weak.ok && weak.problem, 'too_short')
  assert.ok((await keeping.setPassword(sub, `${dora.password} too`)).ok)
})

test('tokens: an access token contains the tenant of its user', async () => {
  const server = await createTestServer(pagesWorld)
  const target = authorizePath({ acr_values: 'tenant:acme' })
  const carol = { username: 'carol', password: 'carol', button: 'login' }
  const code = answerOf(await signIn(createBrowser(server), target, carol)).get('code') ?? ''
  const form = { grant_type: 'authorization_code', client_id: 'web', code, redirect_uri: callback }
  const { json } = await server.token({ ...form, code_verifier: verifier })
  assert.equal(claimsOf(json.access_token).tenant, 'acme')
})
