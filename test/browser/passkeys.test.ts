/** Second factors in a real browser, with its virtual authenticator. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { parseConfiguration, type Server, startServer } from '../../packages/server/src/server.ts'
import { appOf } from '../support/factors.ts'
import { freePort } from '../support/process.ts'
import { authorizePath, pagesWorld, verifier } from '../support/sign-in.ts'
import { claimsOf } from '../support/tessera.ts'
import { plugIn } from './authenticator.ts'
import { type App, launchChromium, startApp } from './chromium.ts'

const nothing = () => {}
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }
const clock = { clock: { now: () => Math.floor(Date.now() / 1000), advance: nothing } }

let browser: Browser
let app: App
let server: Server
let callback: string
let issuer: string

before(async () => {
  app = await startApp()
  callback = `${app.origin}/cb`
  const port = await freePort()
  // A passkey belongs to a domain.
  issuer = `http://localhost:${port}`
  const clients = pagesWorld.clients.map(client =>
    client.redirect_uris ? { ...client, redirect_uris: [callback] } : client,
  )
  const outcome = parseConfiguration(
    { ...pagesWorld, clients, mfa: { mode: 'required' }, storage: 'memory:', issuer, port },
    { isModule: true },
  )
  assert.ok(outcome.ok, JSON.stringify(outcome))
  server = await startServer(outcome.configuration, { log: silent })
  browser = await launchChromium()
})

after(async () => {
  await browser?.close()
  await server?.close()
  app?.close()
})

const authorize = (changes: Record<string, string> = {}) =>
  issuer + authorizePath({ redirect_uri: callback, ...changes })

async function open(settings: Parameters<Browser['newContext']>[0] = {}) {
  const context = await browser.newContext(settings)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' && !message.text().includes('status of 400'))
      complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  return { page, complaints, devtools: await context.newCDPSession(page), close: () => context.close() }
}

async function typePassword(page: Page, username: string, password: string): Promise<void> {
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** The claims of the ID token that the app received. */
async function redeem(page: Page) {
  await page.waitForURL(`${callback}**`)
  const body = new URLSearchParams({
    ...{ grant_type: 'authorization_code', client_id: 'web', redirect_uri: callback },
    ...{ code: app.received()?.answer.get('code') ?? '', code_verifier: verifier },
  })
  const response = await fetch(`${issuer}/connect/token`, { method: 'POST', body })
  return claimsOf(((await response.json()) as { id_token: string }).id_token)
}

test('browser: a passkey is set up after the password, then is the second factor, then signs in alone', async () => {
  const { page, complaints, devtools, close } = await open()
  const authenticatorId = await plugIn(devtools)
  await page.goto(authorize())
  await typePassword(page, 'alice', 'wonderland')
  await page.getByRole('link', { name: 'Set up a passkey' }).click()
  await page.getByLabel('A name for it').fill('Laptop')
  await page.getByRole('button', { name: 'Create a passkey' }).click()
  await page.getByText('Save your recovery codes').waitFor()
  assert.equal(await page.locator('code').count(), 10)
  await page.getByRole('link', { name: 'I’ve saved them' }).click()
  const first = await redeem(page)
  assert.equal(first.acr, 'phr')
  assert.ok(first.amr.includes('mfa') && first.amr.includes('pwd'))

  // The browser would accept the login page's suggestion by itself: this user types the password.
  await devtools.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: false })
  await page.context().clearCookies()
  await page.goto(authorize())
  await typePassword(page, 'alice', 'wonderland')
  await devtools.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: true })
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  const second = await redeem(page)
  assert.ok(second.amr.includes('pwd') && second.amr.includes('user'))

  await page.context().clearCookies()
  await page.goto(authorize())
  const button = page.getByRole('button', { name: 'Sign in with a passkey' })
  await Promise.any([page.waitForURL(`${callback}**`), button.click()])
  const alone = await redeem(page)
  assert.equal(alone.sub, '1')
  assert.equal(alone.acr, 'phr')
  assert.ok(!alone.amr.includes('pwd'))
  assert.deepEqual(complaints, [])
  await close()
})

for (const javaScriptEnabled of [false, true]) {
  const how = javaScriptEnabled ? 'with scripts' : 'without scripts'
  const [username, password] = javaScriptEnabled ? ['carol', 'carol'] : ['bob', 'builder']
  const target = () => authorize(javaScriptEnabled ? { acr_values: 'tenant:acme' } : {})

  test(`browser: an app is set up and signs in, ${how}`, async () => {
    const { page, complaints, close } = await open({ javaScriptEnabled })
    await page.goto(target())
    await typePassword(page, username, password)
    const secret = (await page.locator('.secret').textContent()) ?? ''
    const code = appOf(secret, clock).code()
    await page.getByLabel('Six-digit code').fill(code)
    await page.getByRole('button', { name: 'Set up', exact: true }).click()
    const [recovery = ''] = await page.locator('code').allTextContents()
    await page.getByRole('link', { name: 'I’ve saved them' }).click()
    assert.equal((await redeem(page)).acr, '2')

    await page.context().clearCookies()
    await page.goto(target())
    await typePassword(page, username, password)
    // The step was used: a new code takes half a minute, a recovery code is available.
    await page.getByLabel('Six-digit code').fill(code)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('That code was used before').waitFor()
    await page.getByRole('link', { name: 'Use a recovery code' }).click()
    await page.getByLabel('Recovery code').fill(recovery)
    await page.getByRole('button', { name: 'Continue' }).click()
    assert.deepEqual((await redeem(page)).amr, ['pwd', 'otp', 'mfa'])
    assert.deepEqual(complaints, [])
    await close()
  })
}
