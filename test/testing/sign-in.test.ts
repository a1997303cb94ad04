/** Signing users in without a browser, checked with openid-client. */

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Configuration } from 'openid-client'
import * as client from 'openid-client'
import { readPageForm } from '../../packages/server/src/testing/page-form.ts'
import { startTestServer, type TestServer } from '../../packages/server/src/testing.ts'
import { beginSignIn, callback, discover, startApplication, tokensBySignIn } from './application.ts'

const redirect_uris = [callback]
const clients = [
  {
    client_id: 'web',
    client_secrets: [{ value: 's' }],
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris,
    scope: 'openid profile email offline_access api',
  },
  {
    client_id: 'asking',
    client_secrets: [{ value: 's' }],
    redirect_uris,
    scope: 'openid profile api other',
    require_consent: true,
  },
  {
    client_id: 'strict',
    client_secrets: [{ value: 's' }],
    redirect_uris,
    scope: 'openid',
    mfa: { mode: 'required' as const },
  },
  { client_id: 'acme', client_secrets: [{ value: 's' }], redirect_uris, scope: 'openid', tenants: ['acme'] },
]
const users = [
  { sub: '1', username: 'alice', claims: { name: 'Alice' } },
  { sub: '2', username: 'bob', claims: { name: 'Bob' } },
  { sub: '3', username: 'ina', active: false, claims: {} },
  { sub: '4', username: 'carol', tenant: 'acme', claims: {} },
]

