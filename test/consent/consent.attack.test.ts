/**
 * Attempts to get more than the user granted, or to keep what they revoked (OpenID Connect Core 1.0 §3.1.2.4, RFC 6749
 * §10.3).
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Browser, createBrowser } from '../support/browser.ts'
import { allTypes, hybridWorld, userinfo } from '../support/hybrid.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath, callback, signIn, verifier } from '../support/sign-in.ts'
import { basic, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'

const clients = [
  ...hybridWorld.clients,
  {
    ...hybridWorld.clients.find(({ client_id }) => client_id === 'asking'),
    client_id: 'askingref',
    access_token_type: 'reference',
  },
]

async function start(more: object = {}) {
  const server = await createTestServer({ ...hybridWorld, clients, ...more })
  const browser = createBrowser(server)
  await signIn(browser, authorizePath())
  return { server, browser }
}

const everything = 'openid profile email api1 offline_access'
const asked = (changes: Readonly<Record<string, string>> = {}) =>
  authorizePath({ client_id: 'asking', scope: everything, ...changes })

async function agree(
  browser: Browser,
  target: string,
  more: Readonly<Record<string, string | readonly string[]>>,
) {
  const page = await browser.visit(target)
  assert.ok(page.target.startsWith('/consent'), page.target)
  return answerOf(await browser.submit(page, { button: 'yes', ...more }))
}

const present = (server: TestServer, answer: URLSearchParams, client_id: string) =>
  server.token({
    ...{ grant_type: 'authorization_code', client_id, code: answer.get('code') ?? '' },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })

const redeem = async (server: TestServer, answer: URLSearchParams, client_id = 'asking') =>
  (await present(server, answer, client_id)).json

test('attack: a claim that only a scope without consent contains, in one language, is not given without a question', async () => {
  const kanji = { name: 'kanji', claims: ['family_name#ja'] }
  const { server, browser } = await start({
    identity_resources: [kanji],
    clients: clients.map(client =>
      'scope' in client ? { ...client, scope: `${client.scope} kanji` } : client,
    ),
    users: hybridWorld.users.map(user => ({
      ...user,
      claims: { ...user.claims, 'family_name#ja': '有巣' },
    })),
  })
  await agree(browser, asked({ scope: 'openid' }), { remember: 'yes' })
  const requested = { 'family_name#ja': null }
  const target = asked({ scope: 'openid', claims: JSON.stringify({ userinfo: requested }) })
  for (const [scope, given] of [
    [[], undefined],
    [['kanji'], '有巣'],
  ] as const) {
    const { access_token } = await redeem(server, await agree(browser, target, { scope, remember: [] }))
    assert.equal((await userinfo(server, access_token)).json['family_name#ja'], given)
  }
})

test('attack: what the user did not check is in no token, claim, refresh or other response', async () => {
  const { server, browser } = await start()
  const claims = JSON.stringify({
    id_token: { email: { essential: true }, name: null },
    userinfo: { email: { essential: true }, 'name#ja': null },
  })
  const target = asked({ response_type: 'code id_token token', claims })
  const answer = await agree(browser, target, { scope: ['offline_access'] })
  const tokens = await redeem(server, answer)
  const { refresh_token } = tokens
  const refreshed = await server.token({ grant_type: 'refresh_token', client_id: 'asking', refresh_token })
  for (const token of [answer.get('access_token'), tokens.access_token, refreshed.json.access_token]) {
    assert.doesNotMatch(claimsOf(token).scope, /api1|profile|email/)
    assert.equal(claimsOf(token).role, undefined)
    assert.deepEqual(Object.keys((await userinfo(server, token)).json), ['sub'])
  }
  for (const token of [answer.get('id_token') ?? '', tokens.id_token, refreshed.json.id_token]) {
    const { email, name } = claimsOf(token)
    assert.deepEqual([email, name], [undefined, undefined])
  }
  // Requesting it again does not help.
  for (const scope of ['openid email', 'openid api1', everything]) {
    const wider = await server.token({
      ...{
        grant_type: 'refresh_token',
        client_id: 'asking',
        refresh_token: refreshed.json.refresh_token,
        scope,
      },
    })
    assert.equal(wider.json.error, 'invalid_scope', scope)
  }
})

test('attack: prompt=none returns no more than is remembered, in every response type', async () => {
  const { browser } = await start()
  await agree(browser, asked(), { scope: ['profile'] })
  const silently = async (changes: Readonly<Record<string, string>>) =>
    answerOf(await browser.request('GET', asked({ prompt: 'none', ...changes })))
  for (const response_type of allTypes) {
    for (const scope of ['openid email', 'openid profile email', 'openid api1', 'openid profile api1']) {
      const answer = await silently({ response_type, scope })
      assert.equal(answer.get('error'), 'consent_required', `${response_type} ${scope}`)
      assert.equal(answer.get('access_token') ?? answer.get('id_token') ?? answer.get('code'), null)
    }
    const claims = JSON.stringify({ userinfo: { email: null } })
    const byClaims = await silently({ response_type, scope: 'openid profile', claims })
    assert.equal(byClaims.get('error'), 'consent_required', `${response_type} by claims`)
    assert.equal((await silently({ response_type, scope: 'openid profile' })).get('error'), null)
  }
  assert.equal((await silently({ scope: 'openid profile offline_access' })).get('error'), 'consent_required')
})

test('attack: no field of the consent form changes the user, the client or the requested scope', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(asked({ scope: 'openid profile' }))
  const answer = answerOf(
    await browser.submit(page, {
      button: 'yes',
      scope: ['profile', 'email', 'api1', 'offline_access', 'openid', '__proto__'],
      ...{ client_id: 'web', sub: '2', redirect_uri: 'https://evil.example/', consented_scope: 'email' },
    }),
  )
  const tokens = await redeem(server, answer)
  assert.equal(tokens.scope, 'openid profile')
  assert.equal(tokens.refresh_token, undefined)
  assert.equal(claimsOf(tokens.id_token).sub, '1')
  assert.deepEqual((await server.stores.consents.find('1', 'asking'))?.scope, ['openid', 'profile'])
  assert.equal(await server.stores.consents.find('2', 'asking'), undefined)
})

test('attack: repeating a response after consent was revoked or narrowed yields nothing', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(asked())
  const form = { ...page.form?.fields, button: 'yes', scope: ['profile', 'email', 'api1'] }
  const { location = '' } = await browser.request('POST', '/consent', { form })
  assert.match(location, /^\/connect\/authorize\/callback/)
  assert.ok(answerOf(await browser.request('GET', location)).get('code'))
  // The user has returned to the page and cleared boxes that they had checked.
  await agree(browser, asked({ prompt: 'consent' }), { scope: ['profile'] })
  assert.ok((await browser.visit(location)).target.startsWith('/consent'))
  // And has revoked all of it.
  const list = await browser.visit('/account/consents')
  await browser.submit(list, { client_id: 'asking', button: 'revoke' })
  assert.equal(await server.stores.consents.find('1', 'asking'), undefined)
  assert.ok((await browser.visit(location)).target.startsWith('/consent'))
})

test('consent: boxes that one user cleared narrow nothing for the next user who signs in', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(asked())
  const form = { ...page.form?.fields, button: 'yes', scope: ['profile'] }
  const { location = '' } = await browser.request('POST', '/consent', { form })
  await browser.submit(await browser.visit('/logout'), { button: 'yes' })
  const bob = { username: 'bob', password: 'builder', button: 'login' }
  await signIn(browser, authorizePath(), bob)
  await agree(browser, asked(), {})
  const tokens = await redeem(server, answerOf(await browser.visit(location)))
  assert.equal(claimsOf(tokens.id_token).sub, '2')
  assert.equal(tokens.scope, 'api1 email offline_access openid profile')
})

test('consent: the page is not shown if the essential acr can’t be reached [OpenID Connect Core 1.0 §5.5.1.1]', async () => {
  const { server, browser } = await start()
  const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:out-of-reach' } } })
  assert.equal(
    answerOf(await browser.visit(asked({ claims }))).get('error'),
    'unmet_authentication_requirements',
  )
  assert.equal(server.reason(), 'acr_not_reached')
})

test('authorize: the authorization of a code and an access token is kept until both have expired', async () => {
  const { server, browser } = await start()
  const answer = await agree(browser, asked({ response_type: 'code token' }), {})
  const token = answer.get('access_token') ?? ''
  server.clock.advance(3599)
  await server.stores.cleanUp(server.clock.now())
  assert.equal((await userinfo(server, token)).status, 200)
  server.clock.advance(1)
  assert.equal((await userinfo(server, token)).status, 401)
})

/** Ways to revoke what an authorization issued. */
const falls = {
  'the consent is revoked': async (_: TestServer, browser: Browser, client_id: string) => {
    const list = await browser.visit('/account/consents')
    await browser.submit(list, { client_id, button: 'revoke' })
  },
  'the user signs out': async (_: TestServer, browser: Browser) => {
    await browser.submit(await browser.visit('/logout'), { button: 'yes' })
  },
  'the code issued with it is replayed': async (
    server: TestServer,
    _: Browser,
    client_id: string,
    answer: URLSearchParams,
  ) => {
    await redeem(server, answer, client_id)
    assertRefused(await present(server, answer, client_id), 'invalid_grant', 'code_replayed')
  },
  'the refresh token of its code is revoked': async (
    server: TestServer,
    _: Browser,
    client_id: string,
    answer: URLSearchParams,
  ) => {
    const { refresh_token } = await redeem(server, answer, client_id)
    await server.send('POST', '/connect/revocation', { form: { token: refresh_token, client_id } })
  },
} as const

