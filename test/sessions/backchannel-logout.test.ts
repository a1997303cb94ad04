import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { createBrowser } from '../support/browser.ts'
import {
  endSessionPath,
  logoutTokenOf,
  logoutWorld,
  signInAt,
  startLogoutWorld,
} from '../support/logout-world.ts'
import { authorizePath, bob } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { claimsOf, createTestServer, issuer } from '../support/tessera.ts'

const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }

/** Signs in at these clients, then signs out. */
async function signOut(clients: readonly string[], more: object = {}) {
  const world = await startLogoutWorld(more)
  const tokens = await signInAt(world.server, world.browser, clients)
  await world.browser.visit(endSessionPath({ id_token_hint: tokens[clients[0]!].id_token }))
  await world.server.runLogouts()
  return { ...world, tokens }
}

test('back-channel logout: each client of the session receives its own logout token [endsession-018] [OpenID Connect Back-Channel Logout 1.0 §2.4, §2.5]', async () => {
  const { server, posts, tokens } = await signOut(['web', 'shop', 'wiki'])
  assert.deepEqual(posts.map(({ url }) => url).toSorted(), [
    'https://shop.example/back',
    'https://wiki.example/back',
  ])
  const keys = createLocalJWKSet((await server.send('GET', '/.well-known/openid-configuration/jwks')).json)
  for (const [client, alg] of [
    ['shop', 'RS256'],
    ['wiki', 'ES256'],
  ] as const) {
    const post = posts.find(({ url }) => url.includes(client))!
    assert.equal(post.request.method, 'POST')
    assert.equal(post.request.headers?.['content-type'], 'application/x-www-form-urlencoded')
    assert.deepEqual([...new URLSearchParams(post.request.body).keys()], ['logout_token'])
    const { payload, protectedHeader } = await jwtVerify(logoutTokenOf(post), keys, {
      issuer,
      audience: client,
      typ: 'logout+jwt',
      algorithms: [alg],
      currentDate: new Date(server.clock.now() * 1000),
    })
    assert.equal(protectedHeader.typ, 'logout+jwt')
    const { jti, ...claims } = payload
    assert.match(String(jti), /^[\w-]{22}$/)
    assert.deepEqual(claims, {
      iss: issuer,
      aud: client,
      sub: '1',
      sid: claimsOf(tokens[client].id_token).sid,
      iat: server.clock.now(),
      exp: server.clock.now() + 120,
      events,
    })
  }
  const delivered = server.logged.filter(({ event }) => event === 'logout_delivered')
  assert.deepEqual(delivered.map(({ client_id }) => client_id).toSorted(), ['shop', 'wiki'])
  assert.equal(await server.stores.logoutNotices.anyDue(server.clock.now() + 100_000), false)
})

