/** Checks what strangers can make the server store, send or wait for, without effect on others. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outbound } from '../../packages/server/src/outbound/outbound.ts'
import type { TokenHash } from '../../packages/server/src/runtime/ports.ts'
import { accountsWorld, addUser } from '../support/accounts.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { logoutWorld, signInAt } from '../support/logout-world.ts'
import { answerOf, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { openTenantStores } from '../support/storage.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { federatedWorld, startFederated, startForeignProvider, visitProvider } from '../support/upstream.ts'

const atCorp = authorizePath({ acr_values: 'idp:corp' })

/** The server, called from its own network. */
const from = (server: TestServer, address: string): Pick<TestServer, 'send'> => ({
  async send(method, target, { form, headers = {} } = {}) {
    const [path = '', query = ''] = target.split('?')
    assert.equal(form, undefined)
    const answer = await server.handle({
      ...{ id: 'r', method, path, query, headers, body: '', peer: { address } },
    })
    return { ...answer, json: undefined }
  },
})

test('attack: a network that sends browsers to a provider that never return is stopped; a browser that returns is no longer counted', async () => {
  const provider = await startForeignProvider()
  try {
    provider.claims = { sub: 'ada' }
    const limit = { most: 2000, left: 30 }
    const { server, browser } = await startFederated(federatedWorld(provider), undefined, limit)
    for (let times = 0; times < 20; times++) {
      const answer = await visitProvider(await browser.visit(atCorp))
      assert.ok(answerOf(await browser.visit(answer)).get('code'))
      browser.cookies.clear()
    }
    const { target } = await browser.visit(atCorp)
    const under: Page[] = []
    for (let times = 0; times < 29; times++) under.push(await browser.request('GET', target))
    assert.ok(under.every(page => page.status === 302))
    const stopped = await browser.request('GET', target)
    assert.equal(stopped.status, 429)
    assert.equal(stopped.headers['retry-after'], '900')
    assert.equal(server.reason(), 'upstream_asked_too_often')
    const elsewhere = createBrowser(from(server, '192.0.2.7'))
    assert.ok((await elsewhere.visit(atCorp)).location?.startsWith(provider.issuer))
    // The clock of the mock provider, which issues a token now.
    server.clock.advance(Math.max(0, Math.floor(Date.now() / 1000) - server.clock.now()))
    const back = await visitProvider(under[0]!)
    assert.ok(answerOf(await browser.visit(back)).get('code'))
    assert.equal((await browser.request('GET', target)).status, 302)
    assert.equal((await browser.request('GET', target)).status, 429)
    server.clock.advance(900)
    assert.equal((await browser.request('GET', target)).status, 302)
  } finally {
    await provider.close()
  }
})

test('attack: invitations sent to an address do not keep its owner from a new password', async () => {
  const server = await createTestServer(accountsWorld())
  await addUser(server)
  const stranger = createBrowser(server)
  for (let times = 0; times < 8; times++)
    await stranger.submit(await stranger.visit('/register'), { email: 'dora@example.com' })
  assert.equal((await server.mails()).length, 5)
  const owner = createBrowser(server)
  await owner.submit(await owner.visit('/password/forgotten'), { username: 'dora@example.com' })
  const mails = await server.mails()
  assert.equal(mails.length, 6)
  assert.match(mails.at(-1)?.link ?? '', /\/password\/reset\?link=/)
})

test('attack: attempts to register a name do not keep its owner from a new password', async () => {
  const server = await createTestServer(accountsWorld({ sign_up: true, email_verification: 'off' }))
  await addUser(server)
  const stranger = createBrowser(server)
  for (let times = 0; times < 8; times++) {
    const form = { username: 'dora', new_password: 'nine orange lamps here' }
    await stranger.submit(await stranger.visit('/register'), form)
  }
  const owner = createBrowser(server)
  await owner.submit(await owner.visit('/password/forgotten'), { username: 'dora' })
  assert.equal((await server.mails()).length, 1)
})

test('attack: a client that never responds does not delay another client’s logout tokens', async () => {
  const told: string[] = []
  const hanging: (() => void)[] = []
  let gaveUp = false
  const outbound: Outbound = (url, _request) => {
    const { host } = new URL(url)
    told.push(host)
    if (host !== 'shop.example') return Promise.resolve({ ok: true, status: 200, headers: {}, body: '' })
    const late = { ok: false, reason: 'outbound_timeout' } as const
    if (gaveUp) return Promise.resolve(late)
    return new Promise(resolve => hanging.push(() => resolve(late)))
  }
  const server = await createTestServer(logoutWorld, { outbound })
  const sids: string[] = []
  for (let times = 0; times < 100; times++) {
    await signInAt(server, createBrowser(server), ['shop', 'wiki'])
    sids.push(String(server.logged.findLast(({ event }) => event === 'signed_in')?.sid))
  }
  for (const sid of sids.slice(0, 99)) await server.endSession(sid, 'ended_by_operator')
  const count = (host: string) => told.filter(one => one === host).length
  await until('one place is free', () => count('wiki.example') === 99)
  assert.ok(hanging.length <= 8, `${hanging.length} at once`)
  // Even while these hang.
  await server.endSession(sids[99]!, 'ended_by_operator')
  await until('every place is taken', () => count('wiki.example') === 100)

  gaveUp = true
  for (const end of hanging) end()
  await server.settled()
  // It did not respond, so the other ninety are not tried one after the other, five seconds each.
  const first = count('shop.example')
  assert.ok(first <= 8, String(first))
  server.clock.advance(10)
  await server.runLogouts()
  assert.ok(count('shop.example') > first)
})

