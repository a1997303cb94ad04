/**
 * A browser's actual behaviour: what HEAD, a prefetch, a reload and Back do to each address with a GET. Link scanners
 * send HEAD, browsers prefetch, and users press Back: none of them consumes anything. Each row opens an address in a
 * browser in which its GET matters, compares the whole store before and after, and then shows that the GET still
 * works.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createMemoryStores,
  createMemoryTenantStores,
} from '../../packages/server/src/storage/memory/stores.ts'
import { emptyTables, type Tables } from '../../packages/server/src/storage/memory/tables.ts'
import { accountsWorld, addUser, doraSignsIn, newestMail } from '../support/accounts.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { finishEnrolment, methodHref } from '../support/factors.ts'
import { alice, answerOf, authorizePath, callback, signIn, verifier } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { federatedWorld, foreignProvider, visitProvider } from '../support/upstream.ts'
import { assertCovers, everyEndpoint, everythingOn } from './coverage.ts'

const provider = foreignProvider({ sub: 'ada', name: 'Ada', sid: 'session-there' })

type At = { readonly server: TestServer; readonly browser: Browser }

type Row = {
  /** The address to open, and a browser and a store that are prepared for it. */
  readonly open: (at: At) => string | Promise<string>
  /** The result of GET afterwards. */
  readonly after?: (page: Page, at: At) => unknown
  /**
   * GET has an effect that the protocol requires (a code is issued, a callback consumed). Otherwise a reload and Back
   * change nothing either.
   */
  readonly acts?: true
  /** The configuration of a server that offers it. */
  readonly outbox?: true
}

const shown = (page: Page): void => assert.equal(page.status, 200, page.text)
const plain = (path: string): Row => ({ open: () => path, after: shown })
/** Bearer endpoints and others that no browser opens. */
const bare = (path: string): Row => ({ open: () => path })
const signedIn =
  (path: string) =>
  async ({ browser, server }: At): Promise<string> => {
    await addUser(server)
    await signIn(browser, '/account', doraSignsIn)
    return path
  }
const account = (path: string): Row => ({ open: signedIn(path), after: shown })
const asDora = async ({ browser, server }: At, target = authorizePath()): Promise<Page> => {
  await addUser(server)
  return signIn(browser, target, doraSignsIn)
}

/** Where the browser would be redirected, without following it. */
async function nextOf(
  browser: Browser,
  page: Page,
  fields: Readonly<Record<string, string>>,
): Promise<string> {
  const { action = '', fields: given = {} } = page.form ?? {}
  const { location } = await browser.request('POST', action, { form: { ...given, ...fields } })
  assert.ok(location, 'not redirected')
  return location
}

async function hintOf({ browser, server }: At): Promise<string> {
  const code =
    answerOf(await asDora({ browser, server }, authorizePath({ scope: 'openid' }))).get('code') ?? ''
  const { json } = await server.token({
    ...{ grant_type: 'authorization_code', client_id: 'web', code },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })
  return `/connect/endsession?${new URLSearchParams({ id_token_hint: json.id_token })}`
}

/** The address of the link in a mail. */
async function mailed({ browser, server }: At, open: string, fields: Readonly<Record<string, string>>) {
  await browser.submit(await browser.visit(open), fields)
  return (await newestMail(server)).path
}

const atCorp = authorizePath({ acr_values: 'idp:corp' })