for (const [what, fall] of Object.entries(falls)) {
  test(`attack: a front-channel access token is invalid once ${what}`, async () => {
    for (const client_id of ['asking', 'askingref']) {
      const { server, browser } = await start({ sessions: { end_revokes: 'all' } })
      const target = asked({ client_id, response_type: 'code id_token token' })
      const answer = await agree(browser, target, {})
      const token = answer.get('access_token') ?? ''
      const active = async () =>
        (
          await server.send('POST', '/connect/introspect', {
            form: { token },
            headers: basic('urn:api', 'api-secret'),
          })
        ).json.active
      assert.deepEqual([(await userinfo(server, token)).status, await active()], [200, true], client_id)
      await fall(server, browser, client_id, answer)
      assert.deepEqual([(await userinfo(server, token)).status, await active()], [401, false], client_id)
    }
  })
}

test('attack: a device’s access is listed, is revoked with the consent, and applies to nothing else', async () => {
  const { server, browser } = await start()
  const tv = { client_id: 'pairtv', scope: 'openid profile offline_access' }
  const connect = async (scope: readonly string[]) => {
    const { json } = await server.send('POST', '/connect/deviceauthorization', { form: tv })
    const page = await browser.submit(await browser.visit('/device'), { user_code: json.user_code })
    await browser.submit(page, { button: 'yes', scope })
    const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
    return (await server.token({ grant_type, device_code: json.device_code, client_id: 'pairtv' })).json
  }
  const tokens = await connect(['offline_access'])
  assert.deepEqual((await server.stores.consents.find('1', 'pairtv'))?.scope, ['offline_access', 'openid'])
  await connect(['profile'])
  const { scope, remembered } = (await server.stores.consents.find('1', 'pairtv')) ?? {}
  assert.deepEqual([scope, remembered], [['offline_access', 'openid', 'profile'], []])
  assert.equal((await userinfo(server, tokens.access_token)).status, 200)
  const list = await browser.visit('/account/consents')
  assert.match(list.text, /pairtv/)
  await browser.submit(list, { client_id: 'pairtv', button: 'revoke' })
  assert.equal((await userinfo(server, tokens.access_token)).status, 401)
  const { refresh_token } = tokens
  const refreshed = await server.token({ grant_type: 'refresh_token', client_id: 'pairtv', refresh_token })
  assertRefused(refreshed, 'invalid_grant', 'authorization_revoked')
})

test('attack: when another user signs in in the same browser, the first user’s consent does not count', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(asked({ scope: 'openid profile' }))
  const form = { ...page.form?.fields, button: 'yes', scope: ['profile'] }
  const { location = '' } = await browser.request('POST', '/consent', { form })
  const bob = { username: 'bob', password: 'builder', button: 'login' }
  await signIn(browser, authorizePath({ prompt: 'login' }), bob)
  assert.ok((await browser.visit(location)).target.startsWith('/consent'))
  assert.equal(await server.stores.consents.find('2', 'asking'), undefined)
  const silent = await browser.request('GET', asked({ scope: 'openid profile', prompt: 'none' }))
  assert.equal(answerOf(silent).get('error'), 'consent_required')
})
