/**
 * Every form reaches the client, whatever redirects follow its redirect URI. Chromium applies `form-action` to every
 * redirect after a form post (CSP 3 §6.4.1), so only a real browser shows it. What comes before the page with the form is
 * requested over HTTP, except where the browser's part is tested too.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { parseConfiguration, type Server, startServer } from '../../packages/server/src/server.ts'
import { unescapeHtml } from '../../packages/server/src/testing/page-form.ts'
import { createBrowser, type Browser as Requesting } from '../support/browser.ts'
import { enrolApp } from '../support/factors.ts'
import { freePort } from '../support/process.ts'
import { remote } from '../support/remote.ts'
import { authorizePath, signIn as signInAt } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { plugIn } from './authenticator.ts'
import { type Chain, type ChainingClient, chains, startChainingClient } from './chain.ts'
import { launchChromium } from './chromium.ts'
import { shareCookies } from './share-cookies.ts'

const nothing = () => {}
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

let browser: Browser
let client: ChainingClient
/** A server for clients, and the one that it is a provider for: a broker. */
let server: Server
let broker: Server

async function start(configuration: Record<string, unknown>, host: string, port: number): Promise<Server> {
  const issuer = `http://${host}:${port}`
  const outcome = parseConfiguration({
    storage: 'memory:',
    issuer,
    host: '127.0.0.1',
    port,
    ...configuration,
  })
  assert.ok(outcome.ok, JSON.stringify(outcome))
  const started = await startServer(outcome.configuration, { log: silent, print: nothing })
  return { ...started, url: issuer }
}

before(async () => {
  client = await startChainingClient()
  const [port, brokerPort] = [await freePort(), await freePort()]
  const brokerUrl = `http://127.0.0.1:${brokerPort}`
  const code = {
    token_endpoint_auth_method: 'none',
    redirect_uris: chains.map(client.callback),
    post_logout_redirect_uris: chains.map(client.bye),
    scope: 'openid',
  }
  server = await start(
    {
      accounts: { sign_up: true },
      users: ['alice', 'ben', 'kim', 'zoe'].map(username => ({
        ...{ sub: username, username, password: 'secret', claims: {} },
      })),
      clients: [
        { ...code, client_id: 'web' },
        { ...code, client_id: 'asking', require_consent: true },
        { ...code, client_id: 'strict', mfa: { mode: 'required', methods: ['totp'] } },
        { ...code, client_id: 'keys', mfa: { mode: 'required', methods: ['passkey'] } },
        {
          ...{ ...code, client_id: 'broker', scope: 'openid profile email' },
          ...{ require_consent: true, allow_remember_consent: false },
          redirect_uris: [`${brokerUrl}/federation/callback/upstream`],
          post_logout_redirect_uris: [`${brokerUrl}/logout/done`],
        },
      ],
    },
    // A passkey belongs to a domain. The broker has another one, because cookies ignore ports.
    'localhost',
    port,
  )
  broker = await start(
    {
      accounts: { sign_up: true, email_verification: 'optional' },
      outbound: { allowed_private_networks: ['127.0.0.0/8', '::1'] },
      identity_providers: [
        {
          ...{ name: 'upstream', display_name: 'Upstream', type: 'oidc', issuer: server.url },
          client_id: 'broker',
        },
      ],
      clients: [
        { ...code, client_id: 'web' },
        {
          ...{ client_id: 'tv', token_endpoint_auth_method: 'none', scope: 'openid' },
          grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
          enable_local_login: false,
        },
      ],
    },
    '127.0.0.1',
    brokerPort,
  )
  browser = await launchChromium()
})

after(async () => {
  await browser?.close()
  await Promise.all([server?.close(), broker?.close()])
  client?.close()
})

const requestOf = (chain: Chain, changes: Record<string, string> = {}) =>
  authorizePath({ redirect_uri: client.callback(chain), scope: 'openid', ...changes })

const authorize = (chain: Chain, changes: Record<string, string> = {}, { url } = server) =>
  url + requestOf(chain, changes)

/** A user's browser; its warnings and errors fail the test. */
async function visiting(use: (page: Page) => Promise<void>, javaScriptEnabled = true): Promise<void> {
  const context = await browser.newContext({ javaScriptEnabled })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  await use(page)
  assert.deepEqual(complaints, [])
  await context.close()
}

const press = (page: Page, name: string) =>
  page.getByRole('button', { name, exact: true }).click({ noWaitAfter: true })

