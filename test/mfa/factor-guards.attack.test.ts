/** The proof and the setup of a second factor are bound to their user, challenge and time. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createRecoveryCodeBook } from '../../packages/server/src/identity/recovery-codes.ts'
import { createRootKeys, type RootKey } from '../../packages/server/src/keys/root-keys.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { emptyTables } from '../../packages/server/src/storage/memory/tables.ts'
import { createAuthenticator, optionsOn } from '../support/authenticator.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { appOf, enrolApp, finishEnrolment, goOnFrom, methodHref, secretOn } from '../support/factors.ts'
import { answerOf, authorizePath, bob, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'

const required = { ...pagesWorld, mfa: { mode: 'required' } }

async function start(input: object = required) {
  const server = await createTestServer(input)
  return { server, browser: createBrowser(server) }
}

/** Sets up a passkey during a sign-in. */
async function enrolPasskey(browser: Browser, credentials?: Readonly<Record<string, string>>) {
  const asked = await browser.visit(
    methodHref(await signIn(browser, authorizePath(), credentials), 'passkey'),
  )
  const key = createAuthenticator(issuer)
  const made = { credential: key.create(optionsOn(asked)), name: 'Key', button: 'passkey_enrol' }
  await browser.visit(goOnFrom(await browser.submit(asked, made)))
  return key
}

function assertRefused(server: TestServer, page: Page, reason: string): void {
  assert.equal(page.status, 400, page.text)
  assert.equal(server.reason(), reason)
}

test('passkeys: one challenge registers one passkey', async () => {
  const { server, browser } = await start()
  await enrolPasskey(browser)
  const page = await browser.visit('/account/security?add=passkey')
  const make = () => createAuthenticator(issuer).create(optionsOn(page))
  const form = { name: 'Another', button: 'passkey_enrol' }
  await browser.submit(page, { ...form, credential: make() })
  assert.equal((await server.stores.passkeys.of('1')).length, 2)
  assertRefused(
    server,
    await browser.submit(page, { ...form, credential: make() }),
    'passkey_challenge_invalid',
  )
  assert.equal((await server.stores.passkeys.of('1')).length, 2)
})

test('passkeys: a key with an algorithm that was not offered is refused [WebAuthn Level 3 §7.1]', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(methodHref(await signIn(browser, authorizePath()), 'passkey'))
  const credential = createAuthenticator(issuer).create(optionsOn(page), { algorithm: -36 })
  const refused = await browser.submit(page, { credential, name: '', button: 'passkey_enrol' })
  assertRefused(server, refused, 'passkey_proof_wrong')
  assert.deepEqual(await server.stores.passkeys.of('1'), [])
})

test('passkeys: a challenge for one user is invalid for another, in the same browser', async () => {
  const { server } = await start()
  await enrolPasskey(createBrowser(server))
  const bobs = await enrolPasskey(createBrowser(server), bob)
  const shared = createBrowser(server)
  const forAlice = await signIn(shared, authorizePath())
  const forBob = await signIn(shared, authorizePath(), bob)
  const { ticket = '' } = forAlice.form?.fields ?? {}
  const answer = { credential: bobs.get(optionsOn(forAlice)), ticket, button: 'passkey' }
  assertRefused(server, await shared.submit(forBob, answer), 'passkey_proof_wrong')
  const right = { credential: bobs.get(optionsOn(forBob)), button: 'passkey' }
  assert.ok((await shared.submit(forBob, right)).location)
})

test('passkeys: a ticket with a later expiry than any of ours is refused before its response is read', async () => {
  const { server, browser } = await start()
  const key = await enrolPasskey(createBrowser(server))
  const login = await browser.visit(authorizePath())
  const ticket = (login.form?.fields.ticket ?? '').replace(/\d+$/, end => String(Number(end) + 1))
  const credential = key.get(optionsOn(login))
  const refused = await browser.submit(login, { ticket, credential, button: 'passkey' })
  assertRefused(server, refused, 'passkey_challenge_invalid')
})

test('passkeys: they can’t be used for a client without local sign-in', async () => {
  const { server, browser } = await start()
  const key = await enrolPasskey(createBrowser(server))
  const offered = await browser.visit(authorizePath())
  const { target } = await browser.visit(authorizePath({ client_id: 'nolocal' }))
  const sealed = new URLSearchParams(target.split('?')[1]).get('continue') ?? ''
  const answer = { credential: key.get(optionsOn(offered)), button: 'passkey', continue: sealed }
  await browser.submit(offered, answer)
  assert.equal(server.reason(), 'passkey_sign_in_not_offered')
  assert.equal(browser.cookies.has('__Host-tessera_session'), false)
})

