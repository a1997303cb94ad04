/** Revoking, expiring and signing out: tokens stop working at every endpoint. */

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { startTestServer, type TestServer } from '../../packages/server/src/testing.ts'
import { beginSignIn, callback, discover, startApplication, tokensBySignIn } from './application.ts'

const grants = [
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
  'client_credentials',
]
const clientOf = (client_id: string) => ({
  ...{ client_id, client_secrets: [{ value: 's' }], grant_types: grants, redirect_uris: [callback] },
  scope: 'openid profile offline_access api',
})

describe('testing', () => {
  let idp: TestServer
  let web: client.Configuration
  before(async () => {
    idp = await startTestServer({
      clients: [
        clientOf('web'),
        clientOf('other'),
        { ...clientOf('opaque'), access_token_type: 'reference' },
      ],
      api_resources: [{ name: 'urn:api', scopes: ['api'], api_secrets: [{ value: 'api' }] }],
      users: [
        { sub: '1', username: 'alice', claims: {} },
        { sub: '2', username: 'bob', claims: {} },
      ],
    })
    web = await discover(idp, 'web', 's')
  })
  beforeEach(() => idp.reset())
  after(() => idp.close())

  const userinfo = async (token: string) =>
    (await fetch(`${idp.issuer}/connect/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status
  const reason = () => idp.log.findLast(({ event }) => event === 'refused')?.reason
  const refreshFails = async (token: string, expected: string) => {
    await assert.rejects(client.refreshTokenGrant(web, token), { error: 'invalid_grant' })
    assert.equal(reason(), expected)
  }

  test('revoke: a single access token, and nothing else', async () => {
    const tokens = await idp.tokens({ user: 'alice' })
    assert.equal(await idp.revoke({ token: tokens.access_token }), 1)
    assert.equal(await userinfo(tokens.access_token), 401)
    await client.refreshTokenGrant(web, tokens.refresh_token!)
  })

  test('revoke: a reference token', async () => {
    const token = await idp.token({ client: 'opaque', user: 'alice' })
    assert.equal(await userinfo(token), 200)
    await idp.revoke({ token })
    assert.equal(await userinfo(token), 401)
  })

  test('revoke: a refresh token, with the access tokens of its sign-in', async () => {
    const tokens = await idp.tokens({ user: 'alice' })
    await idp.revoke({ token: tokens.refresh_token! })
    assert.equal(await userinfo(tokens.access_token), 401)
    await refreshFails(tokens.refresh_token!, 'authorization_revoked')
  })

  test('revoke: everything of a user, of a client, or of a user at a client', async () => {
    const issue = async () => ({
      aliceWeb: await idp.token({ user: 'alice', client: 'web' }),
      aliceOther: await idp.token({ user: 'alice', client: 'other' }),
      bobWeb: await idp.token({ user: 'bob', client: 'web' }),
    })
    const working = async (tokens: Record<string, string>) => {
      const found = []
      for (const [name, token] of Object.entries(tokens))
        if ((await userinfo(token)) === 200) found.push(name)
      return found
    }
    const first = await issue()
    assert.equal(await idp.revoke({ user: 'alice' }), 2)
    assert.deepEqual(await working(first), ['bobWeb'])
    const second = await issue()
    assert.equal(await idp.revoke({ client: 'web' }), 3)
    assert.deepEqual(await working(second), ['aliceOther'])
    const third = await issue()
    assert.equal(await idp.revoke({ user: 'alice', client: 'web' }), 1)
    assert.deepEqual(await working(third), ['aliceOther', 'bobWeb'])
  })

  test('revoke: a token of another server, of before a reset, or no token is an error', async () => {
    const { refresh_token } = await idp.tokens({ user: 'alice' })
    await idp.reset()
    for (const token of ['x', 'ta_x', refresh_token!, await idp.token({ signature: 'wrong_key' })])
      await assert.rejects(idp.revoke({ token }), /did not issue that token/)
  })

  test('expire: a refresh token', async () => {
    const { refresh_token, access_token } = await idp.tokens({ user: 'alice' })
    await idp.expire({ token: refresh_token! })
    await refreshFails(refresh_token!, 'refresh_token_idle_too_long')
    assert.equal(await userinfo(access_token), 200)
  })

  test('expire: an access token of either kind, while the refresh token works', async () => {
    const { refresh_token, access_token } = await idp.tokens({ user: 'alice' })
    const opaque = await idp.token({ client: 'opaque', user: 'alice' })
    for (const token of [access_token, opaque]) {
      await idp.expire({ token })
      assert.equal(await userinfo(token), 401)
    }
    assert.equal(await userinfo((await client.refreshTokenGrant(web, refresh_token!)).access_token), 200)
  })

  test('expire: an authorization code', async () => {
    const { url, redeem } = await beginSignIn(web, { scope: 'openid' })
    const { url: response, params } = await idp.signIn(url)
    await idp.expire({ code: params.get('code')! })
    await assert.rejects(redeem(response), { error: 'invalid_grant' })
    assert.equal(reason(), 'code_expired')
  })

  test('expire: a device code', async () => {
    const device = await client.initiateDeviceAuthorization(web, { scope: 'openid' })
    await idp.expire({ device_code: device.device_code })
    await assert.rejects(client.pollDeviceAuthorizationGrant(web, { ...device, interval: 0.01 }), {
      error: 'expired_token',
    })
  })

  test('expire: a session, so that the user signs in again', async () => {
    const { browser, tokens } = await tokensBySignIn(idp, web, {}, { scope: 'openid' })
    await idp.expire({ session: String(tokens.claims()?.sid) })
    const { url } = await beginSignIn(web, { scope: 'openid', prompt: 'none' })
    assert.equal((await browser.signIn(url)).params.get('error'), 'login_required')
  })

  test('expire: what the server did not issue is an error', async () => {
    for (const target of [
      { token: 'tr_x' },
      { token: 'ta_x' },
      { token: 'x' },
      { code: 'x' },
      { device_code: 'x' },
      { session: 'x' },
    ])
      await assert.rejects(idp.expire(target), /did not issue that/)
  })

  test('signOut: the session ends, the application gets a logout token, and prompt=none fails', async t => {
    const app = await startApplication(() => web)
    t.after(app.close)
    await idp.updateClient('web', { backchannel_logout_uri: `${app.url}/logout-token` })
    const { browser, tokens } = await tokensBySignIn(idp, web, { user: 'alice' }, { scope: 'openid' })
    assert.equal(await idp.signOut('alice'), 1)
    const [token = ''] = app.logoutTokens
    assert.equal(decodeJwt(token).sid, tokens.claims()?.sid)
    assert.deepEqual(
      idp.sent.map(({ url, status }) => [url, status]),
      [[`${app.url}/logout-token`, 200]],
    )
    assert.equal(idp.sent[0]?.form.get('logout_token'), token)
    const { url } = await beginSignIn(web, { scope: 'openid', prompt: 'none' })
    assert.equal((await browser.signIn(url)).params.get('error'), 'login_required')
    assert.equal(await idp.signOut('alice'), 0)
  })

  test('signOut: one session by its sid, with tokens that were issued for it', async () => {
    const [one, other] = [idp.browser(), idp.browser()]
    const sid = await one.startSession('alice')
    await other.startSession('alice')
    const tokens = await idp.tokens({ user: 'alice', sid, scope: 'openid api' })
    assert.equal(decodeJwt(tokens.id_token!).sid, sid)
    assert.equal(await idp.signOut({ sid }), 1)
    assert.equal(await userinfo(tokens.access_token), 401)
    assert.equal(await idp.signOut('alice'), 1)
  })

  test('signOut: nothing is sent to another machine, and it is recorded', async () => {
    await idp.updateClient('web', { backchannel_logout_uri: 'https://app.example/logout' })
    await tokensBySignIn(idp, web, {}, { scope: 'openid' })
    await idp.signOut('alice')
    assert.deepEqual(
      idp.sent.map(({ url, failure }) => [url, failure]),
      [['https://app.example/logout', 'outbound_address_private']],
    )
  })

  test('approveDevice: the device gets tokens, or access_denied', async () => {
    const poll = async (approve: (code: string) => Promise<void>) => {
      const device = await client.initiateDeviceAuthorization(web, { scope: 'openid api' })
      await approve(device.user_code)
      return client.pollDeviceAuthorizationGrant(web, { ...device, interval: 0.01 })
    }
    const tokens = await poll(code => idp.approveDevice(code, { user: 'bob' }))
    assert.equal(tokens.claims()?.sub, '2')
    await assert.rejects(
      poll(code => idp.approveDevice(code, { consent: 'deny' })),
      { error: 'access_denied' },
    )
    await assert.rejects(idp.approveDevice('WRONG-CODE'), /user_code_unknown/)
  })

  test('approveDevice: a browser that is signed in approves as its user', async () => {
    const browser = idp.browser()
    await browser.startSession('bob')
    const device = await client.initiateDeviceAuthorization(web, { scope: 'openid' })
    await browser.approveDevice(device.user_code)
    const tokens = await client.pollDeviceAuthorizationGrant(web, { ...device, interval: 0.01 })
    assert.equal(tokens.claims()?.sub, '2')
  })
})
