import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mostIdentityLinks } from '../../packages/server/src/model/ports/federation.ts'
import { linkIdentity } from '../../packages/server/src/pages/federation/link.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { alice, answerOf, assertErrorPage, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import {
  federatedWorld,
  foreignProvider,
  signInByProvider,
  startFederated,
  startForeignProvider,
  subOf,
  visitProvider,
} from '../support/upstream.ts'

const provider = foreignProvider({ sub: 'ada-there', email: 'ada@corp.example' })

const page = '/account/connections'
const atCorp = authorizePath({ acr_values: 'idp:corp' })

async function startSignedIn(credentials: Record<string, string> = alice) {
  const { server, browser } = await startFederated(federatedWorld(provider))
  answerOf(await signIn(browser, authorizePath(), credentials))
  return { server, browser }
}

/** Presses a button of the page; returns the address that the browser is sent to. */
async function press(browser: Browser, shown: Page, button: string, fields: Record<string, string> = {}) {
  const { csrf = '' } = shown.form?.fields ?? {}
  return browser.request('POST', page, { form: { csrf, provider: 'corp', button, ...fields } })
}

async function leaveToConnect(browser: Browser): Promise<Page> {
  const leaving = await press(browser, await browser.visit(page), 'connect')
  assert.equal(leaving.status, 200, leaving.text)
  const [, location] = /^0; url=(.*)$/.exec(String(leaving.headers.refresh)) ?? []
  return { ...leaving, location }
}

const connect = async (browser: Browser): Promise<Page> =>
  browser.visit(await visitProvider(await leaveToConnect(browser)))

test('connections: a user connects an upstream account, signs in with it, and disconnects it', async () => {
  const { server, browser } = await startSignedIn()
  const before = await browser.visit(page)
  assert.match(before.text, /You haven’t connected any accounts/)
  assert.match(before.text, /Connect Corp/)
  const shown = await connect(browser)
  assert.equal(shown.target, page)
  assert.match(shown.text, /Corp ada@corp\.example/)

  const elsewhere = createBrowser(server)
  answerOf(await signInByProvider(elsewhere, atCorp))
  assert.equal(subOf(server), '1')
  assert.match((await elsewhere.visit('/account')).text, /alice/)

  const [, identity = ''] = /name="identity" value="([^"]*)"/.exec(shown.body) ?? []
  const gone = await press(browser, shown, 'disconnect', { identity })
  assert.equal(gone.location, page)
  assert.match((await browser.visit(page)).text, /You haven’t connected any accounts/)
  answerOf(await signInByProvider(createBrowser(server), atCorp))
  assert.match(String(subOf(server)), /^fed_/)
})

test('connections: whatever the name of an upstream account, it is connected, and shown with its UTF-8 form', async () => {
  const { browser } = await startSignedIn()
  for (const [sub, name, shown] of [
    ['one', `${'x'.repeat(199)}😀`, `${'x'.repeat(199)}\ufffd`],
    ['two', 'half \ud83d', 'half \ufffd'],
  ] as const) {
    provider.claims = { sub, preferred_username: name }
    const { target, text } = await connect(browser)
    assert.equal(target, page)
    assert.ok(text.includes(`Corp ${shown}`), text)
  }
})

test('connections: connecting requires a sign-in within ten minutes', async () => {
  const { server, browser } = await startSignedIn()
  const shown = await browser.visit(page)
  server.clock.advance(601)
  const asked = await press(browser, shown, 'connect')
  assert.ok(asked.location?.startsWith('/login'), asked.text)
})

test('connections: an upstream account belongs to one user here, and only its owner can remove it', async () => {
  const { server, browser } = await startSignedIn()
  const mine = await connect(browser)
  const [, identity = ''] = /name="identity" value="([^"]*)"/.exec(mine.body) ?? []
  // Connecting again is harmless.
  assert.equal((await connect(browser)).target, page)

  const bob = createBrowser(server)
  answerOf(await signIn(bob, authorizePath(), { username: 'bob', password: 'builder' }))
  const taken = await connect(bob)
  assert.equal(taken.status, 409)
  assert.equal(server.reason(), 'identity_linked_elsewhere')
  assert.match(taken.text, /is connected to another account/)
  await press(bob, await bob.visit(page), 'disconnect', { identity })
  assert.match((await browser.visit(page)).text, /ada@corp\.example/)
})

async function fillConnections({ stores }: TestServer): Promise<void> {
  for (let index = 0; index < mostIdentityLinks; index++)
    await stores.identityLinks.add({ provider: 'other', identity: `${index}`, sub: '1', created_at: 1 })
}

test('connections: a user who has a hundred can connect a further one after removing one', async () => {
  const { server, browser } = await startSignedIn()
  await fillConnections(server)
  assert.equal((await connect(browser)).status, 502)
  assert.equal(server.reason(), 'identity_links_exhausted')
  await server.stores.identityLinks.remove('other', '0', '1')
  assert.equal((await connect(browser)).target, page)
})

test('connections: a user who has a hundred is not linked by an address either', async () => {
  const claims = { email: 'ada@corp.example', email_verified: true }
  const { server, browser } = await startFederated({
    ...federatedWorld(provider, { linking: 'verified_email' }),
    users: [{ sub: '1', username: 'ada', claims }],
  })
  provider.claims = { ...provider.claims, email_verified: true }
  await fillConnections(server)
  assert.equal((await signInByProvider(browser, atCorp)).status, 403)
  assert.equal(server.reason(), 'identity_links_exhausted')
  await server.stores.identityLinks.remove('other', '0', '1')
  answerOf(await signInByProvider(browser, atCorp))
  assert.equal(subOf(server), '1')
  provider.claims = { sub: 'ada-there', email: 'ada@corp.example' }
})

