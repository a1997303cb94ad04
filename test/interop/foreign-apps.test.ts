/** Unmodified applications with third-party libraries, in a real browser. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchChromium } from '../browser/chromium.ts'
import { freePort, type RunningServer, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { until } from '../support/until.ts'
import { type ForeignApp, reserveOrigin } from './apps/app.ts'
import { authCore } from './apps/auth-core.ts'
import { expressOpenidConnect } from './apps/express-openid-connect.ts'
import { nextAuth } from './apps/next-auth.ts'
import { passportOpenidconnect } from './apps/passport-openidconnect.ts'
import { createSpa } from './apps/spa.ts'

const apps: Readonly<Record<string, ForeignApp>> = {
  'express-openid-connect': expressOpenidConnect,
  'passport-openidconnect': passportOpenidconnect,
  '@auth/core': authCore,
  'next-auth': nextAuth,
  'oidc-client-ts': createSpa('oidc-client-ts', 'oidc-client-ts.js'),
  'react-oidc-context': createSpa('react-oidc-context', 'react-oidc-context.jsx'),
  'angular-oauth2-oidc': createSpa('angular-oauth2-oidc', 'angular-oauth2-oidc.js'),
  'oidc-spa': createSpa('oidc-spa', 'oidc-spa.js'),
}

let browser: Browser
let server: RunningServer
const origins = new Map<string, string>()
const closing: (() => unknown)[] = []

before(async () => {
  browser = await launchChromium()
  closing.push(() => browser.close())
  const running = await Promise.all(
    Object.entries(apps).map(async ([name, app]) => ({ name, app, place: await reserveOrigin() })),
  )
  const { file, remove } = await writeConfiguration({
    storage: 'memory:',
    outbound: { allowed_private_networks: ['127.0.0.0/8', '::1'] },
    users: [{ sub: '1', username: 'alice', password: 'wonderland', claims: { name: 'Alice Liddell' } }],
    clients: running.map(({ app, place }) => app.client(place.origin)),
  })
  closing.push(remove)
  server = await serveConfiguration(file, await freePort())
  closing.push(server.stop)
  for (const { name, app, place } of running) {
    closing.push(place.close)
    place.answerWith(await app.listener({ origin: place.origin, issuer: server.url }))
    origins.set(name, place.origin)
  }
})

after(async () => {
  for (const close of closing.toReversed()) await close()
})

const openApp = async (page: Page, name: string): Promise<void> =>
  void (await page.goto(origins.get(name) ?? ''))

const control = (page: Page, name: string) =>
  page.getByRole('link', { name }).or(page.getByRole('button', { name, exact: true }))

const press = (page: Page, name: string) => control(page, name).click()

const isSignedIn = async (page: Page, name: string): Promise<void> => {
  await page
    .getByText('Signed in as Alice Liddell')
    .waitFor({ timeout: 15_000 })
    .catch(async error => {
      throw new Error(`${page.url()}: ${(await page.locator('body').innerText()).slice(0, 500)}`, {
        cause: error,
      })
    })
  assert.equal(new URL(page.url()).origin, origins.get(name))
}

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('Username').fill('alice')
  await page.getByLabel('Password').fill('wonderland')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** Those that leave it to the application to sign out at the server too. */
const withoutSignOut: readonly string[] = ['@auth/core', 'next-auth']

for (const name of Object.keys(apps)) {
  const signsOut = !withoutSignOut.includes(name)
  test(`${name}: signs in and shows the user's name${signsOut ? ', signs out at the server too, and returns' : ''}`, async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await openApp(page, name)
    await press(page, 'Log in')
    await signIn(page)
    await isSignedIn(page, name)
    if (signsOut) {
      await press(page, 'Log out')
      const confirm = page.getByRole('button', { name: 'Sign out', exact: true })
      const back = control(page, 'Log in')
      await confirm.or(back).waitFor()
      if ((await confirm.count()) > 0) await confirm.click()
      await back.waitFor()
      assert.equal(new URL(page.url()).origin, origins.get(name))
      await press(page, 'Log in')
      await page.getByLabel('Password').waitFor()
    }
    await context.close()
  })
}

test('express-openid-connect: accepts the logout token after a sign-out at another application', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  for (const name of ['express-openid-connect', 'oidc-client-ts']) {
    await openApp(page, name)
    await press(page, 'Log in')
    if (name === 'express-openid-connect') await signIn(page)
    await isSignedIn(page, name)
  }
  await press(page, 'Log out')
  await page.getByRole('button', { name: 'Log in' }).waitFor()
  // It is notified in the background.
  const told = async () => {
    await openApp(page, 'express-openid-connect')
    return (await page.getByRole('link', { name: 'Log in' }).count()) > 0
  }
  await until('the application learns of the sign-out', told)
  await context.close()
})

test('single sign-on: a user who is signed in to one application signs in to all others without a page', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  const [first, ...others] = Object.keys(apps)
  await openApp(page, first!)
  await press(page, 'Log in')
  await signIn(page)
  await isSignedIn(page, first!)
  for (const name of others) {
    await openApp(page, name)
    // `oidc-spa` finds the session by itself.
    const [logIn, logOut] = [control(page, 'Log in'), control(page, 'Log out')]
    await logIn.or(logOut).waitFor()
    if (await logIn.isVisible()) await logIn.click()
    await isSignedIn(page, name)
  }
  await context.close()
})

test('oidc-client-ts: renews its token with the refresh token, in the browser', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await openApp(page, 'oidc-client-ts')
  await press(page, 'Log in')
  await signIn(page)
  await isSignedIn(page, 'oidc-client-ts')
  await press(page, 'Renew')
  await page.getByText('Signed in as Alice Liddell (renewed)').waitFor({ timeout: 15_000 })
  await context.close()
})
