/**
 * Sign-outs at a provider that arrive during a sign-in from there, or that fail halfway: the session they report never
 * outlives them here.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreUnavailable } from '../../packages/server/src/runtime/ports.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { appOf, secretOn } from '../support/factors.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath } from '../support/sign-in.ts'
import { openTenantStores } from '../support/storage.ts'
import type { TestServer } from '../support/tessera.ts'
import {
  federatedWorld,
  foreignProvider,
  logoutTokenOf,
  signInByProvider,
  startFederated,
  subOf,
  visitProvider,
} from '../support/upstream.ts'

const there = { sub: 'ada', sid: 'session-there' }
const provider = foreignProvider(there)
const atCorp = authorizePath({ acr_values: 'idp:corp' })
const path = '/federation/backchannel-logout/corp'

const send = (server: TestServer, logout_token: string) =>
  server.send('POST', path, { form: { logout_token } })

/** Each says that Ada signed out: of one session, or of all. */
const tokens = {
  'of a session': () => logoutTokenOf(provider, { sid: there.sid }),
  'of a user': () => logoutTokenOf(provider, { sub: there.sub }),
}

/** Signs in at the provider, and waits for the second factor here. */
async function startWaiting() {
  const { server, browser } = await startFederated({ ...federatedWorld(provider), mfa: { mode: 'required' } })
  const asked = await signInByProvider(browser, atCorp)
  const enterFactor = () =>
    browser.submit(asked, { code: appOf(secretOn(asked), server).code(), button: 'enrol' })
  return { server, browser, enterFactor }
}

async function assertSignedOut(server: TestServer, browser: Browser): Promise<void> {
  const sub = server.logged.findLast(({ event }) => event === 'sign_in_overtaken')?.sub
  assert.equal(typeof sub, 'string')
  assert.deepEqual(await server.stores.sessions.ofUser(`${sub}`), [])
  assert.ok((await browser.visit('/account')).target.startsWith('/login'))
}

for (const [what, token] of Object.entries(tokens)) {
  test(`federation attack: a sign-out ${what} ends a sign-in that waits for its second factor [Back-Channel Logout 1.0 §2.7]`, async () => {
    const { server, browser, enterFactor } = await startWaiting()
    assert.equal((await send(server, await token())).status, 200)
    await enterFactor()
    await assertSignedOut(server, browser)
  })

  test(`federation attack: a sign-out ${what} that finds no session because it is just being stored ends it [Back-Channel Logout 1.0 §2.7]`, async () => {
    const { server, browser } = await startFederated(federatedWorld(provider))
    const back = await visitProvider(await browser.visit(atCorp))
    const { sessions } = server.stores
    const { create } = sessions
    const logout = await token()
    let status = 0
    Object.assign(sessions, {
      async create(...given: Parameters<typeof create>) {
        status = (await send(server, logout)).status
        return create(...given)
      },
    })
    await browser.visit(back)
    assert.equal(status, 200)
    await assertSignedOut(server, browser)
  })

  test(`federation attack: a sign-out ${what} ends a session that is stored after it looked for sessions [Back-Channel Logout 1.0 §2.7]`, async () => {
    const { server, browser, enterFactor } = await startWaiting()
    const { upstreamSessions, sessions } = server.stores
    const { end } = upstreamSessions
    let started = 0
    Object.assign(upstreamSessions, {
      async end(id: string) {
        await enterFactor()
        started = (await sessions.ofUser(`${subOf(server)}`)).length
        return end(id)
      },
    })
    assert.equal((await send(server, await token())).status, 200)
    assert.equal(started, 1)
    assert.deepEqual(await sessions.ofUser(`${subOf(server)}`), [])
    assert.ok((await browser.visit('/account')).target.startsWith('/login'))
  })
}

test('federation attack: a code of a session that ended there, returned late, starts none here', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  const back = await visitProvider(await browser.visit(atCorp))
  assert.equal((await send(server, await tokens['of a session']())).status, 200)
  const late = await browser.visit(back)
  assert.equal(late.status, 502)
  assert.equal(server.reason(), 'upstream_session_ended')
  assert.deepEqual(await server.stores.upstreamSessions.from('corp', { upstream_sid: there.sid }), [])
  assert.ok((await browser.visit('/account')).target.startsWith('/login'))
  // Only this session: another one, and this one's name after ten minutes, sign in.
  provider.claims = { ...there, sid: 'another' }
  assert.ok(answerOf(await signInByProvider(browser, atCorp)).has('code'))
  server.clock.advance(601)
  await server.stores.cleanUp(server.clock.now())
  provider.claims = there
  const again = createBrowser(server)
  assert.ok(answerOf(await signInByProvider(again, atCorp)).has('code'))
})

for (const [what, token] of Object.entries(tokens))
  test(`federation attack: a sign-out ${what} at one node ends a sign-in that returns late to another one, and a token works at one`, async () => {
    const tenantStores = await openTenantStores()
    const { server: other } = await startFederated(federatedWorld(provider), tenantStores)
    const { server, browser } = await startFederated(federatedWorld(provider), tenantStores)
    // Each begins at the second in which it was created. A sign-in that began after a sign-out is valid.
    other.clock.advance(server.clock.now() - other.clock.now())
    const back = await visitProvider(await browser.visit(atCorp))
    const logout = await token()
    assert.equal((await send(other, logout)).status, 200)
    assertRefused(await send(server, logout), 'invalid_request', 'upstream_logout_token_replayed')
    assert.equal((await browser.visit(back)).status, 502)
    assert.equal(server.reason(), 'upstream_session_ended')
    assert.ok((await browser.visit('/account')).target.startsWith('/login'))
  })

test('federation attack: a late code without a sid starts no session after a sign-out with sid and sub, one with another sid does', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  const other = createBrowser(server)
  const back = await visitProvider(await browser.visit(atCorp))
  const backToOther = await visitProvider(await other.visit(atCorp))
  assert.equal((await send(server, await logoutTokenOf(provider, there))).status, 200)
  provider.claims = { ...there, sid: undefined }
  assert.equal((await browser.visit(back)).status, 502)
  assert.equal(server.reason(), 'upstream_session_ended')
  provider.claims = { ...there, sid: 'another' }
  assert.ok(answerOf(await other.visit(backToOther)).has('code'))
})

test('federation logout: a sign-in that begins after the sign-out of a user is not affected', async () => {
  const { server, browser } = await startFederated(federatedWorld(provider))
  assert.equal((await send(server, await tokens['of a user']())).status, 200)
  server.clock.advance(1)
  assert.ok(answerOf(await signInByProvider(browser, atCorp)).has('code'))
})

test('federation logout: a logout token that could not end all sessions ends them when it is sent again [Back-Channel Logout 1.0 §2.5]', async () => {
  for (const failing of ['end', 'fromUpstream'] as const) {
    const { server, browser } = await startFederated(federatedWorld(provider))
    await signInByProvider(browser, atCorp)
    const { sessions } = server.stores
    const kept = sessions[failing]
    Object.assign(sessions, { [failing]: () => Promise.reject(new StoreUnavailable('a planted outage')) })
    const token = await tokens['of a session']()
    assert.equal((await send(server, token)).status, 503, failing)
    Object.assign(sessions, { [failing]: kept })
    assert.equal((await send(server, token)).status, 200, failing)
    assert.deepEqual(await sessions.ofUser(`${subOf(server)}`), [])
    assertRefused(await send(server, token), 'invalid_request', 'upstream_logout_token_replayed')
  }
})