const rows: Readonly<Record<string, Row>> = {
  'GET /': plain('/'),
  'GET /.well-known/oauth-authorization-server': plain('/.well-known/oauth-authorization-server'),
  'GET /.well-known/openid-configuration': plain('/.well-known/openid-configuration'),
  'GET /.well-known/openid-configuration/jwks': plain('/.well-known/openid-configuration/jwks'),
  'GET /healthz': plain('/healthz'),
  'GET /readyz': plain('/readyz'),
  'GET /metrics': bare('/metrics'),
  'GET /assets/*': bare('/assets/x'),
  'GET /connect/userinfo': bare('/connect/userinfo'),
  'GET /connect/register/*': bare('/connect/register/x'),
  'GET /admin/api/v1/**': bare('/admin/api/v1/users'),
  'GET /connect/checksession': plain('/connect/checksession'),
  'GET /dev/mail': { ...plain('/dev/mail'), outbox: true },
  'GET /connect/authorize': {
    acts: true,
    open: async at => {
      await asDora(at)
      return authorizePath()
    },
    after: page => assert.ok(answerOf(page).get('code')),
  },
  'GET /connect/authorize/callback': {
    acts: true,
    open: async ({ browser, server }) => {
      await addUser(server)
      return nextOf(browser, await browser.visit(authorizePath()), doraSignsIn)
    },
    after: page => assert.ok(answerOf(page).get('code')),
  },
  'GET /login': {
    open: async ({ browser }) => (await browser.visit(authorizePath())).target,
    after: async (page, { browser }) => assert.ok(answerOf(await browser.submit(page, alice)).get('code')),
  },
  'GET /select-account': {
    open: async at => {
      await asDora(at)
      return (await at.browser.visit(authorizePath({ prompt: 'select_account' }))).target
    },
    after: async (page, { browser }) =>
      assert.ok(answerOf(await browser.submit(page, { button: 'continue' })).get('code')),
  },
  'GET /consent': {
    open: async at => (await asDora(at, authorizePath({ client_id: 'asking', scope: 'openid api1' }))).target,
    after: async (page, { browser }) =>
      assert.ok(answerOf(await browser.submit(page, { button: 'yes' })).get('code')),
  },
  // With a sign-in that waits for its second factor.
  'GET /mfa': {
    acts: true,
    open: async at => {
      await asDora(at, '/account')
      await finishEnrolment(at.server, at.browser, await at.browser.visit('/account/security?add=totp'))
      at.browser.cookies.delete('__Host-tessera_session')
      return (await signIn(at.browser, authorizePath(), doraSignsIn)).target
    },
    after: page => assert.ok(methodHref(page, 'recovery_code') && page.form),
  },
  'GET /device': {
    open: async ({ server }) => {
      const { json } = await server.send('POST', '/connect/deviceauthorization', {
        form: { client_id: 'tv' },
      })
      return new URL(json.verification_uri_complete).pathname + new URL(json.verification_uri_complete).search
    },
    after: async (page, { browser }) => {
      const confirm = await browser.submit(await browser.submit(page, {}), alice)
      assert.match((await browser.submit(confirm, { button: 'yes' })).text, /connected/)
    },
  },
  'GET /connect/endsession': {
    open: hintOf,
    after: page => assert.match(page.location ?? '', /^\/logout\?/),
  },
  'GET /logout': {
    acts: true,
    open: async at => (await at.browser.request('GET', await hintOf(at))).location ?? '',
    after: (page, { server }) => {
      assert.match(page.target, /^\/logout\/done/)
      assert.ok(server.logged.some(({ event }) => event === 'session_ended'))
    },
  },
  'GET /logout/done': {
    open: async at => (await at.browser.visit(await hintOf(at))).target,
    after: shown,
  },
  'GET /federation/login': {
    acts: true,
    open: ({ browser }) => loginAtCorp(browser),
    after: page => assert.ok(page.location?.startsWith(provider.issuer), page.text),
  },
  'GET /federation/callback/corp': {
    acts: true,
    open: async ({ browser }) => visitProvider(await browser.visit(atCorp)),
    after: page => assert.ok(answerOf(page).get('code')),
  },
  'GET /federation/frontchannel-logout/corp': {
    acts: true,
    open: async ({ browser }) => {
      answerOf(await browser.visit(await visitProvider(await browser.visit(atCorp))))
      return `/federation/frontchannel-logout/corp?${new URLSearchParams({ iss: provider.issuer, sid: 'session-there' })}`
    },
    after: (_, { server }) => assert.ok(server.logged.some(({ event }) => event === 'session_ended')),
  },
  'GET /account': account('/account'),
  'GET /account/name': account('/account/name'),
  'GET /account/password': account('/account/password'),
  'GET /account/email': account('/account/email'),
  'GET /account/delete': account('/account/delete'),
  'GET /account/security': account('/account/security'),
  'GET /account/sessions': account('/account/sessions'),
  'GET /account/connections': account('/account/connections'),
  'GET /account/consents': account('/account/consents'),
  'GET /register': plain('/register'),
  'GET /password/forgotten': plain('/password/forgotten'),
  'GET /register/complete': {
    open: at => mailed(at, '/register', { email: 'eve@example.com' }),
    after: async (page, { browser }) => {
      const made = await browser.submit(page, { full_name: 'Eve', new_password: 'nine green bottles hang' })
      assert.equal(made.target, '/account', made.text)
    },
  },
  'GET /password/reset': {
    open: async at => {
      await addUser(at.server)
      return mailed(at, '/password/forgotten', { username: 'dora' })
    },
    after: async (page, { browser }) => {
      const saved = await browser.submit(page, { new_password: 'nine green bottles hang' })
      assert.equal(saved.status, 200)
      assert.equal(saved.form, undefined, saved.text)
    },
  },
  'GET /email/confirm': {
    open: async at => {
      await asDora(at, '/account')
      return mailed(at, '/account/email', { email: 'new@example.com', password: 'seven purple kettles' })
    },
    after: async (page, { browser }) => {
      const confirmed = await browser.submit(page, {})
      assert.equal(confirmed.form, undefined, confirmed.text)
    },
  },
}

/** The link of the login page to the provider. */
async function loginAtCorp(browser: Browser): Promise<string> {
  const page = await browser.visit(authorizePath())
  const [, href = ''] = /href="([^"]*federation\/login[^"]*)"/.exec(page.body) ?? []
  return href.replaceAll('&amp;', '&')
}