test('attack: a store that fails while a correct password’s count is undone ends no process', async () => {
  const tenantStores = await openTenantStores()
  const { main } = tenantStores
  const attempts = { ...main.attempts, forgive: () => Promise.reject(new Error('the disk is full')) }
  const server = await createTestServer(pagesWorld, {
    tenantStores: { ...tenantStores, main: { ...main, attempts } },
  })
  // An unhandled rejection would end the process, and here the test.
  assert.ok(answerOf(await signIn(createBrowser(server), authorizePath())).get('code'))
  await new Promise(resolve => setImmediate(resolve))
})

test('attack: unused passkey challenges store nothing', async () => {
  const tenantStores = await openTenantStores()
  const { main } = tenantStores
  let kept = 0
  const usedAssertions: typeof main.usedAssertions = {
    ...main.usedAssertions,
    add(marker) {
      kept += 1
      return main.usedAssertions.add(marker)
    },
  }
  const server = await createTestServer(pagesWorld, {
    tenantStores: { ...tenantStores, main: { ...main, usedAssertions } },
  })
  const browser = createBrowser(server)
  const login = await browser.visit(authorizePath())
  for (let times = 0; times < 50; times++) {
    const ticket = `${String(times).padStart(22, 'x')}.${server.clock.now() + 600}`
    const credential = JSON.stringify({ id: 'x', rawId: 'x', type: 'public-key', response: {} })
    const page = await browser.submit(login, { ticket, credential, button: 'passkey' })
    assert.equal(page.status, 400)
    assert.equal(server.reason(), 'passkey_unknown')
  }
  assert.equal(kept, 0)
})

test('attack: a user who signs in endlessly has at most a thousand sessions, and the least recently used one is removed', async () => {
  const server = await createTestServer(logoutWorld, {
    outbound: async () => ({ ok: false, reason: 'outbound_failed' }),
  })
  const first = createBrowser(server)
  await signInAt(server, first, ['shop'])
  const { sessions } = server.stores
  const [oldest] = await sessions.ofUser('1')
  assert.ok(oldest)
  for (let times = 1; times < 1000; times++) {
    const at = {
      hash: `hash-${times}` as TokenHash,
      sid: `sid-${times}`,
      last_seen_at: oldest.last_seen_at + 1,
    }
    await sessions.create({ ...oldest, ...at })
  }
  server.clock.advance(2)
  assert.ok(answerOf(await first.visit(authorizePath({ prompt: 'none' }))).get('code'))
  await signIn(createBrowser(server), authorizePath())
  assert.equal((await sessions.ofUser('1')).length, 1000)
  assert.equal(answerOf(await first.visit(authorizePath({ prompt: 'none' }))).get('error'), 'login_required')
  const ended = server.logged.find(({ event }) => event === 'session_ended')
  assert.deepEqual([ended?.sid, ended?.cause, ended?.clients], [oldest.sid, 'too_many', ['shop', 'web']])
})

test('attack: a script that signs in endlessly ends its own sessions, not those of browsers in other networks', async () => {
  const server = await createTestServer(pagesWorld)
  const from = (address: string) =>
    createBrowser({
      send: (method, path, options) => server.send(method, path, { ...options, from: address }),
    })
  const real = [from('192.0.2.7'), from('2001:db8:7::1')]
  for (const browser of real) await signIn(browser, authorizePath())
  const { sessions } = server.stores
  const [newest] = await sessions.ofUser('1')
  assert.ok(newest)
  for (let times = 0; times < 998; times++) {
    const last_seen_at = newest.last_seen_at + 1 + times
    // A script with an IPv6 network uses another address each time.
    const address = `2001:db8:8:${times.toString(16)}::1`
    const at = { hash: `hash-${times}` as TokenHash, sid: `sid-${times}`, last_seen_at, address }
    await sessions.create({ ...newest, ...at })
  }
  server.clock.advance(2000)
  for (const address of ['2001:db8:8:ffff::1', '198.51.100.1']) await signIn(from(address), authorizePath())
  assert.equal((await sessions.ofUser('1')).length, 1000)
  const ended = server.logged.filter(({ event }) => event === 'session_ended').map(({ sid }) => sid)
  assert.deepEqual(ended, ['sid-0', 'sid-1'])
  for (const browser of real)
    assert.ok(answerOf(await browser.visit(authorizePath({ prompt: 'none' }))).get('code'))
})
