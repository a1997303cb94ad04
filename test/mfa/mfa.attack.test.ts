/** Attempts to bypass the second factor. */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { cbor, createAuthenticator, type Lies, optionsOn } from '../support/authenticator.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { appOf, enrolApp, methodHref, secretOn } from '../support/factors.ts'
import { answerOf, assertErrorPage, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'

const required = { ...pagesWorld, mfa: { mode: 'required' } }
const bob = { username: 'bob', password: 'builder', button: 'login' }

async function start(input: object = required) {
  const server = await createTestServer(input)
  return { server, browser: createBrowser(server) }
}

/** A browser whose user has an app, and another one that waits for the second factor. */
async function halfway() {
  const { server, browser } = await start()
  const enrolled = await enrolApp(server, browser, authorizePath())
  server.clock.advance(60)
  const other = createBrowser(server)
  const asked = await signIn(other, authorizePath())
  assert.ok(asked.target.startsWith('/mfa?'))
  return { server, browser, other, asked, ...enrolled }
}

/** No code is issued, whatever the browser opens. */
async function assertNotSignedIn(server: TestServer, browser: Browser) {
  const silent = await browser.visit(authorizePath({ prompt: 'none' }))
  assert.equal(answerOf(silent).get('error'), 'login_required')
  for (const path of ['/account', '/account/sessions', '/account/security'])
    assert.ok((await browser.visit(path)).target.startsWith('/login?'), path)
  assert.equal(browser.cookies.has('__Host-tessera_session'), false)
  assert.ok(server)
}

test('attack: going straight to the callback, or anywhere else, instead of proving the second factor leads to the login page', async () => {
  const { server, other, asked } = await halfway()
  const sealed = asked.form?.fields.continue ?? ''
  const back = await other.visit(`/connect/authorize/callback?continue=${sealed}`)
  assert.ok(back.target.startsWith('/login?'), back.target)
  assertErrorPage(await other.visit(`/consent?continue=${sealed}`), 'invalid_request')
  await assertNotSignedIn(server, other)
})

test('attack: the cookie of a pending sign-in is not accepted as a session cookie', async () => {
  const { server, other } = await halfway()
  const handle = other.cookies.get('__Host-tessera_pending') ?? ''
  assert.match(handle, /^tp_/)
  for (const value of [handle, handle.replace('tp_', 'ts_')]) {
    const thief = createBrowser(server)
    thief.cookies.set('__Host-tessera_session', value)
    const page = await thief.visit(authorizePath({ prompt: 'none' }))
    assert.equal(answerOf(page).get('error'), 'login_required')
  }
})

test('attack: a pending sign-in is bound to its browser, short-lived and used once', async () => {
  const { server, other, asked, app } = await halfway()
  const stranger = createBrowser(server)
  const elsewhere = await stranger.visit(asked.target)
  assert.ok(elsewhere.target.startsWith('/login?'), elsewhere.target)
  const twin = createBrowser(server)
  for (const [name, value] of other.cookies) twin.cookies.set(name, value)
  answerOf(await other.submit(asked, { code: app.code(), button: 'verify' }))
  server.clock.advance(30)
  const late = await twin.submit(asked, { code: app.code(), button: 'verify' })
  assert.ok(late.target.startsWith('/login?'), late.target)

  const slow = createBrowser(server)
  const waiting = await signIn(slow, authorizePath())
  server.clock.advance(601)
  const expired = await slow.submit(waiting, { code: app.code(), button: 'verify' })
  assert.ok(expired.target.startsWith('/login?'), expired.target)
})

test('attack: one of a hundred concurrent uses of a recovery code succeeds', async () => {
  const { server, codes } = await halfway()
  const browsers = await Promise.all(
    Array.from({ length: 9 }, async () => {
      const browser = createBrowser(server)
      const page = await browser.visit(methodHref(await signIn(browser, authorizePath()), 'recovery_code'))
      return { browser, page }
    }),
  )
  const pages = await Promise.all(
    browsers.map(({ browser, page }) => browser.submit(page, { code: codes[0] ?? '', button: 'verify' })),
  )
  assert.equal(pages.filter(page => page.location !== undefined).length, 1)
  assert.equal(await server.stores.recoveryCodes.count('1'), 9)
})

test('attack: one of many concurrent uses of an app’s code succeeds', async () => {
  const { server, app } = await halfway()
  const browsers = await Promise.all(
    Array.from({ length: 9 }, async () => {
      const browser = createBrowser(server)
      return { browser, page: await signIn(browser, authorizePath()) }
    }),
  )
  const code = app.code()
  const pages = await Promise.all(
    browsers.map(({ browser, page }) => browser.submit(page, { code, button: 'verify' })),
  )
  assert.equal(pages.filter(page => page.location !== undefined).length, 1)
})

test('attack: of two hundred concurrent guesses ten are checked, and then the correct code must wait too', async () => {
  const { server, other, asked, app } = await halfway()
  const guesses = Array.from({ length: 200 }, (_, guess) => String(guess).padStart(6, '0')).filter(
    guess => ![-30, 0, 30].some(shift => app.code(server.clock.now() + shift) === guess),
  )
  const form = asked.form?.fields ?? {}
  const answers = await Promise.all(
    guesses.map(code => other.request('POST', '/mfa', { form: { ...form, code, button: 'verify' } })),
  )
  const looked = answers.filter(({ status }) => status === 400).length
  assert.equal(looked, 10)
  assert.ok(answers.every(({ status }) => status === 400 || status === 429))
  const right = await other.submit(asked, { code: app.code(), button: 'verify' })
  assert.equal(right.status, 429)
  assert.equal(right.headers['retry-after'], '600')
  assert.equal(server.reason(), 'second_factor_guessed_too_often')
  server.clock.advance(600)
  const again = await signIn(createBrowser(server), authorizePath())
  assert.equal(again.status, 200)
})

test('attack: a password alone can’t add a second factor to the existing one', async () => {
  const { server, other, asked } = await halfway()
  for (const button of ['enrol', 'passkey_enrol']) {
    const form = { ...asked.form?.fields, method: 'totp', ticket: 'x', code: '000000', button }
    assertErrorPage(await other.request('POST', '/mfa', { form }), 'invalid_request')
    assert.equal(server.reason(), 'button_unknown')
  }
  // A client that requires a passkey, and a user who has only an app.
  const page = await signIn(createBrowser(server), authorizePath({ acr_values: 'phr' }))
  assert.match(page.text, /Enter the code that your authenticator app shows/)
})

test('attack: an enrolment of another user, or one that is an hour old, is refused', async () => {
  const { server, browser } = await start()
  const mine = await signIn(browser, authorizePath())
  const theirs = createBrowser(server)
  const page = await signIn(theirs, authorizePath(), bob)
  const stolen = { ticket: mine.form?.fields.ticket ?? '', code: '000000', button: 'enrol' }
  const refused = await theirs.submit(page, stolen)
  assert.equal(refused.status, 400)
  assert.equal(server.reason(), 'totp_enrolment_invalid')
  assert.equal(await server.stores.totpSecrets.find('2'), undefined)
})

async function withPasskey(options = {}) {
  const { server, browser } = await start()
  const asked = await browser.visit(methodHref(await signIn(browser, authorizePath()), 'passkey'))
  const key = createAuthenticator(issuer, options)
  const credential = key.create(optionsOn(asked))
  await browser.submit(asked, { credential, name: 'Key', button: 'passkey_enrol' })
  return { server, key }
}

const lies: readonly (readonly [string, Lies])[] = [
  ['of another origin', { origin: 'https://id.example.attacker.example' }],
  ['of another port', { origin: 'https://id.example:8443' }],
  ['for another server', { rpId: 'example' }],
  ['to another challenge', { challenge: Buffer.alloc(32).toString('base64url') }],
]

for (const [what, lie] of lies)
  test(`attack: a passkey response ${what} is refused, at sign-in and at registration`, async () => {
    const { server, key } = await withPasskey()
    const browser = createBrowser(server)
    const login = await browser.visit(authorizePath())
    const credential = key.get(optionsOn(login), lie)
    const refused = await browser.submit(login, { credential, button: 'passkey' })
    assert.equal(refused.status, 400)
    assert.equal(server.reason(), 'passkey_proof_wrong')

    const other = createBrowser(server)
    const asked = await browser.visit(methodHref(await signIn(other, authorizePath(), bob), 'passkey'))
    assert.ok(asked)
    const page = await other.visit(methodHref(await signIn(other, authorizePath(), bob), 'passkey'))
    const made = createAuthenticator(issuer).create(optionsOn(page), lie)
    const again = await other.submit(page, { credential: made, name: '', button: 'passkey_enrol' })
    assert.equal(again.status, 400)
    assert.equal(server.reason(), 'passkey_proof_wrong')
    assert.deepEqual(await server.stores.passkeys.of('2'), [])
  })

test('attack: a passkey response counts once, in its browser, within ten minutes, for its purpose', async () => {
  const { server, key } = await withPasskey()
  const browser = createBrowser(server)
  const login = await browser.visit(authorizePath())
  const answer = { credential: key.get(optionsOn(login)), button: 'passkey' }

  const stranger = createBrowser(server)
  const theirs = await stranger.visit(authorizePath())
  const ticket = login.form?.fields.ticket ?? ''
  assert.equal((await stranger.submit(theirs, { ...answer, ticket })).status, 400)
  // Another browser's challenge differs, so the signature is of the wrong one.
  assert.equal(server.reason(), 'passkey_proof_wrong')

  // The same browser, but the page for the second factor.
  const asked = await signIn(browser, authorizePath())
  assert.equal((await browser.submit(asked, { ...answer, ticket })).status, 400)

  const again = await browser.visit(authorizePath())
  const fresh = { credential: key.get(optionsOn(again)), button: 'passkey' }
  answerOf(await browser.submit(again, fresh))
  assert.equal((await browser.submit(again, fresh)).status, 400)
  assert.equal(server.reason(), 'passkey_challenge_invalid')

  const late = createBrowser(server)
  const slow = await late.visit(authorizePath())
  const old = { credential: key.get(optionsOn(slow)), button: 'passkey' }
  server.clock.advance(601)
  assert.equal((await late.submit(slow, old)).status, 400)
  assert.equal(server.reason(), 'passkey_challenge_invalid')
})

test('attack: a counter that does not increase is refused and logged [WebAuthn Level 3 §7.2]', async () => {
  const { server, key } = await withPasskey({ counts: true })
  const attempt = async (counter?: number) => {
    const browser = createBrowser(server)
    const login = await browser.visit(authorizePath())
    const credential = key.get(optionsOn(login), counter === undefined ? {} : { counter })
    return browser.submit(login, { credential, button: 'passkey' })
  }
  answerOf(await attempt(7))
  for (const counter of [7, 6, 0]) assert.equal((await attempt(counter)).status, 400, String(counter))
  assert.equal(server.reason(), 'passkey_counter_regressed')
  assert.ok(
    server.logged.some(({ event, level }) => event === 'passkey_counter_regressed' && level === 'warn'),
  )
  answerOf(await attempt(8))
})

/** {1: 3, 3: -257, -1: n, -2: e} (RFC 8230 §4). */
const rsaKey = (n: Buffer, e: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from('a401030339010020', 'hex'),
    cbor.bytes(n),
    Buffer.from('21', 'hex'),
    cbor.bytes(e),
  ])
