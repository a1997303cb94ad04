import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { parseConfiguration, type Server, startServer } from '../../packages/server/src/server.ts'
import { freePort } from '../support/process.ts'
import { authorizePath, pagesWorld, verifier } from '../support/sign-in.ts'
import { claimsOf } from '../support/tessera.ts'
import { type App, launchChromium, startApp } from './chromium.ts'

const nothing = () => {}
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

let browser: Browser
let app: App
let server: Server
let callback: string

before(async () => {
  app = await startApp()
  callback = `${app.origin}/cb`
  const port = await freePort()
  const clients = pagesWorld.clients.map(client =>
    client.redirect_uris ? { ...client, redirect_uris: [callback] } : client,
  )
  const outcome = parseConfiguration(
    {
      ...pagesWorld,
      clients,
      storage: 'memory:',
      issuer: `http://127.0.0.1:${port}`,
      host: '127.0.0.1',
      port,
    },
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

const post = async (path: string, form: Record<string, string>) => {
  const response = await fetch(server.url + path, { method: 'POST', body: new URLSearchParams(form) })
  return { status: response.status, json: (await response.json()) as Record<string, string> }
}

const authorize = (changes: Record<string, string> = {}) =>
  server.url + authorizePath({ redirect_uri: callback, ...changes })

/** A user with these settings; warnings and errors of the browser fail the test. */
async function open(settings: Parameters<Browser['newContext']>[0]) {
  const context: BrowserContext = await browser.newContext(settings)
  const page: Page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' && !message.text().includes('status of 400'))
      complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  return { page, complaints, close: () => context.close() }
}

async function signIn(page: Page, username = 'alice', password = 'wonderland'): Promise<void> {
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

for (const javaScriptEnabled of [false, true]) {
  const how = javaScriptEnabled ? 'with scripts' : 'without scripts'

  test(`browser: the code flow ends in tokens, ${how}`, async () => {
    const { page, complaints, close } = await open({ javaScriptEnabled })
    await page.goto(authorize({ client_id: 'asking', prompt: 'login consent' }))
    await signIn(page)
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.waitForURL(`${callback}**`)
    const { answer } = app.received() ?? {}
    assert.equal(answer?.get('state'), 'a state & more')
    const { status, json } = await post('/connect/token', {
      grant_type: 'authorization_code',
      client_id: 'asking',
      code: answer?.get('code') ?? '',
      redirect_uri: callback,
      code_verifier: verifier,
    })
    assert.equal(status, 200)
    assert.equal(claimsOf(json.id_token ?? '').sub, '1')
    assert.deepEqual(complaints, [])
    await close()
  })

  test(`browser: an unchecked scope is not granted, and granted access can be revoked, ${how}`, async () => {
    const { page, complaints, close } = await open({ javaScriptEnabled })
    await page.goto(authorize({ client_id: 'asking', scope: 'openid api1 api2', prompt: 'login consent' }))
    await signIn(page)
    await page.getByLabel('api2').uncheck()
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.waitForURL(`${callback}**`)
    const { json } = await post('/connect/token', {
      grant_type: 'authorization_code',
      client_id: 'asking',
      code: app.received()?.answer.get('code') ?? '',
      redirect_uri: callback,
      code_verifier: verifier,
    })
    assert.equal(json.scope, 'api1 openid')
    const requestUserInfo = () =>
      fetch(`${server.url}/connect/userinfo`, { headers: { authorization: `Bearer ${json.access_token}` } })
    assert.equal((await requestUserInfo()).status, 200)

    await page.goto(`${server.url}/account/consents`)
    await page.getByRole('listitem').filter({ hasText: 'Asking' }).getByRole('button').click()
    await page.getByRole('status').waitFor()
    assert.equal((await requestUserInfo()).status, 401)
    assert.deepEqual(complaints, [])
    await close()
  })

  test(`browser: a user chooses one of two accounts, ${how}`, async () => {
    const { page, complaints, close } = await open({ javaScriptEnabled })
    await page.goto(authorize())
    await signIn(page)
    await page.waitForURL(`${callback}**`)
    await page.goto(authorize({ prompt: 'select_account' }))
    await page.getByRole('button', { name: 'Continue as Alice' }).click()
    await page.waitForURL(`${callback}**`)
    await page.goto(authorize({ prompt: 'select_account' }))
    await page.getByRole('button', { name: 'Use another account' }).click()
    await signIn(page, 'bob', 'builder')
    await page.waitForURL(`${callback}**`)
    assert.ok(app.received()?.answer.get('code'))
    await page.goto(`${server.url}/account`)
    assert.match(await page.getByRole('main').innerText(), /bob/)
    assert.deepEqual(complaints, [])
    await close()
  })

  test(`browser: a refusal returns to the app, ${how}`, async () => {
    const { page, complaints, close } = await open({ javaScriptEnabled })
    await page.goto(authorize())
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.waitForURL(`${callback}**`)
    assert.equal(app.received()?.answer.get('error'), 'access_denied')
    assert.deepEqual(complaints, [])
    await close()
  })

  test(`browser: form_post sends the code by POST, ${how}`, async () => {
    const { page, complaints, close } = await open({ javaScriptEnabled })
    await page.goto(authorize({ response_mode: 'form_post' }))
    await signIn(page)
    if (!javaScriptEnabled) await page.getByRole('button', { name: 'Continue' }).click()
    await page.waitForURL(callback)
    assert.equal(app.received()?.method, 'POST')
    assert.match(app.received()?.answer.get('code') ?? '', /^tc_/)
    assert.deepEqual(complaints, [])
    await close()
  })

  test(`browser: the device flow ends in tokens, ${how}`, async () => {
    const { page, complaints, close } = await open({ javaScriptEnabled })
    const { json: device } = await post('/connect/deviceauthorization', { client_id: 'tv' })
    await page.goto(device.verification_uri_complete ?? '')
    await page.getByRole('button', { name: 'Continue' }).click()
    await signIn(page)
    await page.getByText(device.user_code ?? '-').waitFor()
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.getByRole('heading', { name: 'Device connected' }).waitFor()
    const { status, json } = await post('/connect/token', {
      grant_type: deviceGrant,
      client_id: 'tv',
      device_code: device.device_code ?? '',
    })
    assert.equal(status, 200)
    assert.match(json.refresh_token ?? '', /^tr_/)
    assert.deepEqual(complaints, [])
    await close()
  })
}
