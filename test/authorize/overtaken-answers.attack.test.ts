/** Responses decided just before the session ended or the consent was revoked: none is valid. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Browser, createBrowser } from '../support/browser.ts'
import { hybridWorld } from '../support/hybrid.ts'
import { answerOf, authorizePath, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const asked = (changes: Readonly<Record<string, string>> = {}) =>
  authorizePath({ client_id: 'asking', scope: 'openid profile', ...changes })

/** A signed-in browser that has consented to what `asked` requests. */
async function start() {
  const server = await createTestServer(hybridWorld)
  const browser = createBrowser(server)
  await signIn(browser, asked())
  const page = await browser.visit(asked())
  answerOf(await browser.submit(page, { button: 'yes', scope: ['profile'], remember: 'yes' }))
  assert.ok(answerOf(await browser.visit(asked())).get('code'))
  return { server, browser }
}

/** Actions of the user in another tab, on a page that they opened before; and the response that results. */
const acts = {
  'the end of the session': {
    prepare: async (browser: Browser) => {
      const page = await browser.visit('/logout')
      return () => browser.submit(page, { button: 'yes' })
    },
    instead: /^\/login\?/,
  },
  'the end of the consent': {
    prepare: async (browser: Browser) => {
      const page = await browser.visit('/account/consents')
      return () => browser.submit(page, { client_id: 'asking', button: 'revoke' })
    },
    instead: /^\/consent\?/,
  },
}

/** Runs an action just before, or just after, the store writes the authorization. */
function around(
  { stores }: TestServer,
  when: 'before' | 'after',
  act: () => Promise<unknown>,
): () => boolean {
  let acted = false
  const once = async () => {
    if (acted) return
    acted = true
    await act()
  }
  const { codes, devices } = stores
  const [issue, approve] = [codes.issue, devices.approve]
  const wrapped =
    <Given extends readonly unknown[], Value>(write: (...given: Given) => Promise<Value>) =>
    async (...given: Given): Promise<Value> => {
      if (when === 'before') await once()
      const value = await write(...given)
      await once()
      return value
    }
  Object.assign(codes, { issue: wrapped(issue) })
  Object.assign(devices, { approve: wrapped(approve) })
  return () => acted
}

for (const when of ['before', 'after'] as const)
  for (const [name, { prepare, instead }] of Object.entries(acts)) {
    test(`attack: ${name} just ${when} a code is written leaves no code`, async () => {
      const { server, browser } = await start()
      const acted = around(server, when, await prepare(browser))
      const late = await browser.visit(asked())
      assert.ok(acted())
      assert.match(late.location ?? late.target, instead)
    })

    // An approval during the session outlives it: the device is elsewhere.
    if (name === 'the end of the session' && when === 'after') continue
    test(`attack: ${name} just ${when} a device is approved leaves it without tokens`, async () => {
      const { server, browser } = await start()
      const form = { client_id: 'pairtv', scope: 'openid offline_access' }
      const { json } = await server.send('POST', '/connect/deviceauthorization', { form })
      const page = await browser.submit(await browser.visit('/device'), { user_code: json.user_code })
      // For a device the user consents again, so that is what they revoke.
      const act = name.endsWith('consent')
        ? () => server.stores.consents.revoke('1', 'pairtv', server.clock.now())
        : await prepare(browser)
      const acted = around(server, when, act)
      await browser.submit(page, { button: 'yes', scope: ['offline_access'] })
      assert.ok(acted())
      const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
      const poll = { grant_type, device_code: json.device_code, client_id: 'pairtv' }
      assert.notEqual((await server.token(poll)).status, 200)
    })
  }

test('attack: a pushed request whose session ends just before its code is written is used up', async () => {
  const server = await createTestServer(hybridWorld)
  const browser = createBrowser(server)
  await signIn(browser, asked({ client_id: 'web', scope: 'openid' }))
  const [, query = ''] = asked({ client_id: 'web', scope: 'openid' }).split('?')
  const form = Object.fromEntries(new URLSearchParams(query))
  const { json } = await server.send('POST', '/connect/par', { form })
  const acted = around(server, 'before', await acts['the end of the session'].prepare(browser))
  const pushed = new URLSearchParams({ client_id: 'web', request_uri: json.request_uri })
  const late = answerOf(await browser.visit(`/connect/authorize?${pushed}`))
  assert.ok(acted())
  assert.equal(late.get('error'), 'invalid_request_uri')
  assert.equal(server.reason(), 'pushed_request_used')
})