test('app: an enrolment is accepted in one spelling only', async () => {
  const { server, browser } = await start()
  const page = await signIn(browser, authorizePath())
  const { ticket = '' } = page.form?.fields ?? {}
  const code = appOf(secretOn(page), server).code()
  const again = await browser.submit(page, { ticket: `${ticket}=`, code, button: 'enrol' })
  assertRefused(server, again, 'totp_enrolment_invalid')
  assert.equal(await server.stores.totpSecrets.find('1'), undefined)
})

test('app: a secret sealed for one user is invalid for another, even if it is copied in the store', async () => {
  const { server, browser } = await start()
  const { app } = await enrolApp(server, browser, authorizePath())
  const stored = await server.stores.totpSecrets.find('1')
  assert.ok(stored && (await server.stores.totpSecrets.add({ ...stored, sub: '2' })))
  server.clock.advance(60)
  const thief = createBrowser(server)
  const asked = await signIn(thief, authorizePath(), bob)
  const refused = await thief.submit(asked, { code: app.code(), button: 'verify' })
  assert.equal(refused.status, 500)
  assert.equal(thief.cookies.has('__Host-tessera_session'), false)
})

test('attack: at most fifty codes of one user’s app are checked in a day [RFC 4226 §7.3]', async () => {
  const { server, browser } = await start()
  const { app } = await finishEnrolment(server, browser, await signIn(browser, authorizePath()))
  const guess = async (browser: Browser, asked: Page) => {
    const wrong = ['000000', '111111', '222222', '333333'].find(
      code => ![-30, 0, 30].some(shift => app.code(server.clock.now() + shift) === code),
    )
    return (await browser.submit(asked, { code: wrong ?? '', button: 'verify' })).status
  }
  for (let round = 0; round < 5; round++) {
    server.clock.advance(600)
    const other = createBrowser(server)
    const asked = await signIn(other, authorizePath())
    for (let count = 0; count < 10; count++) assert.equal(await guess(other, asked), 400)
  }
  server.clock.advance(600)
  const other = createBrowser(server)
  const asked = await signIn(other, authorizePath())
  const right = await other.submit(asked, { code: app.code(), button: 'verify' })
  assert.equal(right.status, 429)
  assert.equal(server.reason(), 'second_factor_guessed_too_often')
  assert.ok(Number(right.headers['retry-after']) > 80_000, String(right.headers['retry-after']))
})

test('mfa: recovery codes of before a rotation of the master key are accepted after the old key retires', async () => {
  const [first, second] = [1, 2].map(version => ({
    ...{ version, active_from: version },
    key: new Uint8Array(32).fill(version),
  })) as [RootKey, RootKey]
  const clock = { now: () => 100 }
  const stores = createMemoryStores(emptyTables())
  const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) }
  const bookWith = (keys: readonly RootKey[]) =>
    createRecoveryCodeBook({ stores, derived: createRootKeys(keys, clock).derived, random })
  const [code = ''] = await bookWith([first]).create('1')
  const rotated = bookWith([{ ...first, retires_at: 50 }, second])
  assert.deepEqual([await rotated.redeem('1', code), await rotated.redeem('1', code)], [true, false])
})

test('passkeys: of the transports that a browser names, those of another format are not stored', async () => {
  const { server, browser } = await start()
  const asked = await browser.visit(methodHref(await signIn(browser, authorizePath()), 'passkey'))
  const credential = JSON.parse(createAuthenticator(issuer).create(optionsOn(asked)))
  credential.response.transports = ['internal', 'Not a transport', 'x'.repeat(21)]
  const made = { credential: JSON.stringify(credential), name: 'Key', button: 'passkey_enrol' }
  await browser.submit(asked, made)
  const [stored] = await server.stores.passkeys.of('1')
  assert.deepEqual(stored?.transports, ['internal'])
})

test('attack: recovery codes that a reset of the factors left behind are replaced at the next enrolment', async () => {
  const server = await createTestServer({ ...pagesWorld, mfa: { mode: 'required' } })
  const { recoveryCodes, secondFactors } = server.stores
  const { replace } = recoveryCodes
  // Another process resets the factors between the new factor and its codes.
  Object.assign(recoveryCodes, {
    async replace(...given: Parameters<typeof replace>) {
      Object.assign(recoveryCodes, { replace })
      await secondFactors.reset('1')
      return replace(...given)
    },
  })
  const stranger = createBrowser(server)
  const { codes: left } = await enrolApp(server, stranger, authorizePath())
  assert.equal(await recoveryCodes.count('1'), 10)
  const { codes } = await enrolApp(server, createBrowser(server), authorizePath())
  assert.deepEqual(
    codes.filter(code => left.includes(code)),
    [],
  )
  const browser = createBrowser(server)
  const chosen = await browser.visit(methodHref(await signIn(browser, authorizePath()), 'recovery_code'))
  assert.equal((await browser.submit(chosen, { code: left[0]!, button: 'verify' })).status, 400)
  assert.equal(server.reason(), 'recovery_code_wrong')
  answerOf(await browser.submit(chosen, { code: codes[0]!, button: 'verify' }))
})
