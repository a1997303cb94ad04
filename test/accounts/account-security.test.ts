import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAuthenticator, optionsOn } from '../support/authenticator.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { enrolApp, finishEnrolment, recoveryCodesOn } from '../support/factors.ts'
import { alice, assertErrorPage, authorizePath, pagesWorld, redeem, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer } from '../support/tessera.ts'

const security = '/account/security'

async function start(input: object = pagesWorld) {
  const server = await createTestServer(input)
  return { server, browser: createBrowser(server) }
}

const post = async (browser: Browser, fields: Readonly<Record<string, string>>) => {
  const page = await browser.visit(security)
  const csrf = /name="csrf" value="([^"]*)"/.exec(page.body)?.[1] ?? ''
  const answer = await browser.request('POST', security, { form: { csrf, ...fields } })
  return answer.location?.startsWith('/') ? browser.visit(answer.location) : answer
}

async function addPasskey(browser: Browser, name: string) {
  const page = await browser.visit(`${security}?add=passkey`)
  const credential = createAuthenticator(issuer).create(optionsOn(page))
  return browser.submit(page, { credential, name, button: 'passkey_enrol' })
}

test('security: a user sets up an app and gets ten codes, and the session has a second factor', async () => {
  const { server, browser } = await start()
  await signIn(browser, security)
  const asked = await browser.visit(`${security}?add=totp`)
  const { page } = await finishEnrolment(server, browser, asked)
  assert.equal(page.target, security)
  assert.match(page.text, /Authenticator app .* Recovery codes 10 left/)
  const claims = await redeem(server, await browser.visit(authorizePath({ prompt: 'none', acr_values: '2' })))
  assert.deepEqual([claims.acr, claims.amr], ['2', ['pwd', 'otp', 'mfa']])
  const next = createBrowser(server)
  assert.ok((await signIn(next, authorizePath())).target.startsWith('/mfa?'))
})

test('security: passkeys are named, renamed and removed by their owner only', async () => {
  const { server, browser } = await start()
  await signIn(browser, security)
  await addPasskey(browser, 'My <phone>')
  assert.match((await browser.visit(security)).text, /My <phone> Set up: now/)
  const [passkey] = await server.stores.passkeys.of('1')
  const id = passkey?.id ?? ''
  const bob = createBrowser(server)
  await signIn(bob, security, { username: 'bob', password: 'builder', button: 'login' })
  for (const button of ['rename', 'remove']) await post(bob, { id, name: 'Stolen', button })
  assert.deepEqual(await server.stores.passkeys.of('1'), [passkey])
  assert.match((await post(browser, { id, name: ' Laptop ', button: 'rename' })).text, /Laptop Set up/)
  await post(browser, { id, button: 'remove' })
  assert.deepEqual(await server.stores.passkeys.of('1'), [])
  assert.equal(await server.stores.recoveryCodes.count('1'), 0)
})

test('security: new recovery codes replace the old ones', async () => {
  const { server, browser } = await start({ ...pagesWorld, mfa: { mode: 'required' } })
  const { codes } = await enrolApp(server, browser, security)
  const renewed = recoveryCodesOn(await post(browser, { button: 'codes' }))
  assert.equal(renewed.length, 10)
  assert.equal(new Set([...codes, ...renewed]).size, 20)
  assert.equal(await server.stores.recoveryCodes.count('1'), 10)
})

test('security: the last factor can’t be removed where one is required', async () => {
  const { server, browser } = await start({ ...pagesWorld, mfa: { mode: 'required' } })
  await enrolApp(server, browser, security)
  const refused = await post(browser, { method: 'totp', button: 'remove' })
  assert.equal(refused.status, 400)
  assert.match(refused.text, /Set up another one before you remove this one/)
  assert.equal(server.reason(), 'last_factor_required')
  await addPasskey(browser, '')
  await post(browser, { method: 'totp', button: 'remove' })
  assert.equal(await server.stores.totpSecrets.find('1'), undefined)
  assert.equal(await server.stores.recoveryCodes.count('1'), 10)
})

test('security: changes require a sign-in within ten minutes, and a second factor even in a remembered browser', async () => {
  const { server, browser } = await start({
    ...pagesWorld,
    mfa: { mode: 'required', remember_browser_days: 7 },
  })
  const { app } = await enrolApp(server, browser, security)
  server.clock.advance(600)
  assert.equal((await browser.visit(security)).target, security)
  const login = await post(browser, { method: 'totp', button: 'remove' })
  assert.ok(login.target.startsWith('/login?'), login.target)
  const asked = await browser.submit(login, alice)
  assert.equal(
    (await browser.submit(asked, { code: app.code(), remember: 'yes', button: 'verify' })).target,
    security,
  )
  server.clock.advance(601)
  // In a remembered browser the password alone signs in, but it does not allow changes.
  await browser.submit(await browser.visit(`${security}?add=passkey`), alice)
  assert.equal((await browser.visit(security)).target, security)
  const again = await post(browser, { button: 'codes' })
  assert.ok(again.target.startsWith('/mfa?'), again.target)
  const page = await browser.submit(again, { code: app.code(), button: 'verify' })
  assert.equal(page.target, security)
  assert.equal(recoveryCodesOn(await post(browser, { button: 'codes' })).length, 10)
})

test('security: forged forms change nothing', async () => {
  const { server, browser } = await start({ ...pagesWorld, mfa: { mode: 'required' } })
  await enrolApp(server, browser, security)
  const forged = await browser.request('POST', security, { form: { csrf: 'x', button: 'codes' } })
  assertErrorPage(forged, 'invalid_request')
  assertErrorPage(await post(browser, { button: 'explode' }), 'invalid_request')
  assert.ok(await server.stores.totpSecrets.find('1'))
})

test('security: when disabled, nothing can be set up', async () => {
  const { browser } = await start({ ...pagesWorld, mfa: { mode: 'off' } })
  await signIn(browser, security)
  const page = await browser.visit(`${security}?add=totp`)
  assert.doesNotMatch(page.body, /name="ticket"|shown-code|Set up/)
})
