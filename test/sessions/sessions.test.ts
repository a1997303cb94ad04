import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutRevoked } from '../../packages/server/src/sessions/active-sessions.ts'
import { createBrowser } from '../support/browser.ts'
import {
  callbacks,
  endSessionPath,
  logoutWorld,
  signInAt,
  startLogoutWorld,
} from '../support/logout-world.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, authorizePath, signIn, verifier } from '../support/sign-in.ts'
import { basic, claimsOf, createTestServer } from '../support/tessera.ts'

const silent = authorizePath({ prompt: 'none' })
type World = Awaited<ReturnType<typeof startLogoutWorld>>
const isSignedIn = async ({ browser }: Pick<World, 'browser'>) =>
  answerOf(await browser.visit(silent)).get('error') === null

test('session: a sign-in for one client is valid for the next, and both take part in the session', async () => {
  const { server, browser } = await startLogoutWorld()
  const { web, shop } = await signInAt(server, browser, ['web', 'shop'])
  const { sid } = claimsOf(web.id_token)
  assert.equal(claimsOf(shop.id_token).sid, sid)
  assert.deepEqual(await server.stores.sessions.clients(sid), ['shop', 'web'])
  assert.equal(server.logged.filter(({ event }) => event === 'signed_in').length, 1)
})

test('session: of clients that sign in concurrently none is lost', async () => {
  const { server, browser } = await startLogoutWorld()
  const { web } = await signInAt(server, browser, ['web'])
  await Promise.all(
    Array.from({ length: 30 }, (_, index) => {
      const client_id = ['shop', 'wiki', 'web'][index % 3]!
      return browser.visit(authorizePath({ client_id, redirect_uri: callbacks[client_id] }))
    }),
  )
  assert.deepEqual(await server.stores.sessions.clients(claimsOf(web.id_token).sid), ['shop', 'web', 'wiki'])
})

test('session: each use extends the idle timeout up to the absolute end', async () => {
  const world = await startLogoutWorld({ sessions: { idle_lifetime: 1000, absolute_lifetime: 2500 } })
  await signInAt(world.server, world.browser, ['web'])
  for (const wait of [999, 999, 502]) {
    world.server.clock.advance(wait)
    assert.equal(await isSignedIn(world), wait === 999)
  }
})

test('session: no read finds one that was revoked with its tenant', async () => {
  const session = { sid: 's', sub: '1', tenant: 'acme', auth_time: 1 }
  const sessions = {
    find: async () => session,
    findBySid: async () => session,
    ofUser: async () => [session],
  }
  const found = async (isRevoked: boolean) => {
    const { sessions: hidden } = withoutRevoked({ sessions } as never, () => isRevoked)
    return [await hidden.find('h' as never), await hidden.findBySid('s'), ...(await hidden.ofUser('1'))]
  }
  assert.deepEqual(await found(false), [session, session, session])
  assert.deepEqual(await found(true), [undefined, undefined])
})

test('session: an unused session expires', async () => {
  const world = await startLogoutWorld({ sessions: { idle_lifetime: 1000 } })
  await signInAt(world.server, world.browser, ['web'])
  world.server.clock.advance(1000)
  assert.equal(await isSignedIn(world), false)
})

test('session: several uses within a short time are written once', async () => {
  const { server, browser } = await startLogoutWorld()
  const { web } = await signInAt(server, browser, ['web'])
  const { sid } = claimsOf(web.id_token)
  const seen = async () => (await server.stores.sessions.findBySid(sid))?.last_seen_at
  const began = server.clock.now()
  server.clock.advance(299)
  await browser.visit(silent)
  assert.equal(await seen(), began)
  server.clock.advance(1)
  await browser.visit(silent)
  assert.equal(await seen(), began + 300)
})

test('session: records the browser and the network', async () => {
  const { server, browser } = await startLogoutWorld()
  const page = await browser.visit(authorizePath())
  await browser.request('POST', page.form?.action ?? '', {
    form: { ...page.form?.fields, ...alice },
    headers: { 'user-agent': `Browser/1 ${'x'.repeat(1000)}` },
  })
  const [session] = await server.stores.sessions.ofUser('1')
  assert.equal(session?.address, '127.0.0.1')
  assert.equal(session?.user_agent?.length, 256)
  assert.match(session?.user_agent ?? '', /^Browser\/1 x/)
})

test('session: a new sign-in has a new handle, and the old one is invalid [session fixation]', async () => {
  const { server, browser } = await startLogoutWorld()
  await signInAt(server, browser, ['web'])
  const old = browser.cookies.get('__Host-tessera_session')!
  await signIn(browser, authorizePath({ prompt: 'login' }))
  const thief = createBrowser(server)
  thief.cookies.set('__Host-tessera_session', old)
  assert.equal(await isSignedIn({ browser: thief }), false)
  assert.equal((await server.stores.sessions.ofUser('1')).length, 1)
})

