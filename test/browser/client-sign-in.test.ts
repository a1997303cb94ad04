/** Sign-in and sign-out with the client library in a real browser, at a server on another site. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { createClient, unwrap } from '@tessera/client'
import { signInWithLoopback } from '@tessera/client/node'
import type { Browser, BrowserContext, Frame, Page } from 'playwright-core'
import { parseConfiguration, type Server, startServer } from '../../packages/server/src/server.ts'
import { freePort } from '../support/process.ts'
import { until } from '../support/until.ts'
import { launchChromium } from './chromium.ts'
import { type ClientApp, run, startClientApp } from './client-app.ts'

const nothing = () => {}
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

let browser: Browser
let app: ClientApp
let server: Server

before(async () => {
  app = await startClientApp('spa')
  const { origin } = app
  const port = await freePort()
  const outcome = parseConfiguration(
    {
      storage: 'memory:',
      dpop: { require_nonce: true },
      issuer: `http://127.0.0.1:${port}`,
      host: '127.0.0.1',
      port,
      users: [
        { sub: '1', username: 'alice', password: 'wonderland', claims: { name: 'Alice' } },
        { sub: '2', username: 'bob', password: 'builder', claims: { name: 'Bob' } },
      ],
      clients: [
        {
          client_id: 'spa',
          token_endpoint_auth_method: 'none',
          redirect_uris: ['/callback', '/popup', '/isolated/popup'].map(path => origin + path),
          post_logout_redirect_uris: [`${origin}/bye`],
          allowed_cors_origins: [origin],
          scope: 'openid profile',
        },
        {
          client_id: 'cli',
          token_endpoint_auth_method: 'none',
          redirect_uris: ['http://127.0.0.1/callback'],
          scope: 'openid',
        },
      ],
    },
    { isModule: true },
  )
  assert.ok(outcome.ok, JSON.stringify(outcome))
  server = await startServer(outcome.configuration, { log: silent })
  app.use(server.url)
  browser = await launchChromium()
})

after(async () => {
  await browser?.close()
  await server?.close()
  app?.close()
})

/** Runs a test in a browser without a session. Errors of pages fail it. */
async function inBrowser(use: (context: BrowserContext) => Promise<void>): Promise<void> {
  const context = await browser.newContext()
  const errors: string[] = []
  context.on('weberror', error => errors.push(String(error.error())))
  await use(context)
  assert.deepEqual(errors, [])
  await context.close()
}

async function openApp(context: BrowserContext, path = '/'): Promise<Page> {
  const page = await context.newPage()
  await page.goto(app.origin + path)
  return page
}

async function enterPassword(page: Page, username = 'alice', password = 'wonderland'): Promise<void> {
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

const redirect = (options = '') =>
  `app.signInWithRedirect(app.client, { redirect_uri: app.origin + '/callback', ${options} })`

/** Does not wait: the page of the script is about to be unloaded. */
const startRedirect = (page: Page, options?: string) => page.evaluate(`void ${redirect(options)}`)

const atCallback = (page: Page) => page.waitForURL(`${app.origin}/callback?**`)

const completeRedirect = (page: Page) => run(page, 'app.completeRedirect(app.client)')

const keptKeys = (page: Page) => page.evaluate('Object.keys(sessionStorage)')

/** Starts a sign-in by popup and returns its window, and the outcome once there is one. */
async function openPopup(page: Page, options = '', frame: Page | Frame = page) {
  const opened = page.waitForEvent('popup')
  const outcome = run(
    frame,
    `app.signInWithPopup(app.client, { redirect_uri: app.redirect_uri, ${options} })`,
  )
  return { popup: await opened, outcome }
}

/** Serves one page of another origin. */
async function servePage(html: string) {
  const other = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(html)
  }).listen(0, '127.0.0.1')
  await once(other, 'listening')
  return {
    url: `http://127.0.0.1:${(other.address() as AddressInfo).port}/`,
    close() {
      other.closeAllConnections()
      other.close()
    },
  }
}

for (const mode of ['query', 'fragment', 'jwt'])
  test(`browser: a user signs in by redirect, with the response mode ${mode}, and the address bar keeps nothing of it`, () =>
    inBrowser(async context => {
      const page = await openApp(context, '/orders?page=2#last')
      await startRedirect(page, `response_mode: '${mode}'`)
      await enterPassword(page)
      await page.waitForURL(`${app.origin}/callback${mode === 'fragment' ? '#' : '?'}**`)
      // A framework may run an effect twice: the second call finds nothing.
      const [first, second] = await Promise.all([completeRedirect(page), completeRedirect(page)])
      assert.deepEqual(first, { ok: true, sub: '1', returnTo: '/orders?page=2#last' })
      assert.equal(second, undefined)
      assert.equal(page.url(), `${app.origin}/callback`)
      assert.deepEqual(await keptKeys(page), [])
      await page.reload()
      assert.equal(await completeRedirect(page), undefined)
    }))

