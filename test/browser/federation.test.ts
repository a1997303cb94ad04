import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { parseConfiguration, type Server, startServer } from '../../packages/server/src/server.ts'
import { freePort } from '../support/process.ts'
import { authorizePath, pagesWorld } from '../support/sign-in.ts'
import { type ForeignProvider, startForeignProvider } from '../support/upstream.ts'
import { type App, launchChromium, startApp } from './chromium.ts'

const nothing = () => {}
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

let browser: Browser
let app: App
let provider: ForeignProvider
let server: Server

before(async () => {
  ;[app, provider, browser] = await Promise.all([startApp(), startForeignProvider(), launchChromium()])
  provider.claims = { sub: 'ada', name: 'Ada' }
  const port = await freePort()
  const client = {
    token_endpoint_auth_method: 'none',
    redirect_uris: [`${app.origin}/cb`],
    scope: 'openid profile',
  }
  const corp = { type: 'oidc', issuer: provider.issuer, client_id: 'tessera', display_name: 'Corp' }
  const outcome = parseConfiguration({
    issuer: `http://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    storage: 'memory:',
    outbound: { allowed_private_networks: ['127.0.0.0/8'] },
    users: pagesWorld.users,
    tenants: pagesWorld.tenants,
    identity_providers: [
      { ...corp, name: 'corp', domains: ['corp.example'] },
      { ...corp, name: 'away', display_name: 'Away', issuer: 'http://127.0.0.1:9' },
    ],
    clients: [
      { ...client, client_id: 'web' },
      { ...client, client_id: 'only', enable_local_login: false, identity_provider_restrictions: ['corp'] },
    ],
  })
  assert.ok(outcome.ok, JSON.stringify(outcome))
  server = await startServer(outcome.configuration, { log: silent })
})

after(async () => {
  await browser?.close()
  await server?.close()
  app?.close()
  await provider?.close()
})

const authorize = (changes: Record<string, string> = {}) =>
  server.url + authorizePath({ redirect_uri: `${app.origin}/cb`, scope: 'openid profile', ...changes })

/** A user with these settings; warnings and errors of the browser fail the test. */
async function open(settings: Parameters<Browser['newContext']>[0]) {
  const context = await browser.newContext(settings)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' && !/status of (400|503)/.test(message.text()))
      complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  return { page, complaints, close: () => context.close() }
}

const backAtApp = async (page: Page): Promise<string | null | undefined> => {
  await page.waitForURL(`${app.origin}/cb**`)
  return app.received()?.answer.get('code')
}

for (const javaScriptEnabled of [false, true]) {
  const how = javaScriptEnabled ? 'with scripts' : 'without scripts'

  test(`browser: a sign-in at a provider, chosen, only or requested, ends in a code, ${how}`, async () => {
    for (const [parameters, name] of [
      [{}, 'Sign in with Corp'],
      [{ client_id: 'only' }, undefined],
      [{ acr_values: 'idp:corp' }, undefined],
    ] as const) {
      const { page, complaints, close } = await open({ javaScriptEnabled })
      await page.goto(authorize(parameters))
      if (name) await page.getByRole('link', { name }).click()
      assert.ok(await backAtApp(page))
      assert.deepEqual(complaints, [])
      await close()
    }
  })

  test(`browser: the domain of an email address leads to its provider, and a local name to a password, ${how}`, async () => {
    const { page, complaints, close } = await open({ javaScriptEnabled })
    await page.goto(authorize())
    await page.getByLabel('Username').fill('ada@corp.example')
    await page.keyboard.press('Enter')
    assert.ok(await backAtApp(page))
    await page.goto(authorize({ prompt: 'login' }))
    await page.getByLabel('Username').fill('alice')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByLabel('Password').fill('wonderland')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    assert.ok(await backAtApp(page))
    assert.deepEqual(complaints, [])
    await close()
  })

  test(`browser: an upstream account is connected, used, and signed out of there too, ${how}`, async () => {
    provider.claims = { sub: `of-alice-${how}`, name: `Alice ${how}` }
    const { page, complaints, close } = await open({ javaScriptEnabled })
    await page.goto(`${server.url}/account/connections`)
    await page.getByLabel('Username').fill('alice')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByLabel('Password').fill('wonderland')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('button', { name: 'Connect Corp', exact: true }).click()
    await page.getByText(`Alice ${how}`).waitFor()
    await page.goto(authorize({ acr_values: 'idp:corp' }))
    assert.ok(await backAtApp(page))
    await page.goto(`${server.url}/account`)
    await page.getByText('alice', { exact: true }).waitFor()
    let there = 0
    provider.service.once('beforePostLogoutRedirect', () => there++)
    await page.goto(`${server.url}/logout`)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(`${server.url}/logout/done?state=**`)
    assert.equal(there, 1)
    assert.deepEqual(complaints, [])
    provider.claims = { sub: 'ada', name: 'Ada' }
    await close()
  })
}
