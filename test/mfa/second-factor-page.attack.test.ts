/** Checks what the second factor's page asks for, which user it waits for, and what it leaves in the browser. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpRequest } from '@tessera/protocol/http'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import type { MfaPolicy } from '../../packages/server/src/model/mfa.ts'
import { createRememberedBrowsers } from '../../packages/server/src/pages/flow/browser-cookies.ts'
import { createCookies } from '../../packages/server/src/pages/flow/cookies.ts'
import { createAuthenticator, optionsOn } from '../support/authenticator.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { appOf, enrolApp, methodHref, secretOn } from '../support/factors.ts'
import {
  alice,
  answerOf,
  assertErrorPage,
  authorizePath,
  bob,
  pagesWorld,
  redeem,
  signIn,
} from '../support/sign-in.ts'
import { createTestServer, issuer, masterKey, type TestServer } from '../support/tessera.ts'

const remembered = '__Host-tessera_browser'
const required = { ...pagesWorld, mfa: { mode: 'required' } }
const again = authorizePath({ prompt: 'login' })

async function start(input: object = required) {
  const server = await createTestServer(input)
  const browser = createBrowser(server)
  return { server, browser, ...(await enrolApp(server, browser, authorizePath())) }
}

async function rememberedWorld() {
  const world = await start({ ...pagesWorld, mfa: { mode: 'required', remember_browser_days: 7 } })
  const { server, browser, app } = world
  server.clock.advance(60)
  const asked = await signIn(browser, again)
  answerOf(await browser.submit(asked, { code: app.code(), remember: 'yes', button: 'verify' }))
  answerOf(await signIn(browser, again))
  return world
}

const isAsked = async (browser: Browser, credentials = alice): Promise<boolean> =>
  (await signIn(browser, again, credentials)).target.startsWith('/mfa?')

test('mfa: a remembered browser skips the factor only for its own user, even if another’s factors are as old', async () => {
  const { server, browser } = await rememberedWorld()
  const found = await server.stores.totpSecrets.find('1')
  assert.ok(found && (await server.stores.totpSecrets.add({ ...found, sub: '2' })))
  assert.equal(await isAsked(browser, bob), true)
})

test('mfa: a remembered browser skips nothing once a factor was added or removed', async () => {
  const { server, browser } = await rememberedWorld()
  const { secondFactors, totpSecrets } = server.stores
  const found = await totpSecrets.find('1')
  assert.ok(found && (await secondFactors.remove('1', { method: 'totp' }, [])) === 'removed')
  await totpSecrets.add({ ...found, created_at: server.clock.now() })
  assert.equal(await isAsked(browser), true)
})

test('mfa: a remembered browser skips nothing once the access of its user was ended', async () => {
  const browsers = createRememberedBrowsers({
    derived: createDerivedKeys(Buffer.from(masterKey, 'base64')),
    accessEndings: { latest: () => null },
    clock: { now: () => 0 },
    cookies: createCookies({ issuer }),
  })
  const [factors, policy] = [
    { totp: [], passkey: [], recoveryCodes: 0 },
    { remember_browser_days: 7 } as MfaPolicy,
  ]
  const [cookie = ''] = (await browsers.remember({ sub: '1', epoch: 1 }, factors, policy)).split(';')
  const request = { headers: { cookie } } as unknown as HttpRequest
  const skips = (epoch: number) => browsers.holds(request, { sub: '1', epoch }, factors, policy)
  assert.deepEqual([await skips(1), await skips(2)], [true, false])
})

test('mfa: another date in its cookie does not make a browser remembered longer', async () => {
  const { server, browser } = await rememberedWorld()
  server.clock.advance(7 * 86_400)
  const cookie = browser.cookies.get(remembered) ?? ''
  browser.cookies.set(remembered, cookie.replace(/^\d+/, String(server.clock.now())))
  assert.equal(await isAsked(browser), true)
})

test('mfa: a browser is remembered by using a factor, not by setting one up', async () => {
  const server = await createTestServer({
    ...pagesWorld,
    mfa: { mode: 'required', remember_browser_days: 7 },
  })
  const browser = createBrowser(server)
  const page = await signIn(browser, authorizePath())
  const code = appOf(secretOn(page), server).code()
  await browser.submit(page, { code, remember: 'yes', button: 'enrol' })
  assert.ok(await server.stores.totpSecrets.find('1'))
  assert.equal(browser.cookies.has(remembered), false)
})

test('mfa: no browser is remembered if that is not offered, whatever a form sends', async () => {
  const { server, app } = await start()
  server.clock.advance(60)
  const browser = createBrowser(server)
  const asked = await signIn(browser, authorizePath())
  const form = { ...asked.form?.fields, code: app.code(), remember: 'yes', button: 'verify' }
  const { status, headers } = await browser.request('POST', '/mfa', { form })
  assert.equal(status, 303)
  assert.doesNotMatch(String(headers['set-cookie']), new RegExp(`${remembered}=`))
})

test('mfa: a new sign-in in a browser ends the one that was pending there', async () => {
  const { server, app } = await start()
  server.clock.advance(60)
  const browser = createBrowser(server)
  const first = await signIn(browser, authorizePath())
  const twin = createBrowser(server)
  for (const [name, value] of browser.cookies) twin.cookies.set(name, value)
  await signIn(browser, authorizePath(), bob)
  const late = await twin.submit(first, { code: app.code(), button: 'verify' })
  assert.ok(late.target.startsWith('/login?'), late.target)
})

test('mfa: of two concurrent correct codes for one pending sign-in, one creates a session', async () => {
  const { server, codes } = await start()
  const browser = createBrowser(server)
  const asked = await browser.visit(methodHref(await signIn(browser, authorizePath()), 'recovery_code'))
  const count = () => server.logged.filter(({ event }) => event === 'signed_in').length
  const before = count()
  const submit = (code = '') => browser.submit(asked, { code, button: 'verify' })
  await Promise.all([submit(codes[0]), submit(codes[1])])
  assert.equal(count(), before + 1)
})

test('mfa: correct codes are not counted as guesses: a user can sign in more than ten times in ten minutes', async () => {
  const { server, app } = await start()
  for (let count = 0; count < 12; count++) {
    server.clock.advance(30)
    const browser = createBrowser(server)
    const asked = await signIn(browser, authorizePath())
    answerOf(await browser.submit(asked, { code: app.code(), button: 'verify' }))
  }
})

test('mfa: the page for the second factor of one session does not apply to another in the same browser', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  await signIn(browser, authorizePath())
  const { target } = await browser.visit(authorizePath({ acr_values: '2' }))
  assert.ok(target.startsWith('/mfa?'))
  answerOf(await signIn(browser, again, bob))
  const next = await browser.visit(target)
  assert.notEqual(next.target, target)
})

test('mfa: a sign-in that waits for a factor gains nothing if none is required any more', async () => {
  const { server, browser } = await start()
  const asked = await signIn(browser, again)
  await server.reconfigure({ ...pagesWorld, mfa: { mode: 'off' } })
  const claims = await redeem(server, await browser.submit(asked, { code: '000000', button: 'verify' }))
  assert.deepEqual([claims.acr, claims.amr], ['1', ['pwd']])
})

test('mfa: a session gains nothing if nothing is required any more', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  await signIn(browser, authorizePath())
  const page = await browser.visit(authorizePath({ acr_values: '2' }))
  const handle = browser.cookies.get('__Host-tessera_session')
  await server.reconfigure({ ...pagesWorld, mfa: { mode: 'off' } })
  answerOf(await browser.submit(page, { code: '000000', button: 'enrol' }))
  assert.equal(browser.cookies.get('__Host-tessera_session'), handle)
  assert.equal(
    server.logged.some(({ event }) => event === 'stepped_up'),
    false,
  )
})

test('mfa: if a passkey is required, an app is neither accepted nor set up [acr_values=phr]', async () => {
  const { server, browser, app } = await start()
  const phr = authorizePath({ acr_values: 'phr' })
  const enrolment = await browser.visit(phr)
  assert.doesNotMatch(enrolment.body, /method=totp/)
  const key = createAuthenticator(issuer)
  const made = { credential: key.create(optionsOn(enrolment)), name: 'Key', button: 'passkey_enrol' }
  answerOf(await browser.submit(enrolment, made))

  server.clock.advance(60)
  const other = createBrowser(server)
  const asked = await signIn(other, authorizePath())
  answerOf(
    await other.submit(await other.visit(methodHref(asked, 'totp')), { code: app.code(), button: 'verify' }),
  )
  const proof = await other.visit(phr)
  assert.ok(proof.target.startsWith('/mfa?'), proof.target)
  server.clock.advance(60)
  const form = { ...proof.form?.fields, method: 'totp', code: app.code(), button: 'verify' }
  assertErrorPage(await other.request('POST', '/mfa', { form }), 'invalid_request')
  assert.equal(server.reason(), 'button_unknown')
})

test('mfa: a client that requires passkeys does not accept an app', async () => {
  const clients = pagesWorld.clients.map(client =>
    client.client_id === 'lax' ? { ...client, mfa: { mode: 'required', methods: ['passkey'] } } : client,
  )
  const { browser } = await start({ ...required, clients })
  const page = await browser.visit(authorizePath({ client_id: 'lax' }))
  assert.ok(page.target.startsWith('/mfa?'), page.target)
  assert.ok(optionsOn(page))
})

/** With apps only, and the policy of the operator's module. */
const withModule = (mfa: object, says: object) =>
  createTestServer({ ...pagesWorld, mfa: { methods: ['totp'], ...mfa }, mfaPolicy: async () => says })

const pageOf = async (server: TestServer, target = authorizePath()) => signIn(createBrowser(server), target)

test('mfa: a module adds no method that the server does not offer', async () => {
  const both = await pageOf(await withModule({ mode: 'required' }, { methods: ['totp', 'passkey'] }))
  assert.ok(secretOn(both))
  assert.doesNotMatch(both.body, /method=passkey/)
  const neither = await pageOf(await withModule({ mode: 'required' }, { methods: ['passkey'] }))
  assert.ok(secretOn(neither))
})

test('mfa: a module requires nothing if second factors are disabled', async () => {
  answerOf(await pageOf(await withModule({ mode: 'off' }, { mode: 'required' })))
})

test('mfa: an acr that the server can’t reach is not asked for [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const server = await withModule({ mode: 'if_enrolled' }, {})
  answerOf(await pageOf(server, authorizePath({ acr_values: 'phr' })))
})
