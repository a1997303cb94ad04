import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browserName } from '../../packages/server/src/pages/flow/browser-name.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { signInAt, startLogoutWorld } from '../support/logout-world.ts'
import { alice, answerOf, authorizePath, bob, signIn } from '../support/sign-in.ts'
import type { TestServer } from '../support/tessera.ts'

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const edge =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0'

/** Signs alice in with a browser that sends this User-Agent header. */
async function signInWith(server: TestServer, agent: string): Promise<Browser> {
  const browser = createBrowser(server)
  const page = await browser.visit(authorizePath())
  await browser.request('POST', page.form?.action ?? '', {
    form: { ...page.form?.fields, ...alice },
    headers: { 'user-agent': agent },
  })
  return browser
}

const isSignedIn = async (browser: Browser) =>
  answerOf(await browser.visit(authorizePath({ prompt: 'none' }))).get('error') === null

const sidIn = (html: string) => [...html.matchAll(/name="sid" value="([^"]+)"/g)].map(([, sid]) => sid!)

test('account: a user sees where they are signed in, by browser, use and network', async () => {
  const { server } = await startLogoutWorld()
  await signInWith(server, firefox)
  server.clock.advance(3700)
  const here = await signInWith(server, edge)
  const page = await here.visit('/account/sessions')
  assert.equal(page.status, 200)
  assert.match(page.text, /Edge on Windows This browser, now · 127\.0\.0\.1 Sign out/)
  assert.match(page.text, /Firefox on Linux Last used: 1 hour ago · 127\.0\.0\.1 Sign out/)
  assert.equal(sidIn(page.body).length, 1)
})

test('account: ended and expired sessions are not listed', async () => {
  const { server } = await startLogoutWorld()
  await signInWith(server, firefox)
  server.clock.advance(7200)
  const here = await signInWith(server, edge)
  assert.deepEqual(sidIn((await here.visit('/account/sessions')).body), [])
})

test('account: a user can end another session, which revokes its tokens and notifies its clients', async () => {
  const { server, browser: there, posts } = await startLogoutWorld()
  const { shop } = await signInAt(server, there, ['shop'])
  const here = await signInWith(server, edge)
  const page = await here.visit('/account/sessions')
  const [sid = ''] = sidIn(page.body)
  const after = await here.submit(page, { sid, button: 'end' })
  assert.equal(after.target, '/account/sessions')
  assert.deepEqual(sidIn(after.body), [])
  assert.equal(await isSignedIn(there), false)
  assert.equal(await isSignedIn(here), true)
  await server.runLogouts()
  assert.deepEqual(
    posts.map(({ url }) => url),
    ['https://shop.example/back'],
  )
  const headers = { authorization: `Bearer ${shop.access_token}` }
  assert.equal((await server.send('GET', '/connect/userinfo', { headers })).status, 401)
})

test('account: all other sessions are ended in one step, and the current one remains', async () => {
  const { server } = await startLogoutWorld()
  const others = [await signInWith(server, firefox), await signInWith(server, '')]
  const here = await signInWith(server, edge)
  await here.submit(await here.visit('/account/sessions'), { button: 'end_others' })
  for (const other of others) assert.equal(await isSignedIn(other), false)
  assert.equal(await isSignedIn(here), true)
})

test('account: a session of another user or an unknown one is not ended, and the user’s own leads to the sign-out page', async () => {
  const { server } = await startLogoutWorld()
  const alices = await signInWith(server, firefox)
  const [session] = await server.stores.sessions.ofUser('1')
  const bobs = createBrowser(server)
  await signIn(bobs, authorizePath(), bob)
  await signIn(createBrowser(server), authorizePath(), bob)
  const page = await bobs.visit('/account/sessions')
  for (const sid of [session!.sid, '', 'x']) {
    const after = await bobs.submit(page, { sid, button: 'end' })
    assert.equal(sidIn(after.body).length, 1)
  }
  assert.equal(await isSignedIn(alices), true)
  const mine = await server.stores.sessions.ofUser('2')
  const own = mine.find(({ sid }) => !sidIn(page.body).includes(sid))!
  assert.ok((await bobs.submit(page, { sid: own.sid, button: 'end' })).target.startsWith('/logout'))
  assert.equal(await isSignedIn(bobs), true)
})

test('account: without the page’s token or a sign-in, no session is ended', async () => {
  const { server } = await startLogoutWorld()
  const there = await signInWith(server, firefox)
  const here = await signInWith(server, edge)
  const page = await here.visit('/account/sessions')
  const forged = await here.request('POST', '/account/sessions', { form: { button: 'end_others' } })
  assert.equal(forged.status, 400)
  assert.equal(server.reason(), 'csrf_token_wrong')
  const stranger = await createBrowser(server).request('POST', '/account/sessions', {
    form: { ...page.form?.fields, button: 'end_others' },
  })
  assert.ok(stranger.location?.startsWith('/login'))
  assert.equal(await isSignedIn(there), true)
})

test('account: browsers are identified by their own name, not by names they include for compatibility', () => {
  const chrome =
    'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36'
  const safari =
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1'
  assert.deepEqual(browserName(edge), { browser: 'Edge', system: 'Windows' })
  assert.deepEqual(browserName(chrome), { browser: 'Chrome', system: 'Android' })
  assert.deepEqual(browserName(safari), { browser: 'Safari', system: 'iPhone' })
  assert.deepEqual(browserName('curl/8'), {})
  assert.deepEqual(browserName(), {})
})
