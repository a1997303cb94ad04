/**
 * Sign-ins that were checked just before the user's access ended: none creates a session, whatever the sign-in option.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { accountsWorld, addUser, dora, doraSignsIn, tokensOf } from '../support/accounts.ts'
import { createAuthenticator, optionsOn } from '../support/authenticator.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { appOf, methodHref, secretOn } from '../support/factors.ts'
import { beforeWriting, better, endings } from '../support/overtaken.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import { federatedWorld, foreignProvider, startFederated, subOf, visitProvider } from '../support/upstream.ts'

const provider = foreignProvider()

async function assertKeptOut(server: TestServer, browser: Browser, late: Page, sub: string): Promise<void> {
  assert.match(late.location ?? late.target, /^\/login\?/)
  assert.deepEqual(await server.stores.sessions.ofUser(sub), [])
  assert.ok((await browser.visit('/account')).target.startsWith('/login'))
  assert.ok(server.logged.some(({ event }) => event === 'sign_in_overtaken'))
}

for (const [name, end] of Object.entries(endings)) {
  test(`attack: a sign-in with a correct password fails if it is overtaken by ${name}`, async () => {
    const server = await createTestServer(accountsWorld())
    const sub = await addUser(server)
    const browser = createBrowser(server)
    const acted = beforeWriting(server, () => end(server, sub))
    const late = await signIn(browser, '/account', doraSignsIn)
    assert.ok(acted())
    await assertKeptOut(server, browser, late, sub)
  })

  test(`attack: the password grant fails if it is overtaken by ${name}`, async () => {
    const server = await createTestServer(accountsWorld())
    const sub = await addUser(server)
    const acted = beforeWriting(server, () => end(server, sub))
    const late = await tokensOf(server, 'dora', dora.password)
    assert.ok(acted())
    assert.equal(late.status, 400)
    assertRefused(late, 'invalid_grant', 'no_longer_valid')
    assert.equal(late.json.refresh_token, undefined)
  })

  test(`attack: the approval of a device fails if it is overtaken by ${name}`, async () => {
    const server = await createTestServer(accountsWorld())
    const sub = await addUser(server)
    const browser = createBrowser(server)
    const { json } = await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'tv' } })
    await signIn(browser, '/account', doraSignsIn)
    const entered = await browser.submit(await browser.visit('/device'), { user_code: json.user_code })
    const acted = beforeWriting(server, () => end(server, sub))
    await browser.submit(entered, { button: 'yes' })
    assert.ok(acted())
    const stored = await server.stores.devices.find(hashHandle(json.device_code))
    assert.equal(stored?.authorization, undefined)
  })

  test(`attack: another sign-in in a signed-in browser fails if it is overtaken by ${name}`, async () => {
    const server = await createTestServer(accountsWorld())
    const sub = await addUser(server)
    const browser = createBrowser(server)
    await signIn(browser, '/account', doraSignsIn)
    const page = await browser.visit(authorizePath({ prompt: 'login' }))
    const acted = beforeWriting(server, () => end(server, sub))
    const late = await browser.submit(page, doraSignsIn)
    assert.ok(acted())
    await assertKeptOut(server, browser, late, sub)
  })

  test(`attack: a pending second factor, and the factor itself, fail if overtaken by ${name}`, async () => {
    const mfa = { mode: 'required' }
    for (const overtaken of ['wait', 'factor'] as const) {
      const server = await createTestServer({ ...accountsWorld(), mfa })
      const sub = await addUser(server)
      const browser = createBrowser(server)
      const page = await browser.visit('/account')
      const act = () => end(server, sub)
      if (overtaken === 'wait') beforeWriting(server, act)
      const asked = await browser.submit(page, doraSignsIn)
      if (overtaken === 'wait') {
        await assertKeptOut(server, browser, asked, sub)
        continue
      }
      const acted = beforeWriting(server, act)
      const app = appOf(secretOn(asked), server)
      await browser.submit(asked, { code: app.code(), button: 'enrol' })
      assert.ok(acted())
      assert.deepEqual(await server.stores.sessions.ofUser(sub), [])
      assert.ok((await browser.visit('/account')).target.startsWith('/login'))
    }
  })

  test(`attack: a passkey sign-in fails if it is overtaken by ${name}`, async () => {
    const server = await createTestServer({ ...accountsWorld(), mfa: { mode: 'required' } })
    const sub = await addUser(server)
    const owner = createBrowser(server)
    const asked = await owner.visit(methodHref(await signIn(owner, '/account', doraSignsIn), 'passkey'))
    const key = createAuthenticator(issuer)
    const fields = { credential: key.create(optionsOn(asked)), name: 'Key', button: 'passkey_enrol' }
    assert.equal((await owner.submit(asked, fields)).status, 200)
    const browser = createBrowser(server)
    const login = await browser.visit('/account')
    const acted = beforeWriting(server, () => end(server, sub))
    const late = await browser.submit(login, { credential: key.get(optionsOn(login)), button: 'passkey' })
    assert.ok(acted())
    await assertKeptOut(server, browser, late, sub)
  })

  test(`attack: a sign-in at a provider fails if it is overtaken by ${name}`, async () => {
    provider.claims = { sub: 'dora-there', email: dora.email, email_verified: true }
    const world = { ...federatedWorld(provider, { linking: 'verified_email' }), accounts: {} }
    const { server, browser } = await startFederated(world)
    const sub = await addUser(server)
    const back = await visitProvider(await browser.visit(authorizePath({ acr_values: 'idp:corp' })))
    const acted = beforeWriting(server, () => end(server, sub))
    await browser.visit(back)
    assert.ok(acted())
    assert.deepEqual(await server.stores.sessions.ofUser(sub), [])
    assert.ok(![...browser.cookies.keys()].some(cookie => cookie.includes('session')))
  })
}

const aliceSub = '1'

/** Worlds with a user who is not stored. */
const others = {
  'of the configuration': { ...accountsWorld(), mfa: { mode: 'off' } },
  'of the configuration, with a second factor': { ...accountsWorld(), mfa: { mode: 'required' } },
  'of a directory': {
    ...accountsWorld(),
    users: [],
    identity_providers: [
      ...pagesWorld.identity_providers,
      {
        ...{ name: 'staff', type: 'directory' },
        credentialAuthority: { check: async () => ({ ok: true, sub: aliceSub }) as const },
      },
    ],
  },
}
for (const [kind, world] of Object.entries(others)) {
  const acr_values = kind.includes('directory') ? 'idp:staff' : ''
  const credentials = { username: alice.username, password: alice.password }

  test(`attack: a sign-in of a user ${kind} fails if it is overtaken by a revocation`, async () => {
    const server = await createTestServer(world)
    const browser = createBrowser(server)
    const acted = beforeWriting(server, async () => void (await server.endAccess(aliceSub)))
    const page = await browser.visit(authorizePath({ acr_values }))
    const late = await browser.submit(page, { ...credentials, button: 'login' })
    assert.ok(acted())
    await assertKeptOut(server, browser, late, aliceSub)
    // They can sign in again.
    if (!kind.includes('factor')) answerOf(await signIn(browser, authorizePath({ acr_values }), alice))
  })

  test(`attack: the password grant for a user ${kind} fails if it is overtaken by a revocation`, async () => {
    const server = await createTestServer({ ...world, mfa: { mode: 'off' } })
    const ask = () =>
      server.token(
        { grant_type: 'password', ...credentials, acr_values, scope: 'openid offline_access' },
        { client: ['direct', 's'] },
      )
    const acted = beforeWriting(server, async () => void (await server.endAccess(aliceSub)))
    assertRefused(await ask(), 'invalid_grant', 'no_longer_valid')
    assert.ok(acted())
    assert.equal((await ask()).status, 200)
  })
}

