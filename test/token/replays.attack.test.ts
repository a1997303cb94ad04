/**
 * Continuations in another browser, for another user or on another page: they ask again, and never act for another
 * user.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { enrolApp } from '../support/factors.ts'
import {
  alice,
  answerOf,
  authorizePath,
  bob,
  callback,
  pagesWorld,
  redeem,
  signIn,
} from '../support/sign-in.ts'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'

const world = { ...pagesWorld, mfa: { mode: 'if_enrolled', methods: ['totp'] } }

/** A browser that records every address that it is redirected to or posts from. */
function recording(server: TestServer): { readonly browser: Browser; readonly addresses: string[] } {
  const addresses: string[] = []
  const browser = createBrowser({
    async send(method, target, options) {
      const answer = await server.send(method, target, options)
      const { location } = answer.headers
      for (const address of [target, location])
        if (typeof address === 'string' && address.startsWith('/')) addresses.push(address)
      return answer
    },
  })
  return { browser, addresses }
}

/** All addresses that one user leaves in a browser: sign-in, choice, consent, second factor, sign-out. */
async function wholeVisit(server: TestServer): Promise<readonly string[]> {
  const { browser, addresses } = recording(server)
  const asking = authorizePath({ client_id: 'asking', scope: 'openid profile api1' })
  await browser.submit(await signIn(browser, asking), { button: 'yes', scope: 'profile' })
  const chosen = await browser.visit(
    authorizePath({ client_id: 'asking', prompt: 'select_account consent', scope: 'openid' }),
  )
  await browser.submit(await browser.submit(chosen, { button: 'continue' }), { button: 'yes' })
  await browser.submit(await browser.visit(authorizePath({ prompt: 'login' })), { ...alice, button: 'login' })
  await browser.submit(await browser.visit(authorizePath({ prompt: 'login' })), { button: 'cancel' })
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'tv' } })
  const confirm = await browser.submit(await browser.visit('/device'), { user_code: json.user_code })
  assert.match(confirm.text, /Television/)
  const stepping = await browser.visit(authorizePath({ acr_values: '2' }))
  assert.match(stepping.target, /^\/mfa\?/)
  await browser.submit(await browser.visit('/connect/endsession?client_id=web'), { button: 'yes' })
  const sealed = [...new Set(addresses)].filter(address => address.includes('continue='))
  assert.ok(sealed.length > 10, String(sealed.length))
  return sealed
}

const issuedTo = (server: TestServer, from: number) =>
  server.logged
    .slice(from)
    .filter(({ event }) => event === 'authorization_issued' || event === 'device_approved')

test('replay: no URL from one user’s visit signs in, consents or approves in another browser', async () => {
  const server = await createTestServer(world)
  const sealed = await wholeVisit(server)
  for (const address of sealed) {
    const stranger = createBrowser(server)
    const before = server.logged.length
    const page = await stranger.visit(address)
    assert.ok(page.status < 500, address)
    assert.deepEqual(issuedTo(server, before), [], address)
    assert.ok(![...stranger.cookies.keys()].some(name => name.includes('_session')), address)
    if (page.location?.startsWith(callback))
      assert.equal(answerOf(page).get('error'), 'access_denied', address)
  }
})

test('replay: no address of one user’s visit makes another signed-in user choose, consent or approve', async () => {
  const server = await createTestServer(world)
  const sealed = await wholeVisit(server)
  const bobs = createBrowser(server)
  await signIn(bobs, '/account', bob)
  let own = 0
  for (const address of sealed) {
    const before = server.logged.length
    const page = await bobs.visit(address)
    assert.ok(page.status < 500, address)
    const issued = issuedTo(server, before)
    own += issued.length
    // Without consent or a choice it is a sign-in like any other, and bob's own.
    assert.ok(
      issued.every(({ sub, client_id }) => sub === '2' && client_id === 'web'),
      address,
    )
    assert.equal(await server.stores.consents.find('2', 'asking'), undefined, address)
  }
  assert.ok(own > 0)
})

test('replay: a continuation is accepted by no page of another kind, and never as a link of a mail', async () => {
  const server = await createTestServer({
    ...world,
    mail: { from: 'login@id.example', smtp: { host: 'mail.id.example' } },
    accounts: { sign_up: true },
  })
  const sealed = await wholeVisit(server)
  const texts = [
    ...new Set(sealed.map(address => new URL(address, issuer).searchParams.get('continue') ?? '')),
  ]
  const browser = createBrowser(server)
  await signIn(browser, '/account')
  const targets = (text: string) => [
    ...[
      '/login',
      '/mfa',
      '/consent',
      '/select-account',
      '/device',
      '/connect/authorize/callback',
      '/register',
    ].map(path => `${path}?continue=${text}`),
    ...['/logout', '/logout/done', '/federation/login', '/password/forgotten'].map(
      path => `${path}?continue=${text}`,
    ),
    ...['/password/reset', '/register/complete', '/email/confirm'].map(path => `${path}?link=${text}`),
    `/logout/done?state=${text}`,
    `/federation/callback/corp?state=${text}&code=x`,
  ]
  for (const text of texts)
    for (const target of targets(text)) {
      const before = server.logged.length
      const page = await browser.visit(target)
      assert.ok(page.status < 500, target)
      for (const { event, client_id, sub } of server.logged.slice(before)) {
        const changes = [
          'signed_in',
          'user_added',
          'password_changed',
          'email_verified',
          'device_approved',
          'stepped_up',
        ]
        assert.ok(!changes.includes(event), `${target}: ${event}`)
        // Alice's own, at a client without consent, or in the session that she has consented in: never more.
        if (event === 'authorization_issued') assert.deepEqual([client_id, sub], ['web', '1'], target)
      }
      if (!(await stillSignedIn(browser))) await signIn(browser, '/account')
    }
})

const stillSignedIn = async (browser: Browser): Promise<boolean> =>
  (await browser.request('GET', '/account')).status === 200

test('replay: an earlier sign-in does not satisfy a request for a new one, nor a stronger one that of another session', async () => {
  const server = await createTestServer(world)
  const browser = createBrowser(server)
  const first = await browser.visit(authorizePath({ prompt: 'login' }))
  server.clock.advance(10)
  const done = await browser.submit(first, { ...alice, button: 'login' })
  const { auth_time } = await redeem(server, done)
  server.clock.advance(10)
  // The same request again, in the browser that has signed in since it was first made: it is the old request.
  const again = await browser.visit(authorizePath({ prompt: 'login' }))
  assert.match(again.target, /^\/login\?/)
  const skipped: Page = await browser.visit(again.target.replace('/login', '/connect/authorize/callback'))
  assert.match(skipped.target, /^\/login\?/)
  assert.equal(auth_time, server.clock.now() - 10)

  const strong = createBrowser(server)
  await enrolApp(server, strong, authorizePath({ acr_values: '2' }), bob)
  const { browser: recorded, addresses } = recording(server)
  await signIn(recorded, authorizePath())
  await recorded.visit(authorizePath({ acr_values: '2' }))
  const stepping = addresses.findLast(address => address.startsWith('/mfa?')) ?? ''
  assert.notEqual(stepping, '')
  const before = server.logged.length
  const page = await strong.visit(stepping)
  // Bob's own session has the acr that alice's request requires; hers gains nothing by it.
  assert.ok(
    server.logged.slice(before).every(({ sub }) => sub === undefined || sub === '2'),
    page.text,
  )
  const silent = await recorded.visit(authorizePath({ acr_values: '2', prompt: 'none' }))
  assert.equal(answerOf(silent).get('error'), 'interaction_required')
})
