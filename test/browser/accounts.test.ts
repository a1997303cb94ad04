/**
 * A user creates an account, forgets its password and recovers it, in a real browser; mail is read on the development
 * page.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { parseConfiguration, type Server, startServer } from '../../packages/server/src/server.ts'
import { freePort } from '../support/process.ts'
import { authorizePath } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { type App, launchChromium, startApp } from './chromium.ts'

const nothing = () => {}
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

let browser: Browser
let server: Server
let app: App
before(async () => {
  app = await startApp()
  const port = await freePort()
  const outcome = parseConfiguration({
    clients: [
      {
        client_id: 'app',
        client_name: 'App',
        token_endpoint_auth_method: 'none',
        redirect_uris: [`${app.origin}/cb`],
        scope: 'openid',
      },
    ],
    accounts: { sign_up: true },
    storage: 'memory:',
    issuer: `http://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
  })
  assert.ok(outcome.ok, JSON.stringify(outcome))
  server = await startServer(outcome.configuration, { log: silent, print: nothing })
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  await server?.close()
  app?.close()
})

/** Follows the link of the newest mail. */
async function openMail(page: Page, subject: RegExp): Promise<void> {
  const newest = page.locator('ul.items > li').first()
  await until(`a mail ${subject} arrives`, async () => {
    await page.goto(`${server.url}/dev/mail`)
    return (await newest.count()) > 0 && subject.test(await newest.locator('h2').innerText())
  })
  await newest.getByRole('link').click()
}

for (const javaScriptEnabled of [false, true]) {
  test(`browser: an account is created, its password changed by mail and on the page, ${javaScriptEnabled ? 'with scripts' : 'without scripts'}`, async () => {
    const context = await browser.newContext({ javaScriptEnabled })
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', message => {
      // A refused password gets 400, which Chromium logs.
      if (message.type() === 'error' && !/status of 400/.test(message.text())) complaints.push(message.text())
    })
    const email = `dora-${javaScriptEnabled}@example.com`
    const target =
      server.url +
      authorizePath({
        ...{ client_id: 'app', redirect_uri: `${app.origin}/cb`, scope: 'openid' },
      })

    await page.goto(target)
    await page.getByRole('link', { name: 'Create an account' }).click()
    await page.getByLabel('Email address').fill(email)
    await page.getByRole('button', { name: 'Send the link' }).click()
    await page.getByRole('heading', { name: 'Check your email' }).waitFor()
    await openMail(page, /Confirm your address/)
    await page.getByLabel('New password').fill('passwordpassword')
    await page.getByRole('button', { name: 'Create the account' }).click()
    assert.match(await page.getByRole('alert').innerText(), /too easy to guess/)
    await page.getByLabel('New password').fill('seven purple kettles')
    await page.getByRole('button', { name: 'Create the account' }).click()
    await page.waitForURL(`${app.origin}/cb**`)
    assert.ok(app.received()?.answer.get('code'))

    await context.clearCookies()
    await page.goto(target)
    await page.getByRole('link', { name: 'Forgot your password?' }).click()
    await page.getByLabel('Username').fill(email)
    await page.getByRole('button', { name: 'Send the link' }).click()
    await openMail(page, /A new password/)
    await page.getByLabel('New password').fill('eleven green bottles')
    await page.getByRole('button', { name: 'Save the password' }).click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByLabel('Username').fill(email)
    await page.getByLabel('Password').fill('eleven green bottles')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.waitForURL('**/account')

    await page.getByRole('link', { name: 'Password' }).click()
    await page.getByLabel('Current password').fill('eleven green bottles')
    await page.getByLabel('New password').fill('twelve yellow taxis')
    await page.getByRole('button', { name: 'Save the password' }).click()
    await page.getByRole('heading', { name: 'Your password was changed' }).waitFor()
    assert.deepEqual(complaints, [])
    await context.close()
  })
}