test('attack: a sign-in at a provider of a user without a record fails if it is overtaken by a revocation', async () => {
  provider.claims = { sub: 'carol-there' }
  const { server, browser } = await startFederated(federatedWorld(provider))
  const path = authorizePath({ acr_values: 'idp:corp' })
  await browser.visit(await visitProvider(await browser.visit(path)))
  const sub = String(subOf(server))
  const other = createBrowser(server)
  const back = await visitProvider(await other.visit(path))
  const acted = beforeWriting(server, async () => void (await server.endAccess(sub)))
  await other.visit(back)
  assert.ok(acted())
  assert.deepEqual(await server.stores.sessions.ofUser(sub), [])
  assert.ok(![...other.cookies.keys()].some(cookie => cookie.includes('session')))
  await other.visit(await visitProvider(await other.visit(path)))
  assert.equal((await server.stores.sessions.ofUser(sub)).length, 1)
})

test('attack: a new account’s first sign-in fails if the account is deleted in the meantime', async () => {
  const server = await createTestServer(accountsWorld({ sign_up: true, email_verification: 'off' }))
  const browser = createBrowser(server)
  const page = await browser.visit('/register')
  let sub = ''
  const acted = beforeWriting(server, async () => {
    const user = await server.stores.storedUsers.findByName('newcomer', undefined)
    sub = user?.sub ?? ''
    await server.accounts.setActive(sub, false)
  })
  await browser.submit(page, { username: 'newcomer', new_password: better })
  assert.ok(acted())
  assert.notEqual(sub, '')
  assert.deepEqual(await server.stores.sessions.ofUser(sub), [])
  assert.ok((await browser.visit('/account')).target.startsWith('/login'))
})

test('attack: a new password invalidates remembered browsers', async () => {
  const mfa = { mode: 'if_enrolled', remember_browser_days: 30 }
  const server = await createTestServer({ ...accountsWorld(), mfa })
  const sub = await addUser(server)
  const browser = createBrowser(server)
  await signIn(browser, '/account', doraSignsIn)
  const page = await browser.visit('/account/security?add=totp')
  const app = appOf(secretOn(page), server)
  await browser.submit(page, { code: app.code(), button: 'enrol' })
  server.clock.advance(60)
  const thief = createBrowser(server)
  const asked = await signIn(thief, '/account', doraSignsIn)
  await thief.submit(asked, { code: app.code(), remember: 'yes', button: 'verify' })
  thief.cookies.delete('__Host-tessera_session')
  assert.equal((await signIn(thief, '/account', doraSignsIn)).target, '/account')
  await endings['a new password'](server, sub)
  const again = await signIn(thief, '/account', { ...doraSignsIn, password: better })
  assert.ok(again.target.startsWith('/mfa?'), again.target)
})
