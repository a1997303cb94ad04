/** Signing up: with the email address first, or with a chosen name. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { accountsWorld, addUser, dora, newestMail, tokensOf } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { answerOf, assertErrorPage, authorizePath, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

async function start(accounts: object = { sign_up: true }) {
  const server = await createTestServer(accountsWorld(accounts))
  return { server, browser: createBrowser(server) }
}

const password = 'nine silver spoons'
const email = 'New@Example.com'
const registerLink = (html: string): string => {
  const [, href = ''] = /href="([^"]*\/register[^"]*)"/.exec(html) ?? []
  assert.notEqual(href, '')
  return href
}

test('sign-up: disabled by default', async () => {
  const { browser } = await start({})
  assert.equal((await browser.request('GET', '/register')).status, 404)
  assert.doesNotMatch((await browser.visit(authorizePath())).body, /\/register/)
})

test('sign-up: the address is verified first; the link leads to the account and back to the client', async () => {
  const { server, browser } = await start()
  const login = await browser.visit(authorizePath())
  const page = await browser.visit(registerLink(login.body))
  assert.match(page.text, /Create an account/)
  const sent = await browser.submit(page, { email })
  assert.match(sent.text, /Check your email/)
  const mail = await newestMail(server)
  assert.equal(mail.to, email)
  const chosen = await browser.visit(mail.path)
  assert.equal(chosen.form?.fields.username, email)
  const code = answerOf(await browser.submit(chosen, { full_name: 'New N.', new_password: password })).get(
    'code',
  )
  assert.ok(code)
  assert.equal((await tokensOf(server, 'new@example.com', password)).status, 200)
  const account = await browser.visit('/account')
  assert.match(
    account.text,
    /Username New@Example\.com Name New N\. Change Email address New@Example\.com Verified Change/,
  )
})

test('sign-up: the waiting page continues once the account was created in another tab', async () => {
  const { server, browser } = await start()
  const login = await browser.visit(authorizePath({ state: 'x'.repeat(1500) }))
  const sent = await browser.submit(await browser.visit(registerLink(login.body)), { email })
  const page = await browser.visit((await newestMail(server)).path)
  // Too long for a mail: the account page follows.
  assert.equal((await browser.submit(page, { new_password: password })).target, '/account')
  const [, href = ''] = /href="([^"]*callback[^"]*)"/.exec(sent.body) ?? []
  assert.ok(answerOf(await browser.visit(href)).get('code'))
})

test('sign-up: in another browser, the account page follows instead of the client', async () => {
  const { server, browser } = await start()
  const login = await browser.visit(authorizePath())
  await browser.submit(await browser.visit(registerLink(login.body)), { email })
  const other = createBrowser(server)
  const page = await other.visit((await newestMail(server)).path)
  assert.equal((await other.submit(page, { new_password: password })).target, '/account')
})

test('sign-up: registered and free addresses get the same response, and different mails', async () => {
  const { server, browser } = await start()
  await addUser(server, { username: 'dora' })
  await addUser(server, { username: 'named@example.com', email: undefined })
  const pages: string[] = []
  for (const [address, kind] of [
    ['free@example.com', /Confirm your address/],
    ['DORA@example.com', /Your account at/],
    ['named@example.com', /Your account at/],
  ] as const) {
    const page = await browser.submit(await browser.visit('/register'), { email: address })
    pages.push(page.body.replaceAll(/callback\?continue=[\w.-]+/g, ''))
    assert.match((await newestMail(server)).subject, kind)
  }
  assert.equal(new Set(pages).size, 1)
})

test('sign-up: a link creates one account, and a weak password creates none', async () => {
  const { server, browser } = await start()
  await browser.submit(await browser.visit('/register'), { email })
  const { path } = await newestMail(server)
  const page = await browser.visit(path)
  assert.equal(page.status, 200, 'opening it is no attempt')
  const weak = await browser.submit(page, { new_password: 'short' })
  assert.equal(weak.status, 400)
  assert.match(weak.text, /At least 12 characters/)
  assert.equal((await browser.submit(weak, { new_password: password })).target, '/account')
  assert.equal((await browser.submit(page, { new_password: `${password}!` })).status, 400)
  assert.equal((await browser.visit(path)).status, 400)
  assert.equal((await tokensOf(server, email, password)).status, 200)
})

test('sign-up: a link that is an hour old, changed, or of another kind creates no account', async () => {
  const { server, browser } = await start()
  await addUser(server)
  await browser.submit(await browser.visit('/register'), { email })
  const { path } = await newestMail(server)
  await browser.submit(await browser.visit('/password/forgotten'), { username: 'dora' })
  const reset = (await newestMail(server)).path.replace('/password/reset', '/register/complete')
  for (const changed of [`${path}x`, path.replace('link=', 'link=e'), '/register/complete', reset])
    assert.match((await browser.visit(changed)).text, /no longer works/)
  const page = await browser.visit(path)
  server.clock.advance(3600)
  assert.equal((await browser.submit(page, { new_password: password })).status, 400)
})

test('sign-up: with optional verification, users choose a name, are signed in immediately, and may confirm the address later', async () => {
  const { server, browser } = await start({ sign_up: true, email_verification: 'optional' })
  const login = await browser.visit(authorizePath())
  const page = await browser.visit(registerLink(login.body))
  const filled = { username: 'newbie', email, full_name: '', new_password: password }
  assert.ok(answerOf(await browser.submit(page, filled)).get('code'))
  assert.match((await browser.visit('/account')).text, /Email address New@Example\.com Not verified/)
  const mail = await newestMail(server)
  await browser.submit(await browser.visit(mail.path), {})
  assert.match((await browser.visit('/account')).text, /Username newbie .*Email address .* Verified/)
})

test('sign-up: a form that is refused sends no mail, and so does not count as one to the address', async () => {
  const { server, browser } = await start({ sign_up: true, email_verification: 'optional' })
  await addUser(server)
  const page = await browser.visit('/register')
  const filled = { email, full_name: '', new_password: password }
  for (let count = 0; count < 10; count++)
    assert.equal((await browser.submit(page, { ...filled, username: 'dora' })).status, 400)
  assert.deepEqual(await server.mails(), [])
  await browser.submit(page, { ...filled, username: 'newbie' })
  assert.equal((await newestMail(server)).to, email)
})

test('sign-up: a taken or malformed name and a weak password are reported', async () => {
  const { server, browser } = await start({ sign_up: true, email_verification: 'off' })
  await addUser(server)
  const page = await browser.visit('/register')
  assert.equal('email' in (page.form?.fields ?? {}), false)
  for (const [username, new_password, text] of [
    ['DORA', password, /username is taken/],
    ['alice', password, /username is taken/],
    ['', password, /username isn’t valid/],
    ['a\u200Bb', password, /username isn’t valid/],
    ['newbie', 'newbie123456', /too similar to/],
  ] as const) {
    const again = await browser.submit(page, { username, new_password, full_name: '' })
    assert.equal(again.status, 400)
    assert.match(again.text, text)
    assert.equal(again.form?.fields.new_password, '')
  }
  assert.equal(
    (await browser.submit(page, { username: 'newbie', new_password: password })).target,
    '/account',
  )
  assert.equal((await server.mails()).length, 0)
})

/** Tenant acme allows sign-up; globex does not. */
const openTenant = (accounts: object = { sign_up: true }) => ({
  ...accountsWorld(accounts),
  tenants: [{ name: 'acme', accounts: { sign_up: true } }, { name: 'globex' }],
})