test('connections: only the session that started the connection is connected, and only in its browser', async () => {
  const { server, browser } = await startSignedIn()
  const answer = await visitProvider(await leaveToConnect(browser))
  const stranger = createBrowser(server)
  answerOf(await signIn(stranger, authorizePath(), { username: 'bob', password: 'builder' }))
  assertErrorPage(await stranger.visit(answer), 'invalid_request')
  // In the same browser, but another user has signed in since.
  answerOf(
    await signIn(browser, authorizePath({ prompt: 'login' }), { username: 'bob', password: 'builder' }),
  )
  const late = await browser.visit(answer)
  assert.equal(late.status, 502)
  assert.equal(server.reason(), 'linking_session_gone')
  assert.deepEqual(await server.stores.identityLinks.ofUser('1'), [])
  assert.deepEqual(await server.stores.identityLinks.ofUser('2'), [])
})

test('connections: a forged form, an unknown provider and an unknown button connect nothing', async () => {
  const { server, browser } = await startSignedIn()
  const shown = await browser.visit(page)
  assertErrorPage(await press(browser, shown, 'connect', { csrf: 'x' }), 'invalid_request')
  assert.equal(server.reason(), 'csrf_token_wrong')
  assertErrorPage(await press(browser, shown, 'connect', { provider: 'unknown' }), 'invalid_request')
  assert.equal(server.reason(), 'provider_not_allowed')
  assertErrorPage(await press(browser, shown, 'other'), 'invalid_request')
})

test('connections: a provider of another tenant is neither shown nor connected', async () => {
  const world = federatedWorld(provider, { tenants: ['acme'] })
  const { server, browser } = await startFederated({ ...world, tenants: [{ name: 'acme' }] })
  answerOf(await signIn(browser, authorizePath(), alice))
  const shown = await browser.visit(page)
  assert.doesNotMatch(shown.text, /Corp/)
  // The form of the header, which signs out, has the same token.
  const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(shown.body) ?? []
  assertErrorPage(await press(browser, shown, 'connect', { csrf }), 'invalid_request')
  assert.equal(server.reason(), 'provider_not_allowed')
})

test('connections: an error of the provider, or a provider that is unreachable, is shown on a page that links back', async () => {
  const { server, browser } = await startSignedIn()
  provider.service.once('beforeAuthorizeRedirect', ({ url }) => {
    url.searchParams.delete('code')
    url.searchParams.set('error', 'access_denied')
  })
  const refused = await connect(browser)
  assert.equal(refused.status, 502)
  assert.match(refused.body, new RegExp(`href="${page}"`))
  assert.deepEqual(await server.stores.identityLinks.ofUser('1'), [])
  const away = await startForeignProvider()
  await away.close()
  const other = await startFederated(federatedWorld(away))
  answerOf(await signIn(other.browser, authorizePath()))
  const told = await press(other.browser, await other.browser.visit(page), 'connect')
  assert.equal(told.status, 503)
})

test('connections: a federated user without an account here can connect nothing and sees no such section, nor does anyone without providers', async () => {
  const { browser } = await startFederated(federatedWorld(provider))
  answerOf(await signInByProvider(browser, atCorp))
  const shown = await browser.visit(page)
  assert.doesNotMatch(shown.text, /Connect Corp/)
  assertErrorPage(await browser.request('POST', page, { form: { csrf: 'x' } }), 'invalid_request')
  assert.doesNotMatch((await browser.visit('/account')).body, /href="\/account\/connections"/)
  const without = createBrowser(
    await createTestServer({
      ...pagesWorld,
      identity_providers: [],
      clients: pagesWorld.clients.filter(client => client.client_id !== 'restricted'),
    }),
  )
  answerOf(await signIn(without, authorizePath()))
  assert.doesNotMatch((await without.visit('/account')).body, /connections/)
})

test('connections: a connection does not sign in a user who has been deleted', async () => {
  const { server, browser } = await startSignedIn()
  await connect(browser)
  const [link] = await server.stores.identityLinks.ofUser('1')
  assert.ok(link)
  await server.stores.identityLinks.remove(link.provider, link.identity, '1')
  await server.stores.identityLinks.add({ ...link, sub: 'gone' })
  const refused = await signInByProvider(createBrowser(server), atCorp)
  assert.equal(refused.status, 403)
  assert.equal(server.reason(), 'linked_user_gone')
  await server.stores.identityLinks.remove(link.provider, link.identity, 'gone')
  // An inactive one, and one of a tenant that was not named.
  for (const [sub, reason] of [
    ['4', 'user_inactive'],
    ['3', 'user_of_another_tenant'],
  ] as const) {
    await server.stores.identityLinks.add({ ...link, sub })
    assert.equal((await signInByProvider(createBrowser(server), atCorp)).status, 403)
    assert.equal(server.reason(), reason)
    await server.stores.identityLinks.remove(link.provider, link.identity, sub)
  }
})

test('connections: a user whose record was removed meanwhile gets no connection', async () => {
  const session = { sid: 's', sub: 'removed' }
  const linked = await linkIdentity(
    { readSession: async () => session } as never,
    { provider: { name: 'corp' }, authority: 'https://corp.example', id: 'ada', claims: {} } as never,
    's',
    { users: { find: async () => undefined }, stores: { identityLinks: {} } } as never,
  )
  assert.equal(!linked.ok && linked.reason, 'linking_session_gone')
})
