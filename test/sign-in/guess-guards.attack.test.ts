/** Which guesses are counted together, and that a count that could not be undone is undone later. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAttempts } from '../../packages/server/src/identity/attempts.ts'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { accountsWorld, addUser, dora } from '../support/accounts.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const known = '__Host-tessera_known'
const again = authorizePath({ prompt: 'login' })
const as = (username: string, password: string) => ({ username, password, button: 'login' })

/** Guesses until the server responds 429. */
async function exhaust(browser: Browser, username: string): Promise<void> {
  const page = await browser.visit(again)
  for (let count = 0; count < 400; count++)
    if ((await browser.submit(page, as(username, 'wrong'))).status === 429) return
  assert.fail('the number of guesses is unlimited')
}

const statusOf = async (browser: Browser, username: string, password: string) =>
  (await signIn(browser, again, as(username, password))).status

test('known browsers: wrong passwords for one user of a browser do not lock out its other users', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  assert.equal(await statusOf(browser, 'alice', 'wonderland'), 302)
  assert.equal(await statusOf(browser, 'bob', 'builder'), 302)
  await exhaust(createBrowser(server), 'bob')
  await exhaust(browser, 'alice')
  assert.equal(await statusOf(browser, 'bob', 'builder'), 302)
})

test('known browsers: a browser with another id is another browser', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  await statusOf(browser, 'alice', 'wonderland')
  await exhaust(createBrowser(server), 'alice')
  const cookie = browser.cookies.get(known) ?? ''
  browser.cookies.set(known, cookie.replace(/^[^.]+/, 'x'.repeat(22)))
  assert.equal(await statusOf(browser, 'alice', 'wonderland'), 429)
  browser.cookies.set(known, cookie)
  assert.equal(await statusOf(browser, 'alice', 'wonderland'), 302)
})

test('known browsers: a browser knows the last four users who signed in there', async () => {
  const users = [1, 2, 3, 4, 5].map(n => ({ sub: `s${n}`, username: `u${n}`, password: `p${n}`, claims: {} }))
  const server = await createTestServer({ ...pagesWorld, users })
  const browser = createBrowser(server)
  for (const n of [1, 2, 3, 4, 5]) assert.equal(await statusOf(browser, `u${n}`, `p${n}`), 302)
  assert.equal(browser.cookies.get(known)?.split('.').length, 5)
  for (const n of [1, 2]) await exhaust(createBrowser(server), `u${n}`)
  assert.equal(await statusOf(browser, 'u1', 'p1'), 429)
  assert.equal(await statusOf(browser, 'u2', 'p2'), 302)
})

test('known browsers: a user whose password a validator checks is identified by name', async () => {
  const check = ({ username, password }: { username: string; password: string }) =>
    password === 'theirs' ? { ok: true, sub: `v-${username}` } : { ok: false }
  const server = await createTestServer({ ...pagesWorld, validators: { password: { check } } })
  const browser = createBrowser(server)
  assert.equal(await statusOf(browser, 'zoe', 'theirs'), 302)
  await exhaust(createBrowser(server), 'zoe')
  assert.equal(await statusOf(createBrowser(server), 'zoe', 'theirs'), 429)
  assert.equal(await statusOf(browser, 'zoe', 'theirs'), 302)
})

test('guesses: an attacker who guesses the password of a signed-in user does not lock out others', async () => {
  const server = await createTestServer(accountsWorld())
  const emma = { username: 'Emma', email: 'emma@example.com' }
  await addUser(server)
  await addUser(server, emma)
  const pages = async (username: string) => {
    const browser = createBrowser(server)
    await signIn(browser, '/account', as(username, dora.password))
    return { browser, page: await browser.visit('/account/password') }
  }
  const [one, other] = [await pages('dora'), await pages('emma')]
  const change = { new_password: 'eleven green bottles' }
  let status = 0
  for (let count = 0; status !== 429 && count < 200; count++)
    status = (await one.browser.submit(one.page, { ...change, password: 'wrong' })).status
  assert.equal(status, 429)
  const changed = await other.browser.submit(other.page, { ...change, password: dora.password })
  assert.equal(changed.status, 200, changed.text)
})

/** Creates a server with a store that can't undo counts while it is `away`, and that records the batch sizes. */
async function forgetfulServer() {
  const tenantStores = createMemoryTenantStores()
  const state = { away: true, asked: [] as number[] }
  const { attempts } = tenantStores.main
  const forgive: typeof attempts.forgive = async hashes => {
    state.asked.push(hashes.length)
    if (state.away) throw new Error('away')
    await attempts.forgive(hashes)
  }
  const main = { ...tenantStores.main, attempts: { ...attempts, forgive } }
  const server = await createTestServer(accountsWorld(), { tenantStores: { ...tenantStores, main } })
  return { server, state }
}

const grant = (server: TestServer, username: string, from: string) =>
  server.token(
    { grant_type: 'password', username, password: 'wonderland', scope: 'openid' },
    { client: ['direct', 's'], from },
  )

test('attempts: counts that could not be undone are undone once the store is reachable', async () => {
  const { server, state } = await forgetfulServer()
  for (let count = 0; count < 100; count++)
    assert.equal((await grant(server, 'alice', '192.0.2.1')).status, 200)
  assert.equal((await grant(server, 'alice', '192.0.2.1')).status, 429)
  state.away = false
  assert.equal((await grant(server, 'alice', '192.0.2.1')).status, 200)
})

test('attempts: a process remembers at most a thousand counts to undo', async () => {
  const asked: number[] = []
  let away = true
  const attempts = createAttempts({
    clock: { now: () => 1000 },
    derived: createDerivedKeys(Buffer.alloc(32)),
    stores: {
      attempts: {
        count: async () => 0,
        wait: () => 0,
        async forgive(hashes) {
          if (away) throw new Error('away')
          asked.push(hashes.length)
        },
      },
    },
  })
  for (let n = 0; n < 1100; n++) await attempts.forgiveAttempt([{ key: `${n}`, most: 1, span: 1 }])
  away = false
  await attempts.countAttempt([{ key: 'next', most: 1, span: 1 }])
  assert.deepEqual(asked, [1000])
})
