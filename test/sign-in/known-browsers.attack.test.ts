/** Known browsers: no account adds guesses at another with a similar name, and no stranger locks out a user. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora } from '../support/accounts.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { authorizePath, pagesWorld } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const cookieName = '__Host-tessera_known'
/** Each is a different name, and directories may confuse them: they share the count of strangers. */
const lookAlikes = ['d ora', 'dóra', 'd\u0327ora', 'do\u200Bra']
const similarUsers = {
  ...pagesWorld,
  users: ['dora', ...lookAlikes].map((username, n) => ({
    ...{ sub: `u${n}`, username, password: `right ${n}`, claims: {} },
  })),
}

const loginAs = (username: string, password: string) => ({ username, password, button: 'login' })
const loginPage = (browser: Browser): Promise<Page> => browser.visit(authorizePath({ prompt: 'login' }))

/** The browser's cookie after one sign-in. */
async function knownBrowser(server: TestServer, username: string, password: string): Promise<Browser> {
  const browser = createBrowser(server)
  const done = await browser.submit(await loginPage(browser), loginAs(username, password))
  assert.ok(done.location, `${username} signed in`)
  assert.ok(browser.cookies.get(cookieName), `${username} has a known browser`)
  return browser
}

/** Posts from the login page until it says to wait, at most so often; returns how many guesses were checked. */
async function guesses(browser: Browser, username: string, most: number): Promise<number> {
  const page = await loginPage(browser)
  for (let count = 0; count < most; count++) {
    const { status } = await browser.submit(page, loginAs(username, `wrong ${count}`))
    if (status === 429) return count
    assert.equal(status, 400)
  }
  return most
}

test('attack: browsers that know accounts with similar names get no additional guesses', async () => {
  const server = await createTestServer(similarUsers)
  const known: Browser[] = []
  for (const [n, username] of lookAlikes.entries())
    for (let count = 0; count < 3; count++) known.push(await knownBrowser(server, username, `right ${n + 1}`))
  let checked = 0
  for (const browser of known) checked += await guesses(browser, 'dora', 101)
  assert.equal(checked, 100)
  assert.equal(server.reason(), 'password_guessed_too_often')
})

test('attack: fresh browsers of a similar account, at two processes on one store, add no guesses', async () => {
  const { open } = await beginShared()
  const servers = await Promise.all(
    [await open(), await open()].map(tenantStores => createTestServer(similarUsers, { tenantStores })),
  )
  const known: Browser[] = []
  for (let round = 0; round < 4; round++)
    for (const server of servers) known.push(await knownBrowser(server, 'd ora', 'right 1'))
  let checked = 0
  for (const browser of known) checked += await guesses(browser, 'dora', 40)
  assert.equal(checked, 100)
})

test('attack: the cookie of a deleted account does not count for a new account with its name', async () => {
  const server = await createTestServer(accountsWorld())
  const sub = await addUser(server)
  const browsers = await Promise.all([1, 2, 3].map(() => knownBrowser(server, 'dora', dora.password)))
  await server.accounts.remove(sub)
  await addUser(server, { password: 'nine yellow kettles' })
  const counts: number[] = []
  for (const browser of browsers) counts.push(await guesses(browser, 'dora', 101))
  assert.deepEqual(counts, [100, 0, 0])
})

test('attack: all known browsers of an account share three hundred guesses, across networks', async () => {
  const server = await createTestServer(similarUsers)
  const browsers = await Promise.all(Array.from({ length: 5 }, () => knownBrowser(server, 'dora', 'right 0')))
  let checked = 0
  for (const browser of browsers) checked += await guesses(browser, 'dora', 101)
  assert.equal(checked, 300)
  // They exhausted only their own limit: the user can still sign in elsewhere.
  assert.ok(await knownBrowser(server, 'dora', 'right 0'))
})

test('attack: known browsers count for their network too, and strangers there leave them a share', async () => {
  const users = Array.from({ length: 11 }, (_, n) => ({
    ...{ sub: `u${n}`, username: `user${n}`, password: 'right', claims: {} },
  }))
  const server = await createTestServer(
    { ...pagesWorld, users },
    { earlierAttempts: { most: 1000, left: 150 } },
  )
  const stranger = createBrowser(server)
  const known = await Promise.all(users.map(({ username }) => knownBrowser(server, username, 'right')))
  let strange = 0
  for (const { username } of users) strange += await guesses(stranger, username, 99)
  assert.equal(strange, 150)
  let checked = 0
  for (const [index, browser] of known.entries()) checked += await guesses(browser, `user${index}`, 99)
  assert.equal(checked, 1000)
  assert.equal(server.reason(), 'password_guessed_too_often')
})

test('attack: a user can sign in from a known browser while others exhaust the guesses for the name', async () => {
  const server = await createTestServer(similarUsers)
  const own = await knownBrowser(server, 'dora', 'right 0')
  const similar = await Promise.all([1, 2, 3, 4].map(() => knownBrowser(server, 'd ora', 'right 1')))
  assert.equal(await guesses(createBrowser(server), 'dora', 101), 100)
  // Known browsers of a similar account exhaust only their own guesses.
  for (const browser of similar) await guesses(browser, 'd ora', 101)
  const done = await own.submit(await loginPage(own), loginAs('dora', 'right 0'))
  assert.ok(done.location)
})

test('attack: for accounts that a provider checks, a known browser is known for the name exactly as typed', async () => {
  const server = await createTestServer(pagesWorld)
  const at = (browser: Browser) =>
    browser.visit(authorizePath({ prompt: 'login', acr_values: 'idp:directory' }))
  const signedIn = createBrowser(server)
  const done = await signedIn.submit(await at(signedIn), loginAs('ann', 'staff'))
  assert.ok(done.location, 'ann signed in')
  const stranger = createBrowser(server)
  const page = await at(stranger)
  for (let count = 0; count < 100; count++) await stranger.submit(page, loginAs('ann', 'wrong'))
  const known = await at(signedIn)
  // Similar names share the count of strangers.
  for (const name of ['Ann', 'a nn', 'ánn'])
    assert.equal((await signedIn.submit(known, loginAs(name, 'staff'))).status, 429, name)
  assert.ok((await signedIn.submit(known, loginAs('ann', 'staff'))).location)
})