test('browser: all tabs have one DPoP key, which is kept and can not be exported', () =>
  inBrowser(async context => {
    const jkt = `(async () => {
      const { value } = await app.storedDpopKey()
      const exported = await crypto.subtle.exportKey('jwk', value.privateKey).then(() => 'exported', error => error.name)
      return [(await app.boundClient()).proof.jkt, exported].join(' ')
    })()`
    const pages = [await openApp(context), await openApp(context)]
    const [first, second] = await Promise.all(pages.map(page => page.evaluate<string>(jkt)))
    assert.match(first ?? '', /^[\w-]{43} InvalidAccessError$/)
    assert.equal(second, first)
    await pages[0]?.reload()
    assert.equal(await pages[0]?.evaluate(jkt), first)
  }))

test('browser: a user signs in with DPoP, and a page of another site gets the nonces [RFC 9449 §8]', () =>
  inBrowser(async context => {
    const page = await openApp(context)
    const options = "{ redirect_uri: app.origin + '/callback', scope: 'openid profile' }"
    await page.evaluate(`void app.boundClient().then(client => app.signInWithRedirect(client, ${options}))`)
    await enterPassword(page)
    await atCallback(page)
    const [type, name] = await page.evaluate<readonly string[]>(`(async () => {
      const completed = await app.completeRedirect(await app.boundClient())
      if (!completed.ok) return [completed.error.message]
      const { token_type, access_token, claims } = completed.value
      // A new client knows no nonce, and the key is the one that is kept.
      const user = await app.fetchUserinfo(await app.boundClient(), access_token, claims.sub)
      return [token_type, user.ok ? user.value.name : user.error.message]
    })()`)
    assert.deepEqual([type, name], ['DPoP', 'Alice'])
  }))

test('browser: two tabs sign in at once, and each gets its own user', () =>
  inBrowser(async context => {
    const [one, other] = [await openApp(context, '/one'), await openApp(context, '/other')]
    for (const page of [one, other]) {
      await startRedirect(page)
      await page.getByLabel('Username').waitFor()
    }
    await enterPassword(other, 'bob', 'builder')
    await atCallback(other)
    assert.deepEqual(await completeRedirect(other), { ok: true, sub: '2', returnTo: '/other' })
    await enterPassword(one)
    await atCallback(one)
    assert.deepEqual(await completeRedirect(one), { ok: true, sub: '1', returnTo: '/one' })
  }))

test('browser: a second sign-in in a tab does not disturb the first', () =>
  inBrowser(async context => {
    const page = await openApp(context, '/first')
    const sent = page.waitForRequest(`${server.url}/connect/authorize?**`)
    await startRedirect(page)
    const first = (await sent).url()
    // Otherwise this navigation would interrupt the next one.
    await page.getByLabel('Username').waitFor()
    await page.goto(`${app.origin}/second`)
    await startRedirect(page)
    await enterPassword(page)
    await atCallback(page)
    assert.equal((await completeRedirect(page))?.returnTo, '/second')
    await page.goto(first)
    await atCallback(page)
    assert.equal((await completeRedirect(page))?.returnTo, '/first')
  }))

test('browser: a sign-in never returns to another origin', () =>
  inBrowser(async context => {
    const page = await openApp(context)
    // The password is asked for once only: what follows a response does not depend on it.
    await startRedirect(page)
    await enterPassword(page)
    await atCallback(page)
    assert.equal((await completeRedirect(page))?.ok, true)
    for (const returnTo of [
      'https://evil.example/a',
      '//evil.example/a',
      '/\\\\evil.example/a',
      '/.//evil.example/a',
      'javascript:alert(1)',
    ]) {
      await startRedirect(page, `returnTo: '${returnTo}'`)
      await atCallback(page)
      assert.deepEqual(await completeRedirect(page), { ok: true, sub: '1', returnTo: '/' }, returnTo)
    }
  }))

test('browser: a user who cancels is an error of the server, and can start again', () =>
  inBrowser(async context => {
    const page = await openApp(context)
    await startRedirect(page)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await atCallback(page)
    const { kind, code } = (await completeRedirect(page)) ?? {}
    assert.deepEqual([kind, code], ['response', 'access_denied'])
    assert.equal(page.url(), `${app.origin}/callback`)
    await startRedirect(page)
    await enterPassword(page)
    await atCallback(page)
    assert.equal((await completeRedirect(page))?.sub, '1')
  }))

