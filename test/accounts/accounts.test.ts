/** Stored users: signing in, their pages, and what is revoked when they change. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora, doraSignsIn, newestMail, tokensOf } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { answerOf, assertErrorPage, authorizePath, signIn } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'

async function start(accounts?: object) {
  const server = await createTestServer(accountsWorld(accounts))
  return { server, browser: createBrowser(server), sub: await addUser(server) }
}

const better = 'eleven green bottles'

test('accounts: a stored user signs in at the page and by the password grant, in any spelling of the name', async () => {
  const { server, browser, sub } = await start()
  assert.ok(answerOf(await signIn(browser, authorizePath(), doraSignsIn)).get('code'))
  for (const username of ['dora', 'DORA', ' Dora ']) {
    const { json } = await tokensOf(server, username, dora.password)
    assert.equal(claimsOf(json.access_token).sub, sub)
  }
  const { json } = await tokensOf(server, 'dora', dora.password)
  const told = await server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${json.access_token}` },
  })
  assert.deepEqual(told.json, { sub, email: dora.email, email_verified: true })
})

test('accounts: without the section a stored user still signs in and gets tokens, until an operator disables it', async () => {
  const { server, browser, sub } = await start()
  const { accounts: _, ...without } = accountsWorld() as { accounts?: object }
  await server.reconfigure(without)
  assert.ok(answerOf(await signIn(browser, authorizePath(), doraSignsIn)).get('code'))
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 200)
  assert.equal((await server.send('GET', '/password/forgotten')).status, 404)
  await server.accounts.setActive(sub, false)
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 400)
})

test('accounts: a password may be entered with equivalent Unicode characters [NIST SP 800-63B §3.1.1.2]', async () => {
  const { server } = await start()
  await addUser(server, { username: 'zoë', email: undefined, password: 'cafe\u0301 au lait \uFB01ne' })
  assert.equal((await tokensOf(server, 'zoe\u0308', 'caf\u00E9 au lait fine')).status, 200)
})

test('accounts: a user of a tenant is found only in that tenant', async () => {
  const { server } = await start()
  await addUser(server, { tenant: 'acme', email: undefined, password: better })
  const acme = { acr_values: 'tenant:acme' }
  assert.equal((await tokensOf(server, 'dora', better, acme)).status, 200)
  assert.equal((await tokensOf(server, 'dora', dora.password, acme)).status, 400)
  assert.equal((await tokensOf(server, 'dora', better)).status, 400)
})

test('accounts: a name is unique, and can’t be confused with that of a configured user', async () => {
  const { server } = await start()
  for (const username of ['dora', 'ＤＯＲＡ', 'Alice', 'bob']) {
    const added = await server.accounts.add({ username })
    assert.equal(!added.ok && added.reason, 'username_taken', username)
  }
  const taken = await server.accounts.add({ username: 'other', sub: 'web' })
  assert.equal(!taken.ok && taken.reason, 'account_taken')
})

test('accounts: a user without a password can’t sign in with any', async () => {
  const { server } = await start()
  await addUser(server, { username: 'empty', email: undefined, password: undefined })
  for (const password of ['', ' ', 'undefined'])
    assert.equal((await tokensOf(server, 'empty', password)).status, 400)
})

test('accounts: disabling a user blocks them immediately and revokes their tokens and sessions; enabling allows sign-in again', async () => {
  const { server, browser, sub } = await start()
  await signIn(browser, '/account', doraSignsIn)
  const { json } = await tokensOf(server, 'dora', dora.password)
  await server.accounts.setActive(sub, false)
  assert.ok((await browser.visit('/account')).target.startsWith('/login'))
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 400)
  const refresh = { grant_type: 'refresh_token', refresh_token: json.refresh_token }
  assert.equal((await server.token(refresh, { client: ['direct', 's'] })).status, 400)
  await server.accounts.setActive(sub, true)
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 200)
  assert.equal((await server.token(refresh, { client: ['direct', 's'] })).status, 400)
})

test('password page: a new password takes effect, ends other sessions and tokens, keeps this session and notifies the user', async () => {
  const { server, browser } = await start()
  const elsewhere = createBrowser(server)
  await signIn(elsewhere, '/account', doraSignsIn)
  const { json } = await tokensOf(server, 'dora', dora.password)
  const page = await signIn(browser, '/account/password', doraSignsIn)
  assert.match(page.text, /Change your password/)
  const done = await browser.submit(page, { password: dora.password, new_password: better })
  assert.match(done.text, /Your password was changed/)
  assert.equal((await browser.visit('/account')).status, 200)
  assert.ok((await elsewhere.visit('/account')).target.startsWith('/login'))
  const refresh = { grant_type: 'refresh_token', refresh_token: json.refresh_token }
  assert.equal((await server.token(refresh, { client: ['direct', 's'] })).status, 400)
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 400)
  assert.equal((await tokensOf(server, 'dora', better)).status, 200)
  const told = await newestMail(server)
  assert.equal(told.to, dora.email)
  assert.match(told.subject, /password at id\.example was changed/)
})

test('password page: with change_ends "sessions", tokens that outlive sessions remain valid', async () => {
  const { server, browser } = await start({ change_ends: 'sessions' })
  const { json } = await tokensOf(server, 'dora', dora.password)
  const page = await signIn(browser, '/account/password', doraSignsIn)
  await browser.submit(page, { password: dora.password, new_password: better })
  const refresh = { grant_type: 'refresh_token', refresh_token: json.refresh_token }
  assert.equal((await server.token(refresh, { client: ['direct', 's'] })).status, 200)
})

test('password page: weak passwords are refused with a reason [NIST SP 800-63B §3.1.1.2]', async () => {
  const { browser } = await start()
  let page = await signIn(browser, '/account/password', doraSignsIn)
  assert.match(page.text, /New password At least 12 characters/)
  for (const [new_password, text] of [
    ['short', /At least 12 characters/],
    ['', /At least 12 characters/],
    ['passwordpassword', /too easy to guess/],
    ['P@ssw0rd123456', /too easy to guess/],
    ['aaaaaaaaaaaaaaaa', /too easy to guess/],
    ['abcabcabcabcabc', /too easy to guess/],
    ['qwertyuiopasdf', /too easy to guess/],
    ['098765432109876', /too easy to guess/],
    ['dora-1234567', /too similar to your name/],
    ['x'.repeat(513), /too long/],
  ] as const) {
    page = await browser.submit(page, { password: dora.password, new_password })
    assert.equal(page.status, 400, new_password)
    assert.match(page.text, text, new_password)
    assert.doesNotMatch(page.body, new RegExp(`value="${new_password || 'never'}"`))
  }
  const done = await browser.submit(page, { password: dora.password, new_password: 'ünï cödé ✂ 12345' })
  assert.match(done.text, /Your password was changed/)
})

test('password page: a wrong current password changes nothing, and guesses are counted', async () => {
  const { server, browser } = await start()
  let page = await signIn(browser, '/account/password', doraSignsIn)
  for (let count = 0; count < 100; count++) {
    page = await browser.submit(page, { password: 'wrong', new_password: better })
    assert.equal(page.status, 400)
    assert.match(page.text, /current password is wrong/)
  }
  page = await browser.submit(page, { password: dora.password, new_password: better })
  assert.equal(page.status, 429)
  assert.ok(Number(page.headers['retry-after']) > 0)
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 200)
})

test('new address: a network may request a limited number of emails, and the response says when it may retry [RFC 6585 §4]', async () => {
  const { server, browser } = await start()
  await signIn(browser, '/account', doraSignsIn)
  const page = await browser.visit('/account/email')
  for (let count = 0; count < 50; count++) {
    assert.match((await browser.submit(page, { email: `n${count}@example.com` })).text, /Check your email/)
  }
  const waiting = await browser.submit(page, { email: 'more@example.com' })
  assert.equal(waiting.status, 429)
  assert.equal(waiting.form?.fields.email, 'more@example.com')
  assert.ok(Number(waiting.headers['retry-after']) > 0)
  assert.equal(server.reason(), 'mail_asked_too_often')
})

test('password page: configured and federated users have none', async () => {
  const { browser } = await start()
  const page = await signIn(browser, '/account/password')
  assert.match(page.text, /managed elsewhere/)
  assert.equal(page.form, undefined)
})

test('profile: a stored user changes their names, an empty one is removed, and tokens contain the new values', async () => {
  const { server, browser } = await start()
  const profile = await signIn(browser, '/account', doraSignsIn)
  assert.match(
    profile.text,
    /Username Dora Name Dora D\. Change Email address dora@example\.com Verified Change/,
  )
  assert.match(profile.body, /href="\/account\/name"/)
  const page = await browser.visit('/account/name')
  assert.equal(page.form?.fields.full_name, 'Dora D.')
  const after = await browser.submit(page, { full_name: 'Dora <Q>', given_name: 'Dora', family_name: '' })
  assert.match(after.text, /Name Dora <Q>/)
  const { json } = await tokensOf(server, 'dora', dora.password, { scope: 'openid profile' })
  const told = await server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${json.access_token}` },
  })
  assert.equal(told.json.name, 'Dora <Q>')
  assert.equal(told.json.given_name, 'Dora')
  assert.equal(told.json.preferred_username, 'Dora')
  assert.equal(told.json.updated_at, server.clock.now())
  assert.equal('family_name' in told.json, false)
})

test('email: a new address takes effect when its link is used; the old address is notified; the link works once', async () => {
  const { server, browser, sub } = await start()
  await signIn(browser, '/account', doraSignsIn)
  const sent = await browser.submit(await browser.visit('/account/email'), { email: 'D@new.example' })
  assert.match(sent.text, /Check your email/)
  assert.equal((await server.accounts.find(sub))?.email, dora.email)
  const mail = await newestMail(server)
  assert.equal(mail.to, 'D@new.example')
  // In her other browser she signs in first.
  const phone = createBrowser(server)
  await signIn(phone, mail.path, doraSignsIn)
  const page = await phone.visit(mail.path)
  assert.equal((await server.accounts.find(sub))?.email, dora.email)
  assert.match((await phone.submit(page, {})).text, /address is confirmed/)
  assert.equal((await server.accounts.find(sub))?.email, 'D@new.example')
  const told = await newestMail(server)
  assert.equal(told.to, dora.email)
  assert.match(told.subject, /address at id\.example was changed/)
  assert.equal((await phone.submit(page, {})).status, 400)
  assert.equal(server.reason(), 'mail_link_invalid')
})

test('email: a change requires a recent sign-in', async () => {
  const { server, browser } = await start()
  await signIn(browser, '/account', doraSignsIn)
  assert.equal((await browser.visit('/account/email')).target, '/account/email')
  server.clock.advance(600)
  assert.ok((await browser.visit('/account/email')).target.startsWith('/login'))
})

test('email: an address of another user is sent nothing, and the page shows the same message', async () => {
  const { server, browser } = await start()
  await addUser(server, { username: 'eve', email: 'eve@example.com' })
  await signIn(browser, '/account', doraSignsIn)
  const before = (await server.mails()).length
  const page = await browser.submit(await browser.visit('/account/email'), { email: 'EVE@example.com' })
  assert.match(page.text, /Check your email/)
  assert.equal((await server.mails()).length, before)
})

test('accounts: without mail, features that need it are not offered', async () => {
  const server = await createTestServer({ ...accountsWorld({}), mail: undefined }, { sendMail: false })
  const browser = createBrowser(server)
  const page = await browser.visit(authorizePath())
  assert.doesNotMatch(page.body, /forgotten|register/)
  for (const path of ['/password/forgotten', '/password/reset', '/register', '/account/email', '/dev/mail'])
    assert.equal((await browser.request('GET', path)).status, 404)
})

test('accounts: on a loopback issuer, emails are shown at /dev/mail and printed; elsewhere the page does not exist', async () => {
  const printed: string[] = []
  const server = await createTestServer(
    { ...accountsWorld(), mail: undefined, issuer: 'http://localhost:5080' },
    { sendMail: false, print: text => void printed.push(text) },
  )
  const browser = createBrowser(server)
  await browser.submit(await browser.visit('/register'), { email: 'new@example.com' })
  await server.mails()
  const page = await browser.visit('/dev/mail')
  assert.match(page.text, /Confirm your address for localhost:5080 new@example\.com/)
  const [, link = ''] = /href="http:\/\/localhost:5080([^"]+)"/.exec(page.body) ?? []
  assert.match(printed.join(''), /Mail to new@example\.com/)
  assert.match((await browser.visit(link)).text, /Choose a password/)
  for (const host of ['localhost:5080', '127.0.0.1:5080', '[::1]:5080', 'login.localhost'])
    assert.equal((await browser.request('GET', '/dev/mail', { headers: { host } })).status, 200, host)
  for (const host of [
    'evil.example',
    'evil.example:5080',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
  ])
    assertErrorPage(await browser.request('GET', '/dev/mail', { headers: { host } }), 'invalid_request')
  const { server: remote } = await start()
  assert.equal((await remote.send('GET', '/dev/mail')).status, 404)
})

test('accounts: users and their passwords survive a restart', async () => {
  const { open } = await beginShared()
  const tenantStores = await open()
  await addUser(await createTestServer(accountsWorld(), { tenantStores }))
  await tenantStores.close()
  const server = await createTestServer(accountsWorld(), { tenantStores: await open() })
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 200)
})

test('accounts: a profile hook receives stored users like any other', async () => {
  const seen: unknown[] = []
  const server = await createTestServer({
    ...accountsWorld(),
    profile: {
      claims: ({ subject }: { subject: { sub: string } }) => {
        seen.push(subject.sub)
        return { sub: subject.sub, email: 'hooked@example.com' }
      },
      isActive: ({ subject }: { subject: { sub: string } }) => subject.sub !== 'barred',
    },
  })
  const sub = await addUser(server)
  await addUser(server, { username: 'barred', sub: 'barred', email: undefined })
  const { json } = await tokensOf(server, 'dora', dora.password)
  const told = await server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${json.access_token}` },
  })
  assert.equal(told.json.email, 'hooked@example.com')
  assert.ok(seen.includes(sub))
  assert.equal((await tokensOf(server, 'barred', dora.password)).status, 400)
  assert.equal(server.reason(), 'user_inactive')
})

test('accounts: a credential validator decides for stored users too, and the stored record takes precedence', async () => {
  const server = await createTestServer({
    ...accountsWorld({}),
    validators: {
      password: { check: ({ username }: { username: string }) => ({ ok: true, sub: username }) },
    },
  })
  await addUser(server, { sub: 'known' })
  assert.equal((await tokensOf(server, 'known', 'whatever')).status, 200)
  await server.accounts.setActive('known', false)
  assert.equal((await tokensOf(server, 'known', 'whatever')).status, 400)
  assert.equal((await server.send('GET', '/password/forgotten')).status, 404)
})