test('back-channel logout: a logout token is not accepted as an ID token, access token or assertion', async () => {
  const { server, browser, posts } = await signOut(['shop'])
  const token = logoutTokenOf(posts[0]!)
  const { status } = await server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${token}` },
  })
  assert.equal(status, 401)
  await browser.visit(endSessionPath({ id_token_hint: token }))
  assert.equal(server.reason(), 'id_token_hint_invalid')
})

test('back-channel logout: clients that did not take part, or have no address, are not notified', async () => {
  const { posts } = await signOut(['wiki'])
  assert.deepEqual(
    posts.map(({ url }) => url),
    ['https://wiki.example/back'],
  )
  assert.deepEqual((await signOut(['web'])).posts, [])
})

test('back-channel logout: a failure is retried at growing intervals with a new token until it is delivered', async () => {
  const { server, browser, posts, answerWith } = await startLogoutWorld()
  const { shop } = await signInAt(server, browser, ['shop', 'wiki'])
  let shopAnswers: number | 'unreachable' = 503
  answerWith(url => (url.includes('shop') ? shopAnswers : 204))
  await browser.visit(endSessionPath({ id_token_hint: shop.id_token }))
  await server.runLogouts()
  assert.equal(posts.length, 2)
  const delayed = () => server.logged.filter(({ event }) => event === 'logout_delivery_delayed')
  assert.deepEqual(
    delayed().map(({ reason, detail, attempts }) => [reason, detail, attempts]),
    [['logout_token_refused', 503, 1]],
  )
  server.clock.advance(9)
  await server.runLogouts()
  assert.equal(posts.length, 2)
  shopAnswers = 'unreachable'
  server.clock.advance(1)
  await server.runLogouts()
  assert.equal(posts.length, 3)
  assert.equal(delayed().at(-1)?.reason, 'outbound_timeout')
  server.clock.advance(29)
  await server.runLogouts()
  assert.equal(posts.length, 3)
  shopAnswers = 200
  server.clock.advance(1)
  await server.runLogouts()
  assert.equal(posts.length, 4)
  server.clock.advance(100_000)
  await server.runLogouts()
  assert.equal(posts.length, 4)
  const ids = posts.map(post => claimsOf(logoutTokenOf(post)).jti)
  assert.equal(new Set(ids).size, 4)
  assert.equal(claimsOf(logoutTokenOf(posts[3]!)).iat, claimsOf(logoutTokenOf(posts[0]!)).iat + 40)
})

test('back-channel logout: a notice that is never accepted is given up within a day and logged as an error', async () => {
  const { server, browser, posts, answerWith } = await startLogoutWorld()
  const { shop } = await signInAt(server, browser, ['shop'])
  answerWith(() => 400)
  await browser.visit(endSessionPath({ id_token_hint: shop.id_token }))
  for (let hours = 0; hours < 48; hours++) {
    await server.runLogouts()
    server.clock.advance(3600)
  }
  const given = server.logged.filter(({ event }) => event === 'logout_undeliverable')
  assert.equal(given.length, 1)
  assert.equal(given[0]?.level, 'error')
  assert.ok(posts.length >= 5 && posts.length <= 9, String(posts.length))
  assert.equal(await server.stores.logoutNotices.anyDue(server.clock.now() + 1_000_000), false)
})

test('back-channel logout: redirects are not followed, and a response that redirects is a failure', async () => {
  const { server, browser, posts, answerWith } = await startLogoutWorld()
  const { shop } = await signInAt(server, browser, ['shop'])
  answerWith(() => 302)
  await browser.visit(endSessionPath({ id_token_hint: shop.id_token }))
  await server.runLogouts()
  assert.equal(posts[0]?.request.maxRedirects ?? 0, 0)
  assert.equal(server.logged.findLast(({ event }) => event === 'logout_delivery_delayed')?.detail, 302)
})

test('back-channel logout: signing in as another user ends the session of the first', async () => {
  const { server, browser, posts } = await startLogoutWorld()
  const { shop } = await signInAt(server, browser, ['shop'])
  await browser.submit(await browser.visit(authorizePath({ prompt: 'login' })), bob)
  await server.runLogouts()
  assert.equal(claimsOf(logoutTokenOf(posts[0]!)).sid, claimsOf(shop.id_token).sid)
  assert.equal(server.logged.findLast(({ event }) => event === 'session_ended')?.cause, 'another_user')
})

test('back-channel logout: when an operator ends a session, its clients are notified', async () => {
  const { server, browser, posts } = await startLogoutWorld()
  const { shop } = await signInAt(server, browser, ['shop'])
  const ended = await server.endSession(claimsOf(shop.id_token).sid, 'ended_by_operator')
  assert.deepEqual(ended?.clients, ['shop'])
  await server.runLogouts()
  assert.equal(posts.length, 1)
})

test('back-channel logout: an expired session notifies no client unless that is configured', async () => {
  for (const [end_on_expiry, told] of [
    [false, 0],
    [true, 1],
  ] as const) {
    const { server, browser, posts } = await startLogoutWorld({ sessions: { end_on_expiry } })
    await signInAt(server, browser, ['shop'])
    server.clock.advance(7199)
    await server.runLogouts()
    assert.equal(posts.length, 0)
    server.clock.advance(1)
    await server.runLogouts()
    assert.equal(posts.length, told)
    assert.equal(
      server.logged.some(({ event, cause }) => event === 'session_ended' && cause === 'expired'),
      told === 1,
    )
  }
})

test('back-channel logout: undelivered notices survive a restart', async () => {
  const { open } = await beginShared()
  const before = await open()
  const first = await createTestServer(logoutWorld, {
    tenantStores: before,
    outbound: async () => ({ ok: false, reason: 'outbound_failed' }),
  })
  const browser = createBrowser(first)
  const { shop } = await signInAt(first, browser, ['shop'])
  await browser.visit(endSessionPath({ id_token_hint: shop.id_token }))
  await first.runLogouts()
  await first.close()
  await before.close()
  const posts: string[] = []
  const second = await createTestServer(logoutWorld, {
    tenantStores: await open(),
    at: first.clock.now() + 10,
    outbound: async url => {
      posts.push(String(url))
      return { ok: true, status: 200, headers: {}, body: '' }
    },
  })
  await second.runLogouts()
  assert.deepEqual(posts, ['https://shop.example/back'])
  await second.close()
})