const modulusOf = (bits: number): Buffer =>
  Buffer.from(
    generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' }).n ?? '',
    'base64url',
  )

test('attack: an RSA key that makes each verification slow is no passkey, and a usual one is', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(methodHref(await signIn(browser, authorizePath()), 'passkey'))
  const modulus = modulusOf(2048)
  const register = (key: Buffer) => {
    const credential = createAuthenticator(issuer).create(optionsOn(page), { key })
    return browser.submit(page, { credential, name: '', button: 'passkey_enrol' })
  }
  for (const key of [
    rsaKey(modulus, Buffer.alloc(8, 0x41)),
    rsaKey(modulus, modulus),
    rsaKey(Buffer.alloc(2048, 0xc1), Buffer.of(1, 0, 1)),
  ]) {
    assert.equal((await register(key)).status, 400)
    assert.equal(server.reason(), 'passkey_not_added')
  }
  assert.deepEqual(await server.stores.passkeys.of('1'), [])
  await register(rsaKey(modulus, Buffer.of(1, 0, 1)))
  assert.equal((await server.stores.passkeys.of('1')).length, 1)
})

const named = (length: number): string => JSON.stringify({ id: 'x'.repeat(length), response: {} })
/** The library would decode them for as long as fifty signatures take. */
const withData = (length: number): string =>
  JSON.stringify({ id: 'x', response: { authenticatorData: 'A'.repeat(length) } })

