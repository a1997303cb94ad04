/** Security notifications by mail: changes to how an account can be signed in to. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora, doraSignsIn, newestMail } from '../support/accounts.ts'
import { createAuthenticator, optionsOn } from '../support/authenticator.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { finishEnrolment, methodHref } from '../support/factors.ts'
import { authorizePath, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import {
  federatedWorld,
  foreignProvider,
  signInByProvider,
  startFederated,
  visitProvider,
} from '../support/upstream.ts'

const provider = foreignProvider()

const security = '/account/security'

async function start(changes: object = {}, world: object = {}) {
  const server = await createTestServer({ ...accountsWorld(), ...world })
  return { server, browser: createBrowser(server), sub: await addUser(server, changes) }
}

const post = async (browser: Browser, path: string, fields: Readonly<Record<string, string>>) => {
  const page = await browser.visit(path)
  const csrf = /name="csrf" value="([^"]*)"/.exec(page.body)?.[1] ?? ''
  return browser.request('POST', path, { form: { csrf, ...fields } })
}

const addPasskey = async (browser: Browser) => {
  const page = await browser.visit(`${security}?add=passkey`)
  const credential = createAuthenticator(issuer).create(optionsOn(page))
  return browser.submit(page, { credential, name: 'Key', button: 'passkey_enrol' })
}

/** The mails since the last call. */
function listen(server: TestServer) {
  let heard = 0
  return async () => {
    const mails = (await server.mails()).slice(heard)
    heard += mails.length
    return mails
  }
}

test('sign-in mail: each change of a second factor and each used recovery code sends one mail, and changes are recorded', async () => {
  const { server, browser, sub } = await start()
  const told = listen(server)
  const newest = async (text: RegExp) => {
    const [mail, ...more] = await told()
    assert.ok(mail && more.length === 0)
    assert.equal(mail.to, dora.email)
    assert.match(mail.subject, /A change to how you sign in at id\.example/)
    assert.match(mail.text, text)
    assert.match(mail.html, text)
    assert.equal(mail.link, `${issuer}${security}`)
  }
  await signIn(browser, security, doraSignsIn)
  const { codes } = await finishEnrolment(server, browser, await browser.visit(`${security}?add=totp`))
  await newest(/An authenticator app was set up/)
  await addPasskey(browser)
  await newest(/A passkey was added/)
  const other = createBrowser(server)
  const asked = await other.visit(methodHref(await signIn(other, '/account', doraSignsIn), 'recovery_code'))
  await other.submit(asked, { code: codes[0] ?? '', button: 'verify' })
  await newest(/A recovery code was used/)
  await post(browser, security, { button: 'codes' })
  await newest(/New recovery codes were created/)
  const [passkey] = await server.stores.passkeys.of(sub)
  await post(browser, security, { button: 'remove', id: passkey?.id ?? '' })
  await newest(/A passkey was removed/)
  await post(browser, security, { button: 'remove', id: passkey?.id ?? '' })
  assert.deepEqual(await told(), [])
  await post(browser, security, { button: 'remove', method: 'totp' })
  await newest(/The authenticator app .* was removed/)

  await server.settled()
  await server.runAudit()
  const records = await server.stores.auditRecords.list({ after: 0, limit: 100, sub })
  const ofFactors = records.map(({ type }) => type).filter(type => /factor|recovery/.test(type))
  assert.deepEqual(ofFactors, [
    ...['user.factor_added', 'user.recovery_codes_replaced', 'user.factor_added'],
    ...['user.recovery_codes_replaced', 'user.factor_removed', 'user.factor_removed'],
  ])
})

test('sign-in mail: a change that is repeated sends five mails an hour, and a change of another kind its own', async () => {
  const { server, browser } = await start()
  await signIn(browser, security, doraSignsIn)
  await finishEnrolment(server, browser, await browser.visit(`${security}?add=totp`))
  const told = listen(server)
  await told()
  for (let count = 0; count < 7; count++) await post(browser, security, { button: 'codes' })
  await addPasskey(browser)
  const mails = (await told()).map(({ text }) => /New recovery codes|A passkey was added/.exec(text)?.[0])
  assert.deepEqual(mails, [...Array(5).fill('New recovery codes'), 'A passkey was added'])
})

test('sign-in mail: an unverified address receives no mail', async () => {
  const { server, browser } = await start({ emailVerified: false })
  await signIn(browser, security, doraSignsIn)
  await addPasskey(browser)
  assert.deepEqual(await server.mails(), [])
})

test('sign-in mail: a configured user is notified at the address marked as verified', async () => {
  const claims = { email: 'alice@example.com', email_verified: true }
  const users = [{ sub: '1', username: 'alice', password: 'wonderland', claims }]
  const { server, browser } = await start({}, { users })
  await signIn(browser, security)
  await addPasskey(browser)
  assert.equal((await newestMail(server)).to, 'alice@example.com')
})

