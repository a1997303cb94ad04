import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { parseConfiguration, type Server, startServer } from '../../packages/server/src/server.ts'
import { freePort } from '../support/process.ts'
import { authorizePath, pagesWorld, verifier } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { launchChromium } from './chromium.ts'

const nothing = () => {}
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** A client application at its own origin, which records what it receives. */
async function startClient(name: string) {
  const requests: { readonly path: string; readonly query: URLSearchParams; readonly body: string }[] = []
  let frame = ''
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://app')
    let body = ''
    for await (const chunk of request) body += chunk
    requests.push({ path: pathname, query: searchParams, body })
    response.setHeader('content-type', 'text/html; charset=utf-8')
    if (pathname !== '/watch') return response.end(`<!doctype html><title>${name}</title><h1>${name}</h1>`)
    // A page that monitors the session like the specification's example (Session Management 1.0 §3.1).
    response.end(`<!doctype html><title>${name}</title><h1>${name}</h1><iframe id="op" src="${frame}"></iframe>
      <script>
        var answer = new Promise(function (done) {
          addEventListener('message', function (event) { done([event.origin, event.data]) })
        })
        function ask(text) {
          document.getElementById('op').contentWindow.postMessage(text, '${new URL(frame).origin}')
          return answer
        }
      </script>`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    name,
    origin,
    requests,
    to: (path: string) => requests.filter(request => request.path === path),
    watchBy: (url: string) => {
      frame = url
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

let browser: Browser
let server: Server
let shop: Awaited<ReturnType<typeof startClient>>
let wiki: typeof shop

before(async () => {
  ;[shop, wiki] = await Promise.all([startClient('shop'), startClient('wiki')])
  const port = await freePort()
  const clients = [shop, wiki].map(({ name, origin }) => ({
    client_id: name,
    client_name: name === 'shop' ? 'Shop' : 'Wiki',
    token_endpoint_auth_method: 'none',
    redirect_uris: [`${origin}/cb`],
    post_logout_redirect_uris: [`${origin}/bye`],
    frontchannel_logout_uri: `${origin}/front`,
    backchannel_logout_uri: `${origin}/back`,
    scope: 'openid',
  }))
  const outcome = parseConfiguration(
    {
      users: pagesWorld.users,
      tenants: pagesWorld.tenants,
      clients,
      storage: 'memory:',
      issuer: `http://127.0.0.1:${port}`,
      host: '127.0.0.1',
      port,
      sessions: { keep_signed_in: true },
      outbound: { allowed_private_networks: ['127.0.0.0/8'] },
    },
    { isModule: true },
  )
  assert.ok(outcome.ok, JSON.stringify(outcome))
  server = await startServer(outcome.configuration, { log: silent })
  for (const client of [shop, wiki]) client.watchBy(`${server.url}/connect/checksession`)
  browser = await launchChromium()
})

after(async () => {
  await browser?.close()
  await server?.close()
  shop?.close()
  wiki?.close()
})

/** A user with these settings; warnings and errors of the browser fail the test. */
async function open(settings: Parameters<Browser['newContext']>[0] = {}) {
  const context: BrowserContext = await browser.newContext(settings)
  const page: Page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  return { page, complaints, close: () => context.close() }
}

/** Signs in at a client; returns the token response. */
async function signInAt(page: Page, client: typeof shop) {
  const redirect_uri = `${client.origin}/cb`
  await page.goto(server.url + authorizePath({ client_id: client.name, redirect_uri, scope: 'openid' }))
  const username = page.getByLabel('Username')
  if ((await username.count()) > 0) {
    await username.fill('alice')
    await page.getByLabel('Password').fill('wonderland')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  }
  await page.waitForURL(`${redirect_uri}**`)
  const answer = new URL(page.url()).searchParams
  const response = await fetch(`${server.url}/connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: client.name,
      code: answer.get('code') ?? '',
      redirect_uri,
      code_verifier: verifier,
    }),
  })
  const { id_token } = (await response.json()) as { id_token: string }
  return { id_token, session_state: answer.get('session_state') ?? '' }
}

const endSession = (parameters: Record<string, string>) =>
  `${server.url}/connect/endsession?${new URLSearchParams(parameters)}`

for (const javaScriptEnabled of [false, true]) {
  const how = javaScriptEnabled ? 'with scripts' : 'without scripts'

  test(`browser: signing out notifies each client by iframe and logout token, then redirects back, ${how}`, async () => {
    for (const client of [shop, wiki]) client.requests.length = 0
    const { page, complaints, close } = await open({ javaScriptEnabled })
    const { id_token } = await signInAt(page, shop)
    await signInAt(page, wiki)
    await page.goto(
      endSession({ client_id: 'shop', post_logout_redirect_uri: `${shop.origin}/bye`, state: 's 1' }),
    )
    await page.getByText('Shop wants to sign you out').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(`${shop.origin}/bye?state=s+1`)
    assert.equal(shop.to('/bye').length, 1)
    const { sid } = JSON.parse(Buffer.from(id_token.split('.')[1] ?? '', 'base64url').toString())
    await until('the applications are notified', () =>
      [shop, wiki].every(client => client.to('/front').length > 0 && client.to('/back').length > 0),
    )
    for (const client of [shop, wiki]) {
      const [front] = client.to('/front')
      assert.deepEqual(Object.fromEntries(front!.query), { iss: server.url, sid })
      assert.match(client.to('/back')[0]!.body, /^logout_token=/)
    }
    // The session has ended.
    await page.goto(
      server.url + authorizePath({ client_id: 'wiki', redirect_uri: `${wiki.origin}/cb`, scope: 'openid' }),
    )
    await page.getByLabel('Password').waitFor()
    assert.deepEqual(complaints, [])
    await close()
  })
}

test('browser: without scripts the signed-out page has an immediate link back', async () => {
  const { page, close } = await open({ javaScriptEnabled: false })
  const { id_token } = await signInAt(page, shop)
  await page.goto(endSession({ id_token_hint: id_token, post_logout_redirect_uri: `${shop.origin}/bye` }))
  await page.getByRole('link', { name: 'Back to Shop' }).click()
  await page.waitForURL(`${shop.origin}/bye`)
  await close()
})

test('browser: with scripts an unresponsive frame does not delay the redirect, and the client is called once', async () => {
  const { page, complaints, close } = await open()
  const { id_token } = await signInAt(page, shop)
  await page.route(`${shop.origin}/front**`, () => {})
  await page.clock.install()
  shop.requests.length = 0
  const target = { id_token_hint: id_token, post_logout_redirect_uri: `${shop.origin}/bye` }
  await page.goto(endSession(target), { waitUntil: 'commit' })
  await page.locator('#next').waitFor()
  await page.clock.runFor(4_900)
  assert.match(page.url(), /\/logout\/done\?/)
  await page.clock.runFor(200)
  await page.waitForURL(`${shop.origin}/bye`)
  assert.equal(shop.to('/bye').length, 1)
  assert.deepEqual(complaints, [])
  await close()
})

test('browser: a client’s page detects through the iframe that the session has ended', async () => {
  const { page, complaints, close } = await open()
  const { id_token, session_state } = await signInAt(page, shop)
  const ask = async (question: string) => {
    await page.goto(`${shop.origin}/watch`, { waitUntil: 'load' })
    return page.evaluate(`ask(${JSON.stringify(question)})`)
  }
  assert.deepEqual(await ask(`shop ${session_state}`), [server.url, 'unchanged'])
  assert.deepEqual(await ask(`wiki ${session_state}`), [server.url, 'changed'])
  assert.deepEqual(await ask('nonsense'), [server.url, 'error'])
  // A sign-in at another client changes nothing.
  await signInAt(page, wiki)
  assert.deepEqual(await ask(`shop ${session_state}`), [server.url, 'unchanged'])
  await page.goto(endSession({ id_token_hint: id_token }))
  await page.getByText('You are signed out').waitFor()
  assert.deepEqual(await ask(`shop ${session_state}`), [server.url, 'changed'])
  assert.deepEqual(complaints, [])
  await close()
})

test('browser: a user ends another browser’s session', async () => {
  const there = await open()
  await signInAt(there.page, shop)
  const here = await open()
  await here.page.goto(`${server.url}/account/sessions`)
  await here.page.getByLabel('Username').fill('alice')
  await here.page.getByLabel('Password').fill('wonderland')
  await here.page.getByLabel('Keep me signed in on this device').check()
  await here.page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await here.page.getByRole('button', { name: 'Sign out everywhere else' }).click()
  await here.page.getByText('This browser, now').waitFor()
  assert.equal(await here.page.getByRole('button', { name: 'Sign out everywhere else' }).count(), 0)
  await there.page.goto(
    server.url + authorizePath({ client_id: 'shop', redirect_uri: `${shop.origin}/cb`, scope: 'openid' }),
  )
  await there.page.getByLabel('Password').waitFor()
  await there.close()
  await here.close()
})
