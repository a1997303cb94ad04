/** Links in mails: which state must be unchanged since they were sent, and what they may not do. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora, doraSignsIn, newestMail, tokensOf } from '../support/accounts.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { assertErrorPage, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

async function start(changes: object = {}) {
  const server = await createTestServer(accountsWorld())
  const sub = await addUser(server, changes)
  return { server, sub, browser: createBrowser(server) }
}

/** Requests another address; returns the link in the mail. */
async function askFor(server: TestServer, browser: Browser, email: string): Promise<string> {
  await browser.submit(await browser.visit('/account/email'), { email })
  const { to, path } = await newestMail(server)
  assert.equal(to, email)
  return path
}

async function assertDead(server: TestServer, browser: Browser, path: string): Promise<void> {
  const page = await browser.visit(path)
  assert.equal(page.status, 400, page.text)
  assert.equal(page.form, undefined)
  assert.equal(server.reason(), 'mail_link_invalid')
}

test('password: a new one set by a mail is checked like any other, and the link works until one is set', async () => {
  const { server, browser } = await start()
  await browser.submit(await browser.visit('/password/forgotten'), { username: 'dora' })
  const { path } = await newestMail(server)
  for (const new_password of ['short', 'password1234567', 'dora dora dora', 'x'.repeat(513)]) {
    const refused = await browser.submit(await browser.visit(path), { new_password })
    assert.equal(refused.status, 400, new_password)
    assert.ok(refused.form, 'the form is shown again')
    const reason = new_password.length > 512 ? 'parameter_too_long' : 'credentials_refused'
    assertRefused(await tokensOf(server, 'dora', new_password), 'invalid_grant', reason)
  }
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 200)
  const new_password = 'nine silver spoons'
  assert.equal((await browser.submit(await browser.visit(path), { new_password })).status, 200)
  assert.equal((await tokensOf(server, 'dora', new_password)).status, 200)
})

test('email: once another address is confirmed, a link for a second one is invalid, even in the same second', async () => {
  const { server, browser } = await start()
  await signIn(browser, '/account', doraSignsIn)
  const [first, second] = [
    await askFor(server, browser, 'one@example.com'),
    await askFor(server, browser, 'two@example.com'),
  ]
  await browser.submit(await browser.visit(first), {})
  await assertDead(server, browser, second)
})

test('email: once an address is confirmed, another link for it is invalid', async () => {
  const { server, sub, browser } = await start({ emailVerified: false })
  await signIn(browser, '/account', doraSignsIn)
  const [first, second] = [
    await askFor(server, browser, dora.email),
    await askFor(server, browser, dora.email),
  ]
  await browser.submit(await browser.visit(first), {})
  assert.ok((await server.accounts.find(sub))?.email_verified_at)
  await assertDead(server, browser, second)
})

test('email: a link that fails because the name is in use is not consumed', async () => {
  const { server, sub, browser } = await start({ username: dora.email })
  await signIn(browser, '/account', { ...doraSignsIn, username: dora.email })
  const path = await askFor(server, browser, 'new@example.com')
  const other = await addUser(server, { username: 'new@example.com', email: 'other@example.com' })
  const page = await browser.visit(path)
  assert.equal((await browser.submit(page, {})).status, 400)
  assert.equal(server.reason(), 'username_taken')
  await server.accounts.remove(other)
  assert.equal((await browser.submit(await browser.visit(path), {})).status, 200)
  assert.equal((await server.accounts.find(sub))?.username, 'new@example.com')
})

test('sign-up: a link to an address that became another account’s shows no form', async () => {
  const server = await createTestServer(accountsWorld())
  const browser = createBrowser(server)
  await browser.submit(await browser.visit('/register'), { email: dora.email })
  const { path } = await newestMail(server)
  await addUser(server)
  await assertDead(server, browser, path)
})

test('login: if the client is disabled while its user types, the user gets an error page and the client nothing', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  const page = await browser.visit(authorizePath())
  const clients = pagesWorld.clients.map(client => ({
    ...client,
    ...(client.client_id === 'web' && { enabled: false }),
  }))
  await server.reconfigure({ ...pagesWorld, clients })
  const done = await browser.submit(page, { username: 'alice', password: 'wonderland', button: 'login' })
  assertErrorPage(done, 'unauthorized_client')
  assert.equal(browser.cookies.has('__Host-tessera_session'), false)
})

test('forms: a page’s form must have the media type of a form [RFC 9110 §8.3]', async () => {
  const { server, browser } = await start()
  await signIn(browser, '/account', doraSignsIn)
  const page = await browser.visit('/account/name')
  const body = new URLSearchParams({ ...page.form?.fields, full_name: 'Mallory' }).toString()
  for (const type of ['text/plain', 'application/json', 'application/x-www-form-urlencodedx']) {
    const refused = await browser.request('POST', '/account/name', {
      body,
      headers: { 'content-type': type },
    })
    assert.equal(refused.status, 415, type)
    assert.equal(server.reason(), 'media_type_not_form')
  }
})

test('password: composed and decomposed characters are the same [NIST SP 800-63B-4 §3.1.1.2]', async () => {
  const password = 'sieben grüne Töpfe'
  const { server } = await start({ password: password.normalize('NFC') })
  for (const form of ['NFC', 'NFD'] as const)
    assert.equal((await tokensOf(server, 'dora', password.normalize(form))).status, 200, form)
})

test('accounts: names are unique within a tenant, including configured ones', async () => {
  const { server } = await start()
  for (const [tenant, ok] of [
    ['acme', false],
    ['globex', true],
    [undefined, true],
  ] as const) {
    const added = await server.accounts.add({ username: 'Carol', ...(tenant && { tenant }) })
    assert.equal(added.ok, ok, `${tenant}`)
    if (!added.ok) assert.equal(added.reason, 'username_taken')
  }
})

const letters = Array.from({ length: 128 }, (_, index) => `${(index * index) % 97}q`).join('')

for (const [password, fault] of [
  [letters.slice(0, 10).padEnd(512, letters), undefined],
  [letters.slice(0, 10).padEnd(513, letters), 'too_long'],
  ['aabbaabbccddccdd', 'too_common'],
  ['kettlekettlekettle', 'too_common'],
  ['1234512345123451', 'too_common'],
  ['seven purple kettles', undefined],
] as const)
  test(`accounts: ${password.length > 99 ? `a password of ${password.length} characters` : password} is ${fault ?? 'good enough'}`, async () => {
    const { server } = await start()
    assert.equal(server.accounts.passwordProblem(password, dora), fault)
  })
