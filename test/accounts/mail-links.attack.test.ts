/** Links in mails work once, even if their change was undone since. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora, doraSignsIn, newestMail } from '../support/accounts.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const password = 'nine silver spoons'

async function invite(server: TestServer, email: string): Promise<string> {
  const browser = createBrowser(server)
  await browser.submit(await browser.visit('/register'), { email })
  const mail = await newestMail(server)
  assert.equal(mail.to, email)
  return mail.path
}

/** Requests another address, and confirms it by the mail. */
async function changeAddress(server: TestServer, browser: Browser, email: string): Promise<string> {
  await browser.submit(await browser.visit('/account/email'), { email })
  const { to, path } = await newestMail(server)
  assert.equal(to, email)
  await browser.submit(await browser.visit(path), {})
  return path
}

async function assertDead(server: TestServer, browser: Browser, path: string): Promise<void> {
  const page = await browser.visit(path)
  assert.equal(page.status, 400, page.text)
  assert.equal(page.form, undefined)
  assert.equal(server.reason(), 'mail_link_invalid')
}

const usersOf = async (server: TestServer): Promise<readonly string[]> =>
  (await server.stores.storedUsers.list({ limit: 100 })).map(({ username }) => username).toSorted()

test('sign-up: a link creates one account, even if that account has another address since', async () => {
  const server = await createTestServer(accountsWorld())
  const browser = createBrowser(server)
  const path = await invite(server, 'new@example.com')
  const opened = await createBrowser(server).visit(path)
  const page = await browser.visit(path)
  await browser.submit(page, { new_password: password })
  await changeAddress(server, browser, 'newer@example.com')
  assert.deepEqual(await usersOf(server), ['newer@example.com'])
  await assertDead(server, createBrowser(server), path)
  // So does a page that was opened before.
  assert.match(opened.text, /Choose a password/)
  const late = createBrowser(server)
  const csrf = (await late.visit('/password/forgotten')).form?.fields.csrf ?? ''
  const form = { ...opened.form?.fields, csrf, new_password: password }
  const answer = await late.request('POST', '/register/complete', { form })
  assert.equal(answer.status, 400)
  assert.deepEqual(await usersOf(server), ['newer@example.com'])
})

test('sign-up: a link creates no second account after the first one is deleted', async () => {
  const server = await createTestServer(accountsWorld({ sign_up: true, self_deletion: true }))
  const browser = createBrowser(server)
  const path = await invite(server, 'new@example.com')
  await browser.submit(await browser.visit(path), { new_password: password })
  await browser.submit(await browser.visit('/account/delete'), {})
  assert.deepEqual(await usersOf(server), [])
  const again = createBrowser(server)
  const page = await again.visit(path)
  if (page.form) await again.submit(page, { new_password: password })
  assert.deepEqual(await usersOf(server), [])
  // Another mail creates another account: the address is free.
  const fresh = createBrowser(server)
  await fresh.submit(await fresh.visit(await invite(server, 'new@example.com')), { new_password: password })
  assert.deepEqual(await usersOf(server), ['new@example.com'])
})

test('sign-up: of many concurrent uses of one link, one creates an account', async () => {
  const server = await createTestServer(accountsWorld())
  const browser = createBrowser(server)
  const page = await browser.visit(await invite(server, 'new@example.com'))
  await Promise.all(Array.from({ length: 10 }, () => browser.submit(page, { new_password: password })))
  assert.deepEqual(await usersOf(server), ['new@example.com'])
})

test('confirmation: a link works once, even if the address changes away and back within a second', async () => {
  const server = await createTestServer(accountsWorld())
  const sub = await addUser(server)
  const browser = createBrowser(server)
  await signIn(browser, '/account', doraSignsIn)
  const first = await changeAddress(server, browser, 'newer@example.com')
  await changeAddress(server, browser, dora.email)
  assert.equal((await server.accounts.find(sub))?.email, dora.email)
  const page = await browser.visit(first)
  const after = page.form ? await browser.submit(page, {}) : page
  assert.equal(after.status, 400, after.text)
  assert.equal(server.reason(), 'mail_link_invalid')
  assert.equal((await server.accounts.find(sub))?.email, dora.email)
})

test('reset: a link that confirms an address, sent to it, sets no password', async () => {
  const server = await createTestServer(accountsWorld())
  await addUser(server)
  const browser = createBrowser(server)
  await signIn(browser, '/account', doraSignsIn)
  await browser.submit(await browser.visit('/account/email'), { email: 'newer@example.com' })
  const { search } = new URL((await newestMail(server)).path, server.issuer)
  await assertDead(server, createBrowser(server), `/password/reset${search}`)
})

test('reset: a link works once, even if the old password is chosen again', async () => {
  const server = await createTestServer(accountsWorld())
  await addUser(server)
  const ask = async () => {
    const asking = createBrowser(server)
    await asking.submit(await asking.visit('/password/forgotten'), { username: 'dora' })
    return (await server.mails()).findLast(mail => mail.link?.includes('/password/reset'))
  }
  const pathOf = (link = '') => new URL(link).pathname + new URL(link).search
  const first = pathOf((await ask())?.link)
  const browser = createBrowser(server)
  await browser.submit(await browser.visit(first), { new_password: password })
  const second = pathOf((await ask())?.link)
  await browser.submit(await browser.visit(second), { new_password: dora.password })
  for (const path of [first, second]) await assertDead(server, browser, path)
})