async function start({ outbox }: Row): Promise<At & { readonly stored: () => string }> {
  const tables = emptyTables()
  const { mail } = accountsWorld()
  const { accounts, registration, metrics, issuer } = everythingOn
  const configuration = {
    ...federatedWorld(provider),
    ...{ mail, accounts, registration, metrics },
    ...(outbox && { issuer, mail: undefined }),
  }
  const server = await createTestServer(configuration, {
    at: Math.floor(Date.now() / 1000),
    tenantStores: { ...createMemoryTenantStores(), main: createMemoryStores(tables) },
    ...(outbox && { sendMail: false, print: () => {} }),
  })
  return { server, browser: createBrowser(server), stored: () => contents(tables) }
}

/** Everything that is stored, except counters of attempts and rows that prepare the keys. */
const contents = (tables: Tables): string =>
  JSON.stringify(
    Object.entries(tables).map(([name, table]) =>
      name === 'keys' || name === 'settings' ? name : [name, [...table.values()]],
    ),
    (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value),
  )

const looks = [
  ['HEAD', 'HEAD', {}],
  ['a prefetch', 'GET', { 'sec-purpose': 'prefetch' }],
  ['a prerendered page', 'GET', { 'sec-purpose': 'prefetch;prerender' }],
  ['an older prefetch', 'GET', { purpose: 'prefetch' }],
  ['a preview of an older Safari', 'GET', { 'x-purpose': 'preview' }],
] as const

test('browser history: each row has the address of an endpoint with GET', async () => {
  const gets = (await everyEndpoint()).filter(endpoint => endpoint.startsWith('GET '))
  assertCovers(Object.keys(rows), gets, 'address')
})

for (const [endpoint, row] of Object.entries(rows)) {
  test(`browser history: ${endpoint}: HEAD and a prefetch ${row.acts ? 'do not do what GET does' : 'change nothing, and neither do a reload and Back'}`, async () => {
    const { stored, ...at } = await start(row)
    const target = await row.open(at)
    await at.server.settled()
    const before = stored()
    const cookies = JSON.stringify([...at.browser.cookies])
    const lines = at.server.logged.length
    for (const [what, method, headers] of looks) {
      const { status, location, body } = await at.browser.request(method, target, { headers })
      assert.equal(stored(), before, what)
      if (method === 'HEAD') assert.equal(body, '')
      if (!row.acts) continue
      assert.deepEqual([status, location], [method === 'HEAD' ? 200 : 503, undefined], what)
      assert.equal(JSON.stringify([...at.browser.cookies]), cookies, what)
      assert.equal(at.server.logged.length, lines, what)
    }
    const open = () => (row.acts ? at.browser.visit(target) : at.browser.request('GET', target))
    const page = await open()
    if (!row.acts) {
      assert.equal(stored(), before, 'a GET')
      await open()
      assert.equal(stored(), before, 'a reload')
      await at.browser.visit('/')
      await open()
      assert.equal(stored(), before, 'Back')
    }
    await row.after?.(page, at)
    await at.server.close()
  })
}

test('browser history: a reload of a GET that works once gets an error, and undoes nothing', async () => {
  const { stored, ...at } = await start({ open: () => '' })
  const callbackPath = await visitProvider(await at.browser.visit(atCorp))
  assert.ok(answerOf(await at.browser.visit(callbackPath)).get('code'))
  const before = stored()
  const again = await at.browser.visit(callbackPath)
  assert.equal(again.status, 400)
  assert.equal(at.server.reason(), 'upstream_state_unknown')
  assert.equal(stored(), before)
  await at.server.close()
})

test('browser history: a form that is sent twice signs in once, and both responses lead to the client', async () => {
  const { server, browser } = await start({ open: () => '' })
  const page = await browser.visit(authorizePath())
  const [first, second] = [await browser.submit(page, alice), await browser.submit(page, alice)]
  const codes = [first, second].map(answer => answerOf(answer).get('code'))
  assert.ok(codes[0] && codes[1] && codes[0] !== codes[1])
  assert.equal((await server.stores.sessions.ofUser('1')).length, 1)
  await server.close()
})

test('browser history: a new account that is requested twice is created once', async () => {
  const { stored: _, ...at } = await start({ open: () => '' })
  const page = await at.browser.visit(await mailed(at, '/register', { email: 'eve@example.com' }))
  const fields = { full_name: 'Eve', new_password: 'nine green bottles hang' }
  const [first, second] = [await at.browser.submit(page, fields), await at.browser.submit(page, fields)]
  assert.equal(first.target, '/account')
  assert.equal(second.status, 400)
  assert.equal(at.server.reason(), 'mail_link_invalid')
  await at.server.close()
})
