/**
 * Guesses at passwords and codes: concurrent, with other spellings, across processes and restarts; and lock-outs of
 * users by guesses.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Browser, createBrowser } from '../support/browser.ts'
import { alice, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const guess = async (server: TestServer, username: string, password: string): Promise<number> =>
  (
    await server.token(
      { grant_type: 'password', username, password, scope: 'api1' },
      { client: ['roclient', secret] },
    )
  ).status

const tally = (statuses: readonly number[]) => ({
  wrong: statuses.filter(status => status === 400).length,
  waiting: statuses.filter(status => status === 429).length,
})

test('attack: of three hundred concurrent guesses, a hundred are checked', async () => {
  const server = await createTestServer(world)
  const statuses = await Promise.all(Array.from({ length: 300 }, (_, n) => guess(server, 'bob', `${n}`)))
  assert.deepEqual(tally(statuses), { wrong: 100, waiting: 200 })
})

test('attack: the limit of guesses does not reveal the correct password of a user who may not sign in', async () => {
  const ofAcme = { check: () => ({ ok: true, sub: '3' }) as const }
  for (const [what, configuration, name] of [
    ['a disabled user', world, 'ina'],
    ['a user of another tenant', { ...world, validators: { password: ofAcme } }, 'carol'],
  ] as const) {
    const server = await createTestServer(configuration)
    const statuses: number[] = []
    for (let n = 0; n < 101; n++) statuses.push(await guess(server, name, name))
    assert.deepEqual(tally(statuses), { wrong: 100, waiting: 1 }, what)
  }
})

test('attack: of a hundred device codes entered at once, ten are looked up', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  const page = await browser.visit('/device')
  const pages = await Promise.all(
    Array.from({ length: 100 }, () => browser.submit(page, { user_code: 'BCDF-GHJK' })),
  )
  assert.deepEqual(tally(pages.map(({ status }) => status)), { wrong: 10, waiting: 90 })
})

test('attack: the /64s of one /48 together have forty guesses at device codes [RFC 8628 §5.1]', async () => {
  const server = await createTestServer(pagesWorld)
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'tv' } })
  const guess = async (from: string, user_code = 'BCDF-GHJK') => {
    const browser = createBrowser({
      send: (method, path, options) => server.send(method, path, { ...options, from }),
    })
    return browser.submit(await browser.visit('/device'), { user_code })
  }
  const statuses: number[] = []
  for (let n = 0; n < 60; n++) statuses.push((await guess(`2001:db8:1:${n.toString(16)}00::1`)).status)
  assert.deepEqual(tally(statuses), { wrong: 40, waiting: 20 })
  assert.equal(server.reason(), 'user_code_guesses_exhausted')
  assert.equal((await guess('2001:db8:1:ff00::1', json.user_code)).status, 429)
  assert.notEqual((await guess('2001:db8:2::1', json.user_code)).status, 429)
})

test('attack: strangers behind the same address who guess device codes do not lock out a signed-in user', async () => {
  const server = await createTestServer(pagesWorld)
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'tv' } })
  const guess = async (browser: Browser, user_code = 'BCDF-GHJK') =>
    browser.submit(await browser.visit('/device'), { user_code })
  const stranger = createBrowser(server)
  for (let count = 0; count < 10; count++) assert.equal((await guess(stranger)).status, 400)
  assert.equal((await guess(stranger)).status, 429)
  const user = createBrowser(server)
  await signIn(user, '/account')
  assert.match((await guess(user, json.user_code)).text, /Television/)
  // A signed-in user has no more guesses than others, in however many browsers.
  for (let count = 0; count < 10; count++) assert.equal((await guess(user)).status, 400)
  const again = createBrowser(server)
  await signIn(again, '/account')
  assert.equal((await guess(again, json.user_code)).status, 429)
})

test('attack: other spellings of a name share its count', async () => {
  const server = await createTestServer(world)
  const spellings = ['bob', 'BOB', 'b o\u00ADb', ' bób\u200B', 'ｂｏｂ']
  for (let count = 0; count < 100; count++) await guess(server, spellings[count % 5] ?? '', 'wrong')
  for (const spelling of [...spellings, 'Bob', ' bob '])
    assert.equal(await guess(server, spelling, 'bob'), 429)
})

test('attack: two processes on one store share the counters, which survive a restart', async () => {
  const { open } = await beginShared()
  const nodes = [await open(), await open()]
  const servers = await Promise.all(nodes.map(tenantStores => createTestServer(world, { tenantStores })))
  const statuses = await Promise.all(
    servers.flatMap(server => Array.from({ length: 100 }, (_, n) => guess(server, 'bob', `${n}`))),
  )
  assert.deepEqual(tally(statuses), { wrong: 100, waiting: 100 })
  for (const tenantStores of nodes) await tenantStores.close()
  const restarted = await createTestServer(world, { tenantStores: await open() })
  assert.equal(await guess(restarted, 'bob', 'bob'), 429)
  restarted.clock.advance(600)
  assert.equal(await guess(restarted, 'bob', 'bob'), 200)
})

test('attack: guesses of a stranger do not lock the user out of a known browser', async () => {
  const server = await createTestServer(pagesWorld)
  const [own, strange] = [createBrowser(server), createBrowser(server)]
  await signIn(own, authorizePath())
  const theirs = await strange.visit(authorizePath())
  for (let count = 0; count < 100; count++) await strange.submit(theirs, { ...alice, password: 'wrong' })
  assert.equal((await strange.submit(theirs, alice)).status, 429)
  const again = await own.visit(authorizePath({ prompt: 'login' }))
  assert.match((await own.submit(again, alice)).location ?? '', /[?&]code=/)
})

test('attack: a known browser’s guesses are limited too, and it is known only for its user', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  await signIn(browser, authorizePath())
  const page = await browser.visit(authorizePath({ prompt: 'login' }))
  for (let count = 0; count < 100; count++) await browser.submit(page, { ...alice, password: 'wrong' })
  assert.equal((await browser.submit(page, alice)).status, 429)
  // Bob's count is that of all strangers.
  const stranger = createBrowser(server)
  const theirs = await stranger.visit(authorizePath())
  for (let count = 0; count < 100; count++)
    await stranger.submit(theirs, { username: 'bob', password: 'wrong', button: 'login' })
  assert.equal((await browser.submit(page, { username: 'bob', password: 'builder' })).status, 429)
})

test('attack: a modified cookie of a known browser is ignored', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  await signIn(browser, authorizePath())
  const name = '__Host-tessera_known'
  const [id = '', mac = ''] = (browser.cookies.get(name) ?? '').split('.')
  const page = await browser.visit(authorizePath({ prompt: 'login' }))
  const stranger = createBrowser(server)
  const theirs = await stranger.visit(authorizePath())
  for (let count = 0; count < 100; count++) await stranger.submit(theirs, { ...alice, password: 'wrong' })
  for (const cookie of [`${mac}.${mac}`, `${id}.${id}`, id, `${id}.${mac}x`, `${id}.${mac.toLowerCase()}`]) {
    browser.cookies.set(name, cookie)
    assert.equal((await browser.submit(page, alice)).status, 429, cookie)
  }
  browser.cookies.set(name, `${id}.${mac}`)
  assert.equal((await browser.submit(page, alice)).location !== undefined, true)
})
