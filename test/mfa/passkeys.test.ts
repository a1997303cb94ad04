import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAuthenticator, optionsOn } from '../support/authenticator.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { enrolApp, goOnFrom, methodHref, recoveryCodesOn } from '../support/factors.ts'
import { authorizePath, pagesWorld, redeem, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer } from '../support/tessera.ts'

const required = { ...pagesWorld, mfa: { mode: 'required' } }

async function start(input: object = required) {
  const server = await createTestServer(input)
  return { server, browser: createBrowser(server) }
}

/** Sets up a passkey during sign-in, where a second factor is required. */
async function enrolPasskey(browser: Browser, target = authorizePath(), options = {}) {
  const asked = await browser.visit(methodHref(await signIn(browser, target), 'passkey'))
  const key = createAuthenticator(issuer, options)
  const credential = key.create(optionsOn(asked))
  const shown = await browser.submit(asked, { credential, name: 'My key', button: 'passkey_enrol' })
  assert.equal(recoveryCodesOn(shown).length, 10, shown.text)
  return { key, page: await browser.visit(goOnFrom(shown)) }
}

const usePasskey = (browser: Browser, page: Page, key: ReturnType<typeof createAuthenticator>) =>
  browser.submit(page, { credential: key.get(optionsOn(page)), button: 'passkey' })

test('passkeys: a user who must have a second factor sets up a passkey, which signs in alone from then on', async () => {
  const { server, browser } = await start()
  const { key, page } = await enrolPasskey(browser)
  const first = await redeem(server, page)
  assert.deepEqual([first.acr, first.amr], ['phr', ['pwd', 'hwk', 'user', 'mfa']])

  const other = createBrowser(server)
  const login = await other.visit(authorizePath())
  assert.deepEqual(optionsOn(login).allowCredentials, [])
  assert.equal(optionsOn(login).userVerification, 'required')
  const claims = await redeem(server, await usePasskey(other, login, key))
  assert.equal(claims.sub, '1')
  assert.deepEqual([claims.acr, claims.amr], ['phr', ['hwk', 'user', 'mfa']])
  const [passkey] = await server.stores.passkeys.of('1')
  assert.equal(passkey?.name, 'My key')
  assert.equal(passkey?.last_used_at, server.clock.now())
})

test('passkeys: after a password only the user’s own are accepted; user verification is required only at the login page', async () => {
  const { server, browser } = await start()
  const { key } = await enrolPasskey(browser)
  const other = createBrowser(server)
  const asked = await signIn(other, authorizePath())
  const options = optionsOn(asked)
  assert.equal(options.allowCredentials.length, 1)
  assert.equal(options.userVerification, 'preferred')
  const credential = key.get(options, { userVerified: false })
  const claims = await redeem(server, await other.submit(asked, { credential, button: 'passkey' }))
  assert.deepEqual([claims.acr, claims.amr], ['phr', ['pwd', 'hwk', 'user', 'mfa']])

  const third = createBrowser(server)
  const login = await third.visit(authorizePath())
  const unverified = key.get(optionsOn(login), { userVerified: false })
  const refused = await third.submit(login, { credential: unverified, button: 'passkey' })
  assert.equal(refused.status, 400)
  assert.match(refused.text, /can’t be used to sign in here/)
  assert.equal(server.reason(), 'passkey_proof_wrong')
})

test('passkeys: they are not offered without local sign-in, when disabled, or at an IP address', async () => {
  const { browser } = await start()
  const closed = await browser.visit(authorizePath({ client_id: 'nolocal' }))
  assert.doesNotMatch(closed.body, /data-passkey|<script/)
  assert.doesNotMatch(String(closed.headers['content-security-policy']), /script-src/)
  for (const changes of [
    { mfa: { methods: ['totp'] } },
    { mfa: { mode: 'off' } },
    { issuer: 'http://127.0.0.1:5080' },
    { issuer: 'http://[::1]:5080' },
  ]) {
    const page = await (await start({ ...pagesWorld, ...changes })).browser.visit(authorizePath())
    assert.doesNotMatch(page.body, /data-passkey|<script|webauthn/, JSON.stringify(changes))
  }
})

test('passkeys: a user who is inactive, of another tenant or federated can’t sign in with one', async () => {
  const { server, browser } = await start({ ...required, profile: { isActive: () => active } })
  let active = true
  const { key } = await enrolPasskey(browser)
  const attempt = async (target: string) => {
    const other = createBrowser(server)
    const page = await usePasskey(other, await other.visit(target), key)
    assert.equal(page.status, 400, page.text)
    return server.reason()
  }
  assert.equal(await attempt(authorizePath({ acr_values: 'tenant:acme' })), 'passkey_of_another_place')
  active = false
  assert.equal(await attempt(authorizePath()), 'user_inactive')
  active = true
  // As if the account had been removed from the configuration.
  const gone = { ...required, users: pagesWorld.users.filter(({ sub }) => sub !== '1') }
  const later = await createTestServer(gone, { stores: server.stores })
  const other = createBrowser(later)
  const page = await usePasskey(other, await other.visit(authorizePath()), key)
  assert.equal(page.status, 400)
  assert.equal(later.reason(), 'passkey_of_another_place')
})

test('passkeys: an existing one is excluded, and ten are the limit', async () => {
  const { server, browser } = await start()
  const { app } = await enrolApp(server, browser, authorizePath())
  const key = createAuthenticator(issuer)
  const add = async (authenticator = createAuthenticator(issuer)) => {
    const page = await browser.visit('/account/security?add=passkey')
    const credential = authenticator.create(optionsOn(page))
    return { page, answer: await browser.submit(page, { credential, name: '', button: 'passkey_enrol' }) }
  }
  assert.ok(app)
  assert.equal((await add(key)).answer.target, '/account/security')
  const again = await add(key)
  assert.equal(optionsOn(again.page).excludeCredentials.length, 1)
  assert.equal(again.answer.status, 400)
  assert.equal(server.reason(), 'passkey_not_added')
  const canAdd = async () => /add=passkey/.test((await browser.visit('/account/security')).body)
  for (let count = 1; count < 9; count++) await add()
  assert.equal(await canAdd(), true)
  // Both are opened while there is room for one more.
  const pages = [
    await browser.visit('/account/security?add=passkey'),
    await browser.visit('/account/security?add=passkey'),
  ]

  for (const page of pages) {
    const credential = createAuthenticator(issuer).create(optionsOn(page))
    await browser.submit(page, { credential, name: '', button: 'passkey_enrol' })
  }
  assert.equal(server.reason(), 'passkey_not_added')
  assert.equal((await server.stores.passkeys.of('1')).length, 10)
  assert.equal(await canAdd(), false)
})