test('attack: another’s passkey, another’s user handle and a malformed response are refused', async () => {
  const { server, key } = await withPasskey()
  const browser = createBrowser(server)
  const asked = await signIn(browser, authorizePath(), bob)
  const page = await browser.visit(methodHref(asked, 'passkey'))
  for (const credential of ['x', '[]', '{}', named(1401)]) {
    assert.equal((await browser.submit(page, { credential, button: 'passkey_enrol' })).status, 400)
    assert.equal(server.reason(), 'passkey_malformed', credential)
  }

  const login = await createBrowser(server).visit(authorizePath())
  assert.ok(login)
  const send = async (credential: string) => {
    const other = createBrowser(server)
    const at = await other.visit(authorizePath())
    const answer = credential === '' ? key.get(optionsOn(at), { userHandle: 'AAAA' }) : credential
    const refused = await other.submit(at, { credential: answer, button: 'passkey' })
    assert.equal(refused.status, 400)
    return server.reason()
  }
  assert.equal(await send(''), 'passkey_of_another_user')
  for (const text of ['x', '[]', 'null', '{"id":1,"response":{}}', '{"id":"x","response":{"userHandle":7}}'])
    assert.equal(await send(text), 'passkey_malformed', text)
  assert.equal(await send(named(1401)), 'passkey_malformed')
  assert.equal(await send(named(1400)), 'passkey_unknown')
  assert.equal(await send('{"id":"x","response":{}}'), 'passkey_unknown')
  assert.equal(await send(withData(1001)), 'passkey_malformed')
  assert.equal(await send(withData(1000)), 'passkey_unknown')
})

