/** When a client may sign a user out without asking the user (OpenID Connect RP-Initiated Logout 1.0 §2). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { endSessionPath, logoutWorld, signInAt, startLogoutWorld } from '../support/logout-world.ts'
import { alice, answerOf, authorizePath, bob } from '../support/sign-in.ts'
import { claimsOf, type TestServer } from '../support/tessera.ts'

const bye = 'https://tv.example/bye'
const clients = logoutWorld.clients.map(client =>
  client.client_id === 'tv' ? { ...client, post_logout_redirect_uris: [bye] } : client,
)

/** The ID token of a device: with the user, and without a session. */
async function hintOf(server: TestServer, credentials = alice): Promise<string> {
  const client_id = 'tv'
  const form = { client_id, scope: 'openid' }
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form })
  const browser = createBrowser(server)
  const login = await browser.submit(await browser.visit('/device'), { user_code: json.user_code })
  await browser.submit(await browser.submit(login, credentials), { button: 'yes' })
  const { device_code } = json
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  const tokens = await server.token({ grant_type, client_id, device_code })
  assert.equal(claimsOf(tokens.json.id_token).sid, undefined)
  return tokens.json.id_token
}

test('endsession: a hint with the user but without a session leads to the page that asks', async () => {
  const { server, browser } = await startLogoutWorld({ clients })
  await signInAt(server, browser, ['web'])
  const id_token_hint = await hintOf(server)
  const page = await browser.visit(endSessionPath({ id_token_hint, post_logout_redirect_uri: bye }))
  assert.match(page.text, /Sign out\? Television wants to sign you out/)
  assert.ok(answerOf(await browser.visit(authorizePath({ prompt: 'none' }))).has('code'))
  assert.equal((await browser.submit(page, { button: 'yes' })).location, bye)
})

test('endsession: a hint with another user and no session does not redirect', async () => {
  const { server, browser } = await startLogoutWorld({ clients })
  await signInAt(server, browser, ['web'])
  const id_token_hint = await hintOf(server, bob)
  const page = await browser.visit(endSessionPath({ id_token_hint, post_logout_redirect_uri: bye }))
  assert.match(page.text, /Sign out\? You will be signed out here/)
  const done = await browser.submit(page, { button: 'yes' })
  assert.equal(done.location, undefined)
  assert.doesNotMatch(done.body, /tv\.example/)
})

test('signed out: a client that was disabled in the meantime is not framed', async () => {
  const { server, browser } = await startLogoutWorld()
  await signInAt(server, browser, ['shop', 'wiki'])
  const asked = await browser.visit('/logout')
  const answer = await browser.request('POST', '/logout', {
    form: { ...asked.form?.fields, button: 'yes' },
  })
  const off = logoutWorld.clients.map(client =>
    client.client_id === 'shop' ? { ...client, enabled: false } : client,
  )
  await server.reconfigure({ ...logoutWorld, clients: off })
  const done = await browser.visit(answer.location ?? '')
  assert.match(done.body, /<iframe[^>]*wiki\.example/)
  assert.doesNotMatch(done.body, /shop\.example/)
})