test('sign-up: a user of a tenant signs up in that tenant, if it allows sign-up', async () => {
  const server = await createTestServer(openTenant({}))
  const browser = createBrowser(server)
  const login = await browser.visit(authorizePath({ acr_values: 'tenant:acme' }))
  await browser.submit(await browser.visit(registerLink(login.body)), { email })
  const page = await browser.visit((await newestMail(server)).path)
  assert.ok(answerOf(await browser.submit(page, { new_password: password })).get('code'))
  assert.equal((await tokensOf(server, email, password, { acr_values: 'tenant:acme' })).status, 200)
  assert.equal((await tokensOf(server, email, password)).status, 400)
})

test('sign-up: a tenant that does not allow sign-up offers none', async () => {
  const server = await createTestServer(openTenant())
  const browser = createBrowser(server)
  const inGlobex = { acr_values: 'tenant:globex' }
  for (const target of [authorizePath(inGlobex), '/account?tenant=globex'])
    assert.doesNotMatch((await browser.visit(target)).body, /\/register/, target)

  const created = answerOf(await browser.visit(authorizePath({ ...inGlobex, prompt: 'create' })))
  assert.equal(created.get('error'), 'invalid_request')
  assert.equal(created.get('error_description'), 'Unsupported prompt mode')
  assert.equal(server.reason(), 'sign_up_not_offered')

  // The page itself, with a request that was sealed for the login page.
  for (const target of [authorizePath(inGlobex), '/account?tenant=globex']) {
    const sealed = (await browser.visit(target)).form?.fields.continue ?? ''
    assertErrorPage(await browser.visit(`/register?continue=${sealed}`), 'invalid_request')
    assert.equal(server.reason(), 'sign_up_not_offered')
    const { csrf = '' } = (await browser.visit('/register')).form?.fields ?? {}
    const form = { csrf, continue: sealed, email }
    assertErrorPage(await browser.request('POST', '/register', { form }), 'invalid_request')
    assert.equal(server.reason(), 'sign_up_not_offered')
  }
  assert.deepEqual(await server.mails(), [])
})