async function typePassword(page: Page, username = 'alice'): Promise<void> {
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill('secret')
  await press(page, 'Sign in')
}

/** Signs in over HTTP, and gives the page the cookies; returns the page that follows the password. */
async function signIn(page: Page, target = '/account', username = 'alice'): Promise<string> {
  await page.context().clearCookies()
  const person = createBrowser(remote(server.url))
  const credentials = { username, password: 'secret', button: 'login' }
  const followed = await signInAt(person, target, credentials)
  await shareCookies(page.context(), server.url, person)
  return server.url + followed.target
}

async function assertCode(arrived: Promise<URLSearchParams>): Promise<void> {
  assert.match((await arrived).get('code') ?? '', /^tc_/)
}

async function assertDenied(arrived: Promise<URLSearchParams>): Promise<void> {
  assert.equal((await arrived).get('error'), 'access_denied')
}

test('redirect chains: signing in, or cancelling it, arrives wherever the client’s callback redirects to', () =>
  visiting(async page => {
    for (const chain of chains) {
      await page.goto(authorize(chain, { prompt: 'login' }))
      await assertDenied(client.arrival(page, chain, () => press(page, 'Cancel')))
      await page.goto(authorize(chain, { prompt: 'login' }))
      await assertCode(client.arrival(page, chain, () => typePassword(page)))
    }
  }))

test('redirect chains: consent and its refusal arrive too', () =>
  visiting(async page => {
    await signIn(page)
    for (const chain of chains) {
      await page.goto(authorize(chain, { client_id: 'asking', prompt: 'consent' }))
      await assertDenied(client.arrival(page, chain, () => press(page, 'Don’t allow')))
      await page.goto(authorize(chain, { client_id: 'asking', prompt: 'consent' }))
      await assertCode(client.arrival(page, chain, () => press(page, 'Allow')))
    }
  }))

test('redirect chains: the choice of an account and cancelling it arrive too', () =>
  visiting(async page => {
    await signIn(page)
    for (const chain of chains) {
      await page.goto(authorize(chain, { prompt: 'select_account' }))
      await assertDenied(client.arrival(page, chain, () => press(page, 'Cancel')))
      await page.goto(authorize(chain, { prompt: 'select_account' }))
      await assertCode(client.arrival(page, chain, () => press(page, 'Continue as alice')))
    }
  }))

test('redirect chains: a second factor’s code and cancelling it arrive too', () =>
  visiting(async page => {
    const person = createBrowser(remote(server.url))
    const clock = { now: () => Math.floor(Date.now() / 1000), advance: nothing }
    const credentials = { username: 'ben', password: 'secret', button: 'login' }
    const strict = requestOf('once', { client_id: 'strict' })
    const { codes } = await enrolApp({ clock }, person, strict, credentials)
    for (const [index, chain] of chains.entries()) {
      const start = async () => {
        const asked = await signIn(page, requestOf(chain, { client_id: 'strict' }), 'ben')
        await page.goto(`${asked}&method=recovery_code`)
      }
      if (chain === 'twice') {
        await start()
        await assertDenied(client.arrival(page, chain, () => press(page, 'Cancel')))
      }
      await start()
      await page.locator('[name="code"]').fill(codes[index] ?? '')
      await assertCode(
        client.arrival(page, chain, () =>
          page.locator('button[value="verify"]').click({ noWaitAfter: true }),
        ),
      )
    }
  }))

test('redirect chains: a passkey arrives too, as the second factor and alone', () =>
  visiting(async page => {
    await plugIn(await page.context().newCDPSession(page))
    await page.goto(await signIn(page, requestOf('once', { client_id: 'keys' }), 'kim'))
    await page.locator('button[value="passkey_enrol"]').click()
    await page.locator('body[data-page="recovery-codes"]').waitFor()
    for (const chain of chains) {
      await page.goto(await signIn(page, requestOf(chain, { client_id: 'keys' }), 'kim'))
      const use = page.locator('button[value="passkey"]')
      await assertCode(client.arrival(page, chain, () => use.click({ noWaitAfter: true })))
      await page.context().clearCookies()
      await assertCode(
        client.arrival(page, chain, async () => {
          // The page's own suggestion may be faster than the button.
          await page.goto(authorize(chain, { client_id: 'keys' })).catch(nothing)
          await use.click({ noWaitAfter: true, timeout: 2000 }).catch(nothing)
        }),
      )
    }
  }))