test('sign-in mail: a wrong recovery code and a factor that was not added send no mail', async () => {
  const { server, browser } = await start()
  await signIn(browser, security, doraSignsIn)
  const page = await browser.visit(`${security}?add=totp`)
  assert.equal((await browser.submit(page, { code: '000000', button: 'enrol' })).status, 400)
  assert.deepEqual(await server.mails(), [])
})

test('sign-in mail: after a new password, the mail lists other sign-in options and where to remove them', async () => {
  const { server, browser, sub } = await start()
  await signIn(browser, security, doraSignsIn)
  await finishEnrolment(server, browser, await browser.visit(`${security}?add=totp`))
  await addPasskey(browser)
  await server.stores.identityLinks.add({ provider: 'corp', identity: 'x', sub, created_at: 1 })
  const owner = createBrowser(server)
  await owner.submit(await owner.visit('/password/forgotten'), { username: 'dora' })
  const page = await owner.visit((await newestMail(server)).path)
  await owner.submit(page, { new_password: 'eleven green bottles' })
  const { text, html, path } = await newestMail(server)
  assert.equal(path, security)
  const activeFactors = ['Authenticator app: 1', 'Passkeys: 1', 'Recovery codes: 10', 'Connected accounts: 1']
  assert.ok(text.includes(activeFactors.map(row => `- ${row}`).join('\n')), text)
  for (const row of activeFactors) assert.ok(html.includes(`<li>${row}</li>`), html)
})

test('sign-in mail: without other sign-in options, the mail does not mention them', async () => {
  const { server, browser } = await start()
  const page = await signIn(browser, '/account/password', doraSignsIn)
  await browser.submit(page, { password: dora.password, new_password: 'eleven green bottles' })
  const { text, html } = await newestMail(server)
  assert.doesNotMatch(text + html, /still open|<li>/)
})

const federated = (settings: object = {}) => ({ ...federatedWorld(provider, settings), accounts: {} })

test('sign-in mail: a user who is linked by address is notified, the first time', async () => {
  provider.claims = { sub: 'dora-there', email: dora.email, email_verified: true }
  const { server } = await startFederated(federated({ linking: 'verified_email' }))
  await addUser(server)
  const told = listen(server)
  const atCorp = authorizePath({ acr_values: 'idp:corp' })
  await signInByProvider(createBrowser(server), atCorp)
  const [mail] = await told()
  assert.match(mail?.text ?? '', /An account at another service was connected/)
  assert.equal(mail?.link, `${issuer}/account/connections`)
  await signInByProvider(createBrowser(server), atCorp)
  assert.deepEqual(await told(), [])
})

test('sign-in mail: connecting and disconnecting an upstream account send a mail', async () => {
  provider.claims = { sub: 'other-there', email: 'other@corp.example' }
  const { server, browser } = await startFederated(federated())
  const sub = await addUser(server)
  await signIn(browser, '/account', doraSignsIn)
  const connections = '/account/connections'
  const leaving = await post(browser, connections, { provider: 'corp', button: 'connect' })
  const [, location] = /^0; url=(.*)$/.exec(String(leaving.headers.refresh)) ?? []
  await browser.visit(await visitProvider({ ...leaving, location }))
  assert.match((await newestMail(server)).text, /An account at another service was connected/)
  const [link] = await server.stores.identityLinks.ofUser(sub)
  await post(browser, connections, {
    ...{ provider: 'corp', identity: link?.identity ?? '', button: 'disconnect' },
  })
  assert.match((await newestMail(server)).text, /An account at another service was disconnected/)
})

test('mail: is in the language of the page, with its writing direction', async () => {
  const { server, browser } = await start()
  await browser.visit('/?lang=ar')
  await signIn(browser, security, doraSignsIn)
  await addPasskey(browser)
  const { html, text } = await newestMail(server)
  assert.match(html, /<html lang="ar" dir="rtl">/)
  assert.match(html, /<div lang="ar" dir="rtl"/)
  assert.match(text, /تمت إضافة مفتاح مرور/)
})

test('mail: has the operator’s name and colours, readable in light and dark mode', async () => {
  const branding = { name: 'Acme <&> Co', colors: { accent: '#0b5d3b', accent_dark: '#7fe0b5' } }
  const { server, browser } = await start({}, { branding })
  await signIn(browser, security, doraSignsIn)
  await addPasskey(browser)
  const { html } = await newestMail(server)
  assert.match(html, /Acme &lt;&amp;&gt; Co/)
  assert.match(html, /background: #0b5d3b; color: #ffffff/)
  assert.match(html, /prefers-color-scheme: dark[\s\S]*#7fe0b5/)
  assert.match(html, /<meta name="color-scheme" content="light dark">/)
})
