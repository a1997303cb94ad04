/** `prompt=select_account` (OpenID Connect Core 1.0 §3.1.2.1). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { alice, answerOf, assertErrorPage, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const bob = { username: 'bob', password: 'builder', button: 'login' }
const target = authorizePath({ prompt: 'select_account' })

async function start(): Promise<{ server: TestServer; browser: Browser }> {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  answerOf(await signIn(browser, authorizePath()))
  return { server, browser }
}

const userOf = async (server: TestServer, answer: URLSearchParams) =>
  (await server.stores.codes.find(hashHandle(answer.get('code') ?? '')))?.authorization.sub

test('select account: a signed-in user may continue without a password', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(target)
  assert.ok(page.target.startsWith('/select-account'))
  assert.match(page.text, /to continue to Web & Co/)
  assert.match(page.text, /Continue as alice/)
  const answer = answerOf(await browser.submit(page, { button: 'continue' }))
  assert.equal(await userOf(server, answer), '1')
})

test('select account: after a sign-in with another account, the client gets that account', async () => {
  const { server, browser } = await start()
  const login = await browser.submit(await browser.visit(target), { button: 'other' })
  assert.ok(login.target.startsWith('/login'))
  // Without a sign-in, the way back leads to the login page again, and never continues as the first user.
  const skipped = await browser.visit(login.target.replace('/login', '/connect/authorize/callback'))
  assert.ok(skipped.target.startsWith('/login'))
  assert.equal(await userOf(server, answerOf(await browser.submit(login, bob))), '2')
})

test('select account: the page is shown each time, and a user without a session signs in', async () => {
  const { server, browser } = await start()
  assert.ok(answerOf(await browser.submit(await browser.visit(target), { button: 'continue' })).get('code'))
  assert.ok((await browser.visit(target)).target.startsWith('/select-account'))
  const fresh = createBrowser(server)
  const login = await fresh.visit(target)
  assert.ok(login.target.startsWith('/login'))
  assert.ok(answerOf(await fresh.submit(login, alice)).get('code'))
})

test('select account: cancelling returns an error to the client', async () => {
  const { browser } = await start()
  const answer = answerOf(await browser.submit(await browser.visit(target), { button: 'cancel' }))
  assert.equal(answer.get('error'), 'access_denied')
})

test('select account: with consent, the choice comes first', async () => {
  const { browser } = await start()
  const both = authorizePath({ client_id: 'asking', prompt: 'select_account consent' })
  const consent = await browser.submit(await browser.visit(both), { button: 'continue' })
  assert.ok(consent.target.startsWith('/consent'))
  assert.ok(answerOf(await browser.submit(consent, { button: 'yes' })).get('code'))
})

test('select account: the page of one user is useless to another, and so is one without its form token or with an unknown button', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(target)
  const other = createBrowser(server)
  answerOf(await signIn(other, authorizePath(), bob))
  const carried = await other.visit(page.target)
  assert.equal(await userOf(server, answerOf(carried)), '2')
  const forged = await other.request('POST', '/select-account', {
    form: { ...page.form?.fields, button: 'continue' },
  })
  assertErrorPage(forged, 'invalid_request')
  assert.equal(server.reason(), 'csrf_token_wrong')
  assertErrorPage(await browser.submit(page, { button: 'steal' }), 'invalid_request')
  assertErrorPage(await browser.visit('/select-account?continue=nonsense'), 'invalid_request')
})

test('select account: a choice ends with its session', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(target)
  const { action = '', fields = {} } = page.form ?? {}
  const chosen = await browser.request('POST', action, { form: { ...fields, button: 'continue' } })
  // Meanwhile another user signs in at this browser.
  answerOf(await signIn(browser, authorizePath({ prompt: 'login' }), bob))
  const back = await browser.visit(chosen.location ?? '')
  assert.equal(await userOf(server, answerOf(back)), '2')
})