test('browser: a response to a sign-in of another tab is refused, and sends no code [RFC 9700 §4.7]', () =>
  inBrowser(async context => {
    const page = await openApp(context)
    await startRedirect(page)
    await enterPassword(page)
    await atCallback(page)
    const victim = await context.newPage()
    const requests: string[] = []
    victim.on('request', request => requests.push(request.url()))
    await victim.goto(page.url())
    const { kind, code } = (await completeRedirect(victim)) ?? {}
    assert.deepEqual([kind, code], ['invalid', 'pending_missing'])
    assert.equal(victim.url(), `${app.origin}/callback`)
    assert.deepEqual(
      requests.filter(url => url.startsWith(server.url)),
      [],
    )
  }))

test('browser: sign-ins that were abandoned an hour ago are deleted', () =>
  inBrowser(async context => {
    const page = await openApp(context)
    await startRedirect(page)
    await page.getByLabel('Username').waitFor()
    await page.goto(app.origin)
    const [abandoned] = (await keptKeys(page)) as string[]
    assert.match(abandoned ?? '', /^tessera\.authorization\./)
    await page.evaluate(key => {
      const { sessionStorage } = globalThis as unknown as { sessionStorage: Map<string, string> & Storage }
      const entry = JSON.parse(sessionStorage.getItem(key) ?? '')
      sessionStorage.setItem(key, JSON.stringify({ ...entry, saved_at: entry.saved_at - 3601 }))
    }, abandoned ?? '')
    await startRedirect(page)
    await page.getByLabel('Username').waitFor()
    await page.goto(app.origin)
    const keys = (await keptKeys(page)) as string[]
    assert.equal(keys.length, 1)
    assert.notEqual(keys[0], abandoned)
  }))

test('browser: a user signs in in a popup, and the page stays as it is', () =>
  inBrowser(async context => {
    const page = await openApp(context, '/cart?item=1')
    const { popup, outcome } = await openPopup(page)
    await enterPassword(popup)
    assert.deepEqual(await outcome, { ok: true, sub: '1' })
    if (!popup.isClosed()) await popup.waitForEvent('close')
    assert.equal(page.url(), `${app.origin}/cart?item=1`)
    assert.deepEqual(await keptKeys(page), [])
  }))

test('browser: popups of two tabs at once do not disturb each other', () =>
  inBrowser(async context => {
    const [one, other] = [await openApp(context), await openApp(context)]
    const first = await openPopup(one)
    // A browser without cookies gets the one that protects forms from the page that loads first.
    await first.popup.getByLabel('Username').waitFor()
    const second = await openPopup(other)
    await enterPassword(second.popup, 'bob', 'builder')
    assert.deepEqual(await second.outcome, { ok: true, sub: '2' })
    await enterPassword(first.popup)
    assert.deepEqual(await first.outcome, { ok: true, sub: '1' })
  }))

test('browser: a popup works between pages with Cross-Origin-Opener-Policy, if its closing is not detected', () =>
  inBrowser(async context => {
    const page = await context.newPage()
    await page.clock.install()
    await page.goto(`${app.origin}/isolated/home`)
    const { popup, outcome } = await openPopup(page, 'detectClosing: false')
    await popup.getByLabel('Username').waitFor()
    // Long enough for several checks whether the window is closed, if there were any.
    await page.clock.runFor(5000)
    await enterPassword(popup)
    assert.deepEqual(await outcome, { ok: true, sub: '1' })
  }))

test('browser: an application in a frame of another site signs in by popup', () =>
  inBrowser(async context => {
    const portal = await servePage(
      `<!doctype html><title>Portal</title><iframe src="${app.origin}/"></iframe>`,
    )
    const page = await context.newPage()
    await page.goto(portal.url)
    const frame = page.frames().find(frame => frame.url().startsWith(app.origin))
    assert.ok(frame)
    const { popup, outcome } = await openPopup(page, '', frame)
    await enterPassword(popup)
    assert.deepEqual(await outcome, { ok: true, sub: '1' })
    portal.close()
  }))

test('browser: a popup that the browser blocks is an error', () =>
  inBrowser(async context => {
    const page = await openApp(context)
    await page.evaluate('open = () => null')
    const { kind, code } =
      (await run(page, 'app.signInWithPopup(app.client, { redirect_uri: app.redirect_uri })')) ?? {}
    assert.deepEqual([kind, code], ['policy', 'popup_blocked'])
  }))

test('browser: a popup that the user closes is an error', () =>
  inBrowser(async context => {
    const page = await openApp(context)
    const { popup, outcome } = await openPopup(page)
    await popup.getByLabel('Username').waitFor()
    await popup.close()
    const { kind, code } = (await outcome) ?? {}
    assert.deepEqual([kind, code], ['aborted', 'popup_closed'])
  }))

