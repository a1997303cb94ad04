/**
 * Deletion of accounts by their users, where the operator allows it, and names and addresses that identify the same
 * account.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora, doraSignsIn, newestMail, tokensOf } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { finishEnrolment } from '../support/factors.ts'
import { signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

async function start(accounts: object = { self_deletion: true }) {
  const server = await createTestServer(accountsWorld(accounts))
  return { server, browser: createBrowser(server), sub: await addUser(server) }
}

const better = 'eleven green bottles'

test('deletion: the account and its data are removed, the browser is signed out, and the owner is notified', async () => {
  const { server, browser, sub } = await start()
  const { json } = await tokensOf(server, 'dora', dora.password)
  const elsewhere = createBrowser(server)
  await signIn(elsewhere, '/account', doraSignsIn)
  const profile = await signIn(browser, '/account', doraSignsIn)
  assert.match(profile.body, /href="\/account\/delete"/)
  await finishEnrolment(server, browser, await browser.visit('/account/security?add=totp'))
  const page = await browser.visit('/account/delete')
  assert.match(page.text, /can’t be undone.*Username/)
  const done = await browser.submit(page, {})
  assert.match(done.text, /Your account was deleted/)
  assert.ok(!browser.cookies.has('__Host-tessera_session'))
  for (const one of [browser, elsewhere]) assert.ok((await one.visit('/account')).target.startsWith('/login'))
  assert.equal(await server.stores.storedUsers.find(sub), undefined)
  assert.equal(await server.stores.totpSecrets.find(sub), undefined)
  assert.deepEqual(await server.stores.sessions.ofUser(sub), [])
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 400)
  const refresh = { grant_type: 'refresh_token', refresh_token: json.refresh_token }
  assert.equal((await server.token(refresh, { client: ['direct', 's'] })).status, 400)
  const bearer = { headers: { authorization: `Bearer ${json.access_token}` } }
  assert.equal((await server.send('GET', '/connect/userinfo', bearer)).status, 401)
  const told = await newestMail(server)
  assert.equal(told.to, dora.email)
  assert.match(told.subject, /was deleted/)
  // The name is free, and the next account with this name is another user.
  assert.notEqual(await addUser(server), sub)
  const taken = await server.accounts.add({ username: 'other', sub })
  assert.equal(!taken.ok && taken.reason, 'account_taken')
})

test('deletion: requires a recent sign-in', async () => {
  const { server, browser } = await start()
  await signIn(browser, '/account', doraSignsIn)
  const page = await browser.visit('/account/delete')
  server.clock.advance(601)
  assert.ok((await browser.submit(page, {})).target.startsWith('/login'))
  assert.ok(await server.stores.storedUsers.findByName('dora', undefined))
})

test('deletion: is unavailable unless it is enabled, and for configured users', async () => {
  const { browser } = await start({})
  const profile = await signIn(browser, '/account', doraSignsIn)
  assert.doesNotMatch(profile.body, /account\/delete/)
  assert.equal((await browser.visit('/account/delete')).status, 404)
  const allowed = await start()
  await signIn(allowed.browser, '/account')
  assert.match((await allowed.browser.visit('/account/delete')).text, /managed elsewhere/)
})

test('attack: a forged form does not delete the account', async () => {
  const { server, browser, sub } = await start()
  await signIn(browser, '/account', doraSignsIn)
  assert.equal((await browser.request('POST', '/account/delete', { form: {} })).status, 400)
  assert.ok(await server.stores.storedUsers.find(sub))
})

test('attack: a confirmed address can’t become another user’s name, and a name can’t become another user’s address', async () => {
  const { server, browser } = await start({ sign_up: true, email_verification: 'optional' })
  const filled = { username: dora.email, email: 'mallory@example.com', new_password: better }
  const page = await browser.submit(await browser.visit('/register'), filled)
  // Any address is refused as a name, so that the response does not reveal accounts.
  assert.match(page.text, /username isn’t valid/)
  await addUser(server, { username: 'vic@example.com', email: undefined })
  await browser.submit(page, { ...filled, username: 'mallory', email: 'vic@example.com' })
  const { path } = await newestMail(server)
  assert.equal((await browser.submit(await browser.visit(path), {})).status, 400)
  assert.equal(server.reason(), 'account_taken')
})

test('forgotten: an account is sent at most five emails an hour, whichever of its names is entered', async () => {
  const { server } = await start({})
  const ask = async (username: string) => {
    const browser = createBrowser(server)
    const answer = await browser.submit(await browser.visit('/password/forgotten'), { username })
    assert.match(answer.text, /Check your email/)
    return (await server.mails()).length
  }
  const sent = []
  for (const username of ['dora', dora.email, 'DORA', dora.email, 'dora', dora.email, 'dora'])
    sent.push(await ask(username))
  assert.deepEqual(sent, [1, 2, 3, 4, 5, 5, 5])
})

test('forgotten: a stranger who types the sub of an account uses up none of its emails', async () => {
  const { server, sub } = await start({})
  const ask = async (username: string) => {
    const browser = createBrowser(server)
    await browser.submit(await browser.visit('/password/forgotten'), { username })
    return (await server.mails()).length
  }
  for (let count = 0; count < 6; count++) assert.equal(await ask(sub), 0)
  assert.equal(await ask('dora'), 1)
})

test('forgotten: an address gets at most five emails an hour, although it has accounts in several tenants', async () => {
  const { server, browser } = await start({})
  await addUser(server, { tenant: 'acme' })
  const ask = async (tenant: string) => {
    const login = await browser.visit(tenant === '' ? '/account' : `/account?tenant=${tenant}`)
    const href = /href="([^"]*password\/forgotten[^"]*)"/.exec(login.body)?.[1]?.replaceAll('&amp;', '&')
    await browser.submit(await browser.visit(href ?? ''), { username: dora.email })
    return (await server.mails()).length
  }
  // Nobody in this tenant has the address, so it is not counted.
  for (let count = 0; count < 6; count++) assert.equal(await ask('globex'), 0)
  const sent = []
  for (const tenant of ['', '', '', 'acme', 'acme', 'acme', '']) sent.push(await ask(tenant))
  assert.deepEqual(sent, [1, 2, 3, 4, 5, 5, 5])
})