for (const javaScriptEnabled of [true, false])
  test(`redirect chains: form_post arrives too, ${javaScriptEnabled ? 'with scripts' : 'without scripts'}`, () =>
    visiting(async page => {
      for (const chain of javaScriptEnabled ? chains : (['twice'] as const)) {
        await page.goto(authorize(chain, { response_mode: 'form_post', prompt: 'login' }))
        await assertCode(
          client.arrival(page, chain, async () => {
            await typePassword(page)
            if (!javaScriptEnabled) await press(page, 'Continue')
          }),
        )
      }
    }, javaScriptEnabled))

/** Returns the link in the mail to this address, once it has arrived. */
const linkInMail = (person: Requesting, address: string): Promise<string> =>
  until('the mail arrives', async () => {
    const { body } = await person.visit('/dev/mail')
    const mail = body.split('<li>').find(item => item.includes(address)) ?? ''
    return unescapeHtml(/<a href="([^"]+)"/.exec(mail)?.[1] ?? '')
  })

test('redirect chains: a sign-up arrives too, with and without a mail', () =>
  visiting(async page => {
    for (const chain of chains) {
      await page.context().clearCookies()
      await page.goto(authorize(chain, { prompt: 'create' }, broker))
      await page.locator('[name="username"]').fill(`new-${chain}`)
      await page.locator('[name="email"]').fill(`new-${chain}@example.com`)
      await page.locator('[name="new_password"]').fill('seven purple kettles')
      const submit = () => page.locator('main form button').click({ noWaitAfter: true })
      await assertCode(client.arrival(page, chain, submit))

      await page.context().clearCookies()
      const person = createBrowser(remote(server.url))
      const asked = await person.visit(requestOf(chain, { prompt: 'create' }))
      await person.submit(asked, { email: `new-${chain}@example.com` })
      await shareCookies(page.context(), server.url, person)
      await page.goto(await linkInMail(person, `new-${chain}@example.com`))
      await page.locator('[name="new_password"]').fill('seven purple kettles')
      await assertCode(client.arrival(page, chain, submit))
    }
  }))

const endSession = (chain: Chain, { url } = server) =>
  `${url}/connect/endsession?${new URLSearchParams({
    ...{ client_id: 'web', post_logout_redirect_uri: client.bye(chain), state: chain },
  })}`

for (const javaScriptEnabled of [true, false])
  test(`redirect chains: a sign-out arrives too, ${javaScriptEnabled ? 'with scripts' : 'without scripts'}`, () =>
    visiting(async page => {
      for (const chain of javaScriptEnabled ? chains : (['twice'] as const)) {
        await signIn(page)
        await page.goto(endSession(chain))
        const arrived = await client.arrival(page, chain, () => press(page, 'Sign out'))
        assert.equal(arrived.get('state'), chain)
      }
    }, javaScriptEnabled))

for (const javaScriptEnabled of [true, false])
  test(`redirect chains: a second Tessera as a broker changes nothing, ${javaScriptEnabled ? 'with scripts' : 'without scripts'}`, () =>
    visiting(async page => {
      for (const chain of javaScriptEnabled ? chains : (['twice'] as const)) {
        await page.goto(authorize(chain, { acr_values: 'idp:upstream' }, broker))
        await typePassword(page, 'zoe')
        await assertCode(client.arrival(page, chain, () => press(page, 'Allow')))
        // Signed out at the broker, at its provider, and back to the client.
        await page.goto(endSession(chain, broker))
        const arrived = await client.arrival(page, chain, () => press(page, 'Sign out'))
        assert.equal(arrived.get('state'), chain)
        await page.goto(`${server.url}/account`)
        await page.getByLabel('Password').waitFor()
      }
    }, javaScriptEnabled))

test('redirect chains: a device’s code leads to the only provider that its client may use', () =>
  visiting(async page => {
    const started = await fetch(`${broker.url}/connect/deviceauthorization`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'tv' }),
    })
    const { user_code } = (await started.json()) as { user_code: string }
    await page.goto(`${broker.url}/device`)
    await page.locator('[name="user_code"]').fill(user_code)
    await press(page, 'Continue')
    await typePassword(page, 'zoe')
    await press(page, 'Allow')
    await page.getByText(user_code).waitFor()
    await press(page, 'Connect')
    await page.getByRole('heading', { name: 'Device connected' }).waitFor()
  }))