describe('testing', () => {
  let idp: TestServer
  let web: Configuration
  before(async () => {
    idp = await startTestServer({ clients, users, tenants: [{ name: 'acme' }] })
    web = await discover(idp, 'web', 's')
  })
  beforeEach(() => idp.reset())
  after(() => idp.close())

  test('signIn: the first user is signed in by default, and the code is redeemed', async () => {
    const { tokens } = await tokensBySignIn(idp, web)
    assert.equal(tokens.claims()?.sub, '1')
    assert.equal(tokens.claims()?.acr, '1')
    const info = await client.fetchUserInfo(web, tokens.access_token, '1')
    assert.equal(info.name, 'Alice')
  })

  test('signIn: a user is named by user name or by sub', async () => {
    for (const user of ['bob', '2']) {
      const { tokens } = await tokensBySignIn(idp, web, { user })
      assert.equal(tokens.claims()?.sub, '2')
    }
    const { url } = await beginSignIn(web)
    await assert.rejects(
      idp.signIn(url, { user: 'eve' }),
      /no user has the user name or sub "eve"; configured users: alice, bob/,
    )
  })

  test('signIn: the login page itself works by its form, with the password of the user', async () => {
    await idp.updateUser('alice', { password: 'wonderland' })
    const { url, redeem } = await beginSignIn(web)
    const browser = idp.browser()
    const page = await browser.fetch(url)
    assert.equal(new URL(page.url).pathname, '/login')
    const form = readPageForm(await page.text())
    const fields = { ...form?.fields, username: 'alice', password: 'wonderland', button: 'login' }
    const signedIn = await browser.fetch(new URL(form?.action ?? '', page.url), {
      method: 'POST',
      body: new URLSearchParams(fields),
      redirect: 'manual',
    })
    const next = new URL(signedIn.headers.get('location') ?? '', idp.issuer)
    assert.equal((await redeem((await browser.signIn(next)).url)).claims()?.sub, '1')
  })

  test('signIn: a browser stays signed in for the next client, and prompt=none succeeds', async () => {
    const { browser } = await tokensBySignIn(idp, web, { user: 'bob' })
    const { url, redeem } = await beginSignIn(web, { prompt: 'none' })
    const silent = await browser.signIn(url)
    assert.equal((await redeem(silent.url)).claims()?.sub, '2')
    const other = await idp.signIn(url)
    assert.equal(other.params.get('error'), 'login_required')
  })

  test('signIn: a browser that is signed in as another user is not switched silently', async () => {
    const { browser } = await tokensBySignIn(idp, web, { user: 'bob' })
    const { url } = await beginSignIn(web)
    await assert.rejects(browser.signIn(url, { user: 'alice' }), /signed in as "2", not as "alice"/)
  })

  test('signIn: prompt=login signs in again, and max_age is respected', async () => {
    idp.clock.freeze()
    const first = await tokensBySignIn(idp, web, { user: 'bob' })
    await idp.clock.advance(600)
    const again = await beginSignIn(web, { prompt: 'login', max_age: '60' })
    const { params } = await first.browser.signIn(again.url, { user: 'bob' })
    assert.ok(params.get('code'))
    const tokens = await idp.tokens({ client: 'web', user: 'bob' })
    assert.ok(tokens.id_token)
  })

  test('signIn: consent is given by default, narrowed, or denied', async () => {
    const asking = await discover(idp, 'asking', 's')
    const parameters = { scope: 'openid profile api other' }
    const all = await tokensBySignIn(idp, asking, {}, parameters)
    assert.equal(all.tokens.scope, 'api openid other profile')
    const some = await tokensBySignIn(idp, asking, { user: 'bob', consent: ['openid', 'api'] }, parameters)
    assert.equal(some.tokens.scope, 'api openid')
    const { url } = await beginSignIn(asking, parameters)
    const denied = await idp.signIn(url, { consent: 'deny' })
    assert.equal(denied.params.get('error'), 'access_denied')
    assert.equal(idp.log.findLast(({ event }) => event === 'refused')?.reason, 'login_refused_by_user')
  })

  test('signIn: consent is denied on its own page by a browser that is signed in', async () => {
    const { browser } = await tokensBySignIn(idp, web)
    const { url } = await beginSignIn(await discover(idp, 'asking', 's'), { scope: 'openid api' })
    const denied = await browser.signIn(url, { consent: 'deny' })
    assert.equal(denied.params.get('error'), 'access_denied')
    assert.equal(idp.log.findLast(({ event }) => event === 'refused')?.reason, 'consent_refused_by_user')
  })

  test('signIn: prompt=select_account continues with the current account', async () => {
    const { browser } = await tokensBySignIn(idp, web, { user: 'bob' })
    const { url, redeem } = await beginSignIn(web, { prompt: 'select_account' })
    assert.equal((await redeem((await browser.signIn(url)).url)).claims()?.sub, '2')
  })

  test('signIn: a required second factor needs an acr, and the tokens contain it', async () => {
    const strict = await discover(idp, 'strict', 's')
    const { url } = await beginSignIn(strict, { scope: 'openid' })
    await assert.rejects(idp.signIn(url), /asks for a second factor: pass \{ acr: "2" \}/)
    const { tokens } = await tokensBySignIn(idp, strict, { acr: '2' }, { scope: 'openid' })
    assert.equal(tokens.claims()?.acr, '2')
    assert.deepEqual(tokens.claims()?.amr, ['pwd', 'otp', 'mfa'])
  })

  test('signIn: a step-up request of a browser with one factor is answered by a new browser with two', async () => {
    const { browser } = await tokensBySignIn(idp, web)
    const { url, redeem } = await beginSignIn(web, { acr_values: '2' })
    await assert.rejects(browser.signIn(url), /second factor/)
    await browser.startSession('alice', { acr: '2' })
    assert.equal((await redeem((await browser.signIn(url)).url)).claims()?.acr, '2')
  })

  test('signIn: an inactive user and one of another tenant are named in the error', async () => {
    const { url } = await beginSignIn(web)
    await assert.rejects(idp.signIn(url, { user: 'ina' }), /does not accept the sign-in of "ina"/)
    await assert.rejects(idp.signIn(url, { user: 'carol' }), /does not accept the sign-in of "carol"/)
  })

  test('signIn: a user of a tenant signs in where the request names the tenant', async () => {
    const acme = await discover(idp, 'acme', 's')
    const { tokens } = await tokensBySignIn(
      idp,
      acme,
      { user: 'carol' },
      { scope: 'openid', acr_values: 'tenant:acme' },
    )
    assert.equal(tokens.claims()?.sub, '4')
  })

  test('signIn: an error page becomes an error with the logged reason', async () => {
    const { url } = await beginSignIn(web, { redirect_uri: 'https://evil.example/cb' })
    await assert.rejects(idp.signIn(url), /responded 400 \(redirect_uri_not_registered\)/)
  })

  test('signIn: a response by form_post and one in the fragment are read', async () => {
    const { url } = await beginSignIn(web, { response_mode: 'form_post' })
    const posted = await idp.signIn(url)
    assert.equal(posted.method, 'POST')
    assert.equal(posted.response.status, 200)
    assert.match(await posted.response.text(), /<form method="post"/)
    assert.equal(posted.url.href, callback)
    assert.ok(posted.params.get('code'))
    const fragment = await beginSignIn(web, { response_mode: 'fragment' })
    const redirected = await idp.signIn(fragment.url)
    assert.ok(redirected.params.get('code'))
    assert.equal(redirected.response.status, 302)
    assert.equal(redirected.response.headers.get('location'), redirected.url.href)
  })

  test('signIn: a pushed authorization request is signed in to', async () => {
    const pushed = await client.buildAuthorizationUrlWithPAR(web, {
      redirect_uri: callback,
      scope: 'openid',
      code_challenge: await client.calculatePKCECodeChallenge('a'.repeat(43)),
      code_challenge_method: 'S256',
    })
    assert.ok((await idp.signIn(pushed)).params.get('code'))
  })

  test('signIn: an address of the application leads through the server and back into the application', async t => {
    const app = await startApplication(() => web)
    t.after(app.close)
    await idp.updateClient('web', { redirect_uris: [`${app.url}/callback`] })
    const { response, browser, url } = await idp.signIn(`${app.url}/login`, { user: 'bob' })
    assert.equal(await response?.text(), '2')
    assert.equal(url.pathname, '/callback')
    assert.equal(await (await browser.fetch(`${app.url}/me`)).text(), '2')
    assert.equal(await (await fetch(`${app.url}/me`)).text(), 'nobody')
  })

  test('signIn: an application that does not lead to the server is an error', async t => {
    const app = await startApplication(() => web)
    t.after(app.close)
    await assert.rejects(idp.signIn(`${app.url}/me`), /did not lead to http:\/\/localhost/)
  })

  test('startSession: its cookies sign a browser in', async () => {
    const browser = idp.browser()
    const sid = await browser.startSession('bob')
    const { url, redeem } = await beginSignIn(web, { prompt: 'none' })
    const response = await fetch(url, {
      redirect: 'manual',
      headers: {
        cookie: browser
          .cookies()
          .map(({ name, value }) => `${name}=${value}`)
          .join('; '),
      },
    })
    const claims = (await redeem(new URL(response.headers.get('location') ?? ''))).claims()
    assert.equal(claims?.sub, '2')
    assert.equal(claims?.sid, sid)
  })

  test('cookies: they have the form that Playwright takes', async () => {
    const browser = idp.browser()
    await browser.startSession()
    const [cookie] = browser.cookies()
    assert.deepEqual(Object.keys(cookie ?? {}).sort(), [
      'domain',
      'expires',
      'httpOnly',
      'name',
      'path',
      'sameSite',
      'secure',
      'value',
    ])
    assert.equal(cookie?.domain, 'localhost')
  })
})