test('attack: another user’s passkey is not a second factor, even if it signs the challenge', async () => {
  const { server } = await withPasskey()
  const theirs = createBrowser(server)
  const asked = await theirs.visit(methodHref(await signIn(theirs, authorizePath(), bob), 'passkey'))
  const bobs = createAuthenticator(issuer)
  const made = bobs.create(optionsOn(asked))
  await theirs.submit(asked, { credential: made, name: 'Bob’s', button: 'passkey_enrol' })
  assert.equal((await server.stores.passkeys.of('2')).length, 1)

  // The attacker knows alice's password and has another account.
  const browser = createBrowser(server)
  const page = await signIn(browser, authorizePath())
  assert.ok(page.target.startsWith('/mfa?'), page.target)
  const refused = await browser.submit(page, { credential: bobs.get(optionsOn(page)), button: 'passkey' })
  assert.equal(refused.status, 400)
  assert.equal(server.reason(), 'passkey_unknown')
  await assertNotSignedIn(server, browser)
})

test('attack: a code of the adjacent step is accepted, one of 60 seconds earlier or later is not [RFC 6238 §5.2]', async () => {
  for (const [seconds, taken] of [
    [-90, false],
    [-60, false],
    [-30, true],
    [0, true],
    [30, true],
    [60, false],
    [90, false],
  ] as const) {
    const { server, other, asked, app } = await halfway()
    server.clock.advance(120)
    const code = app.code(server.clock.now() + seconds)
    const answer = await other.submit(asked, { code, button: 'verify' })
    if (taken) answerOf(answer)
    else {
      assert.equal(answer.status, 400, String(seconds))
      assert.equal(server.reason(), 'totp_wrong', String(seconds))
    }
  }
})

test('attack: an app that was not confirmed within an hour is refused, and its secret is not shown again', async () => {
  const { server, browser } = await start()
  const page = await signIn(browser, authorizePath())
  const { ticket = '' } = page.form?.fields ?? {}
  const app = appOf(secretOn(page), server)
  server.clock.advance(3599)
  // The sign-in that waits for the factor has expired by then: another one continues with the same form.
  const soon = await signIn(createBrowser(server), authorizePath())
  assert.notEqual(secretOn(soon), secretOn(page))
  const again = createBrowser(server)
  const late = await signIn(again, authorizePath())
  const wrong = await again.submit(late, { ticket, code: '000000', button: 'enrol' })
  assert.equal(secretOn(wrong), secretOn(page), 'a second before its expiry it is still accepted')
  server.clock.advance(1)
  const gone = await again.submit(late, { ticket, code: app.code(), button: 'enrol' })
  assert.equal(gone.status, 400)
  assert.equal(server.reason(), 'totp_enrolment_invalid')
  assert.notEqual(secretOn(gone), secretOn(page))
  assert.equal(await server.stores.totpSecrets.find('1'), undefined)
})

test('attack: two servers on one store accept a code once', async () => {
  const { open } = await beginShared()
  const [one, two] = [
    await createTestServer(required, { tenantStores: await open() }),
    await createTestServer(required, { tenantStores: await open() }),
  ]
  const { app } = await enrolApp(one, createBrowser(one), authorizePath())
  for (const server of [one, two]) server.clock.advance(60)
  const pages = await Promise.all(
    [one, two].map(async server => {
      const browser = createBrowser(server)
      return { browser, asked: await signIn(browser, authorizePath()) }
    }),
  )
  const code = app.code()
  const answers = await Promise.all(
    pages.map(({ browser, asked }) => browser.submit(asked, { code, button: 'verify' })),
  )
  assert.deepEqual(answers.map(({ status }) => status).sort(), [302, 400])
})