test('sign-up: a mail sent before the configuration changed creates no account in a tenant that no longer allows it', async () => {
  const server = await createTestServer(openTenant())
  const browser = createBrowser(server)
  const login = await browser.visit(authorizePath({ acr_values: 'tenant:acme' }))
  await browser.submit(await browser.visit(registerLink(login.body)), { email })
  const { path } = await newestMail(server)
  const page = await browser.visit(path)
  await server.reconfigure(accountsWorld())
  for (const answer of [await browser.visit(path), await browser.submit(page, { new_password: password })]) {
    assert.equal(answer.status, 400)
    assert.equal(server.reason(), 'sign_up_not_offered')
  }
  assert.deepEqual(await server.stores.storedUsers.list({ limit: 10 }), [])
})

test('sign-up: if only a tenant allows sign-up, no account without a tenant can be created', async () => {
  const server = await createTestServer(openTenant({}))
  const browser = createBrowser(server)
  assert.doesNotMatch((await browser.visit(authorizePath())).body, /\/register/)
  assertErrorPage(await browser.visit('/register'), 'invalid_request')
  assert.equal(server.reason(), 'sign_up_not_offered')
  const created = answerOf(await browser.visit(authorizePath({ prompt: 'create' })))
  assert.equal(created.get('error'), 'invalid_request')
  assert.equal(server.reason(), 'sign_up_not_offered')
  const there = await browser.visit(authorizePath({ prompt: 'create', acr_values: 'tenant:acme' }))
  assert.match(there.target, /^\/register\?/)
})

test('sign-up: a client without local sign-in does not lead here', async () => {
  const { server, browser } = await start()
  const own = await browser.visit(authorizePath({ client_id: 'nolocal' }))
  assert.doesNotMatch(own.body, /\/register/)
  const sealed = own.form?.fields.continue ?? ''
  assertErrorPage(await browser.visit(`/register?continue=${sealed}`), 'invalid_request')
  assert.equal(server.reason(), 'local_login_disabled')
})

test('sign-up: a network and an address are sent a limited number of mails, regardless of who requests them', async () => {
  const { server, browser } = await start()
  const page = await browser.visit('/register')
  for (let count = 0; count < 8; count++)
    assert.match((await browser.submit(page, { email })).text, /Check your email/)
  assert.equal((await server.mails()).length, 5)
  for (let count = 0; count < 42; count++) await browser.submit(page, { email: `n${count}@example.com` })
  const waiting = await browser.submit(page, { email: 'more@example.com' })
  assert.equal(waiting.status, 429)
  assert.equal(server.reason(), 'mail_asked_too_often')
  assert.ok(Number(waiting.headers['retry-after']) > 0)
})

test('sign-up: the password of a mail account is not in pages, mails or the log', async () => {
  const { server, browser } = await start()
  await browser.submit(await browser.visit('/register'), { email })
  const mail = await newestMail(server)
  await browser.submit(await browser.visit(mail.path), { new_password: password })
  const link = new URLSearchParams(mail.path.split('?')[1]).get('link') ?? ''
  const said = JSON.stringify([server.logged, await server.mails()])
  assert.ok(!said.includes(password))
  assert.ok(!JSON.stringify(server.logged).includes(link))
  assert.ok(!JSON.stringify(server.logged).includes(dora.password))
})

test('sign-up: prompt=create leads to the page, even with a session, and back to the request [Initiating User Registration §4]', async () => {
  const { server, browser } = await start()
  const discovered = await server.send('GET', '/.well-known/openid-configuration')
  assert.ok(discovered.json.prompt_values_supported.includes('create'))
  await signIn(browser, authorizePath())
  const page = await browser.visit(authorizePath({ prompt: 'create', login_hint: email }))
  assert.ok(page.target.startsWith('/register?'))
  assert.equal(page.form?.fields.email, email)
  // Without an account, the way back leads to the page again, and does not continue with the session.
  const back = page.target.replace('/register', '/connect/authorize/callback')
  assert.ok((await browser.visit(back)).target.startsWith('/register?'))
  await browser.submit(page, { email })
  const chosen = await browser.visit((await newestMail(server)).path)
  const answer = answerOf(await browser.submit(chosen, { new_password: password }))
  assert.equal(answer.get('state'), 'a state & more')
  const code = await server.stores.codes.find(hashHandle(answer.get('code') ?? ''))
  const added = server.logged.find(({ event }) => event === 'user_added')
  assert.equal(code?.authorization.sub, added?.sub)
})

test('sign-up: prompt=create is unknown without sign-up, and with it must be the only prompt [authorize-054] [authorize-056]', async () => {
  const off = await start({})
  assert.equal(
    answerOf(await off.browser.visit(authorizePath({ prompt: 'create' }))).get('error'),
    'invalid_request',
  )
  assert.equal(off.server.reason(), 'prompt_unknown')
  const { server, browser } = await start()
  for (const prompt of ['create login', 'none create']) {
    const answer = answerOf(await browser.visit(authorizePath({ prompt })))
    assert.equal(answer.get('error'), 'invalid_request')
  }
  assert.equal(server.reason(), 'prompt_none_with_others')
})