test('browser: a signal ends the sign-in and closes the popup', () =>
  inBrowser(async context => {
    const page = await openApp(context)
    await page.evaluate('globalThis.stop = new AbortController()')
    const { popup, outcome } = await openPopup(page, 'signal: stop.signal')
    await popup.getByLabel('Username').waitFor()
    await page.evaluate('stop.abort()')
    const { kind, code } = (await outcome) ?? {}
    assert.deepEqual([kind, code], ['aborted', 'aborted'])
    if (!popup.isClosed()) await popup.waitForEvent('close')
  }))

test('browser: a refusal in the popup is an error of the server', () =>
  inBrowser(async context => {
    const page = await openApp(context)
    const { popup, outcome } = await openPopup(page)
    await popup.getByRole('button', { name: 'Cancel' }).click()
    const { kind, code } = (await outcome) ?? {}
    assert.deepEqual([kind, code], ['response', 'access_denied'])
  }))

test('browser: messages of other origins and other windows do not end a sign-in by popup', () =>
  inBrowser(async context => {
    const attacker = await servePage(`<script>
      const response = '${app.origin}/popup?code=stolen&state=forged'
      const target = opener ?? parent
      target.postMessage({ type: 'tessera.authorization_response', response }, '*')
      target.postMessage('sent', '*')
    </script>`)
    const page = await openApp(context)
    const { popup, outcome } = await openPopup(page)
    await popup.getByLabel('Username').waitFor()
    await page.evaluate(`globalThis.messages = 0
      addEventListener('message', ({ data }) => { if (data === 'sent') messages++ })
      document.body.append(Object.assign(document.createElement('iframe'), { src: '${attacker.url}' }))`)
    await until('the frame has sent its message', () => page.evaluate('messages === 1'))
    await popup.goto(attacker.url)
    await until('the window has sent its message', () => page.evaluate('messages === 2'))
    await popup.goBack()
    await page.evaluate(
      `postMessage({ type: 'tessera.authorization_response', response: '/popup?code=x&state=y' }, origin)`,
    )
    await enterPassword(popup)
    assert.deepEqual(await outcome, { ok: true, sub: '1' })
    attacker.close()
  }))

test('browser: a user signs out at the server and returns [RP-Initiated Logout 1.0 §3]', () =>
  inBrowser(async context => {
    const page = await openApp(context)
    await startRedirect(page)
    await enterPassword(page)
    await atCallback(page)
    await page.evaluate(`void app.completeRedirect(app.client).then(({ value }) => app.signOut(app.client, {
      id_token_hint: value.id_token, post_logout_redirect_uri: app.origin + '/bye', returnTo: '/goodbye' }))`)
    await page.waitForURL(`${app.origin}/bye?**`)
    const returned = page.url()
    assert.equal((await run(page, 'app.completeSignOut()'))?.returnTo, '/goodbye')
    assert.equal(page.url(), `${app.origin}/bye`)
    assert.deepEqual(await keptKeys(page), [])
    assert.equal(await run(page, 'app.completeSignOut()'), undefined)
    await page.goto(returned)
    assert.equal((await run(page, 'app.completeSignOut()'))?.code, 'pending_missing')
    await page.goto(app.origin)
    await startRedirect(page)
    await page.getByLabel('Username').waitFor()
  }))

test('browser: the page of a loopback sign-in shows the end, and the address bar does not keep the code [RFC 8252 §7.3]', () =>
  inBrowser(async context => {
    const page = await context.newPage()
    const client = createClient({ issuer: server.url, client_id: 'cli' })
    const open = async (url: string): Promise<void> => {
      await page.goto(url)
      await enterPassword(page)
    }
    const { claims } = unwrap(await signInWithLoopback(client, { open }))
    assert.equal(claims?.sub, '1')
    await page.getByText('You are signed in. You can close this window.').waitFor()
    const { pathname, search } = new URL(page.url())
    assert.equal(pathname + search, '/')
  }))

test('browser: a page without a response has nothing to complete, and its address stays as it is', () =>
  inBrowser(async context => {
    const page = await openApp(context, '/list?state=open&code=')
    assert.equal(await run(page, 'app.completeSignOut()'), undefined)
    assert.equal(page.url(), `${app.origin}/list?state=open&code=`)
    assert.equal(await page.evaluate('app.completePopup()'), true)
    await page.goto(`${app.origin}/list?state=open`)
    assert.equal(await completeRedirect(page), undefined)
    assert.equal(await page.evaluate('app.completePopup()'), false)
    assert.equal(page.url(), `${app.origin}/list?state=open`)
  }))

test('browser: without storage a redirect fails before it begins', () =>
  inBrowser(async context => {
    const page = await openApp(context)
    await page.evaluate(
      `Object.defineProperty(globalThis, 'sessionStorage', { get() { throw new Error('denied') } })`,
    )
    const { kind, code } = (await run(page, redirect())) ?? {}
    assert.deepEqual([kind, code], ['unsupported', 'storage_unavailable'])
    assert.equal(page.url(), `${app.origin}/`)
  }))