for (const [end_revokes, online, offline] of [
  ['none', 200, 200],
  ['online', 401, 200],
  ['all', 401, 401],
] as const)
  test(`session: with end_revokes "${end_revokes}", its end revokes the tokens that the setting names`, async () => {
    const { server, browser } = await startLogoutWorld({ sessions: { end_revokes } })
    const { web } = await signInAt(server, browser, ['web'])
    const { shop } = await signInAt(server, browser, ['shop'], { scope: 'openid offline_access' })
    const code = answerOf(await browser.visit(authorizePath())).get('code') ?? ''
    await browser.visit(endSessionPath({ id_token_hint: web.id_token }))
    const userinfo = async (token: string) =>
      (await server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${token}` } }))
        .status
    assert.equal(await userinfo(web.access_token), online)
    assert.equal(await userinfo(shop.access_token), offline)
    const refreshed = await server.token({
      grant_type: 'refresh_token',
      client_id: 'shop',
      refresh_token: shop.refresh_token,
    })
    assert.equal(refreshed.status, offline === 200 ? 200 : 400)
    const redeemed = await server.token({
      grant_type: 'authorization_code',
      client_id: 'web',
      code,
      redirect_uri: callbacks.web,
      code_verifier: verifier,
    })
    assert.equal(redeemed.status, online === 200 ? 200 : 400)
  })

test('session: a device approved in the session remains authorized when it ends', async () => {
  const { server, browser } = await startLogoutWorld({ sessions: { end_revokes: 'all' } })
  const { web } = await signInAt(server, browser, ['web'])
  const { json: device } = await server.send('POST', '/connect/deviceauthorization', {
    form: { client_id: 'tv' },
  })
  const entered = await browser.submit(await browser.visit(device.verification_uri_complete.slice(18)), {})
  await browser.submit(entered, { button: 'yes' })
  const { json } = await server.token({
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    client_id: 'tv',
    device_code: device.device_code,
  })
  await browser.visit(endSessionPath({ id_token_hint: web.id_token }))
  const again = await server.token({
    grant_type: 'refresh_token',
    client_id: 'tv',
    refresh_token: json.refresh_token,
  })
  assert.equal(again.status, 200)
})

test('session: a code whose session ended while it was issued is refused, and the user signs in again', async () => {
  const { server, browser } = await startLogoutWorld()
  const { web } = await signInAt(server, browser, ['web'])
  const { sid } = claimsOf(web.id_token)
  const [page] = await Promise.all([
    browser.visit(authorizePath()),
    server.endSession(sid, 'ended_by_operator'),
  ])
  const code = page.location && new URL(page.location).searchParams.get('code')
  if (code) {
    const { json, reason } = await server.token({
      grant_type: 'authorization_code',
      client_id: 'web',
      code,
      redirect_uri: callbacks.web,
      code_verifier: verifier,
    })
    assertRefused({ json, reason }, 'invalid_grant', 'authorization_revoked')
  } else assert.ok(page.target.startsWith('/login'))
})

test('session: it ends with the browser, unless the option to stay signed in is offered and chosen', async () => {
  const offered = { sessions: { keep_signed_in: true, keep_signed_in_lifetime: 864_000 } }
  for (const [sessions, keep, maxAge] of [
    [{}, 'yes', undefined],
    [offered, undefined, undefined],
    [offered, 'yes', '864000'],
  ] as const) {
    const server = await createTestServer({ ...logoutWorld, ...sessions })
    const browser = createBrowser(server)
    const page = await browser.visit(authorizePath())
    assert.equal(page.body.includes('name="keep_signed_in"'), sessions === offered)
    assert.equal(page.form?.ticked.keep_signed_in, undefined)
    const fields = page.form?.fields
    const posted = await browser.request('POST', page.form?.action ?? '', {
      form: { ...fields, ...alice, ...(keep && { keep_signed_in: keep }) },
    })
    const line = [posted.headers['set-cookie'] ?? []].flat().find(text => text.includes('tessera_session'))
    assert.equal(/Max-Age=(\d+)/.exec(line ?? '')?.[1], maxAge)
    // The choice applies to the next sign-in too.
    if (maxAge !== undefined) {
      const again = await signIn(browser, authorizePath({ prompt: 'login' }))
      assert.ok(answerOf(again).get('code'))
    }
    server.clock.advance(863_000)
    assert.equal(await isSignedIn({ browser }), maxAge !== undefined)
    server.clock.advance(1000)
    assert.equal(await isSignedIn({ browser }), false)
  }
})

test('session: introspection reports its end immediately', async () => {
  const { server, browser } = await startLogoutWorld({
    api_resources: [{ name: 'urn:api', scopes: ['api1', 'api2'], api_secrets: [{ value: 's' }] }],
  })
  const { web } = await signInAt(server, browser, ['web'])
  const active = async () =>
    (
      await server.send('POST', '/connect/introspect', {
        form: { token: web.access_token },
        headers: basic('urn:api', 's'),
      })
    ).json.active
  assert.equal(await active(), true)
  await browser.visit(endSessionPath({ id_token_hint: web.id_token }))
  assert.equal(await active(), false)
})
