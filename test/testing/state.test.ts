/** The clock, the keys, the clients and users of a test server, its mails, and its reset. */

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { createLocalJWKSet, createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { readPageForm } from '../../packages/server/src/testing/page-form.ts'
import { startTestServer, type TestServer } from '../../packages/server/src/testing.ts'
import { beginSignIn, callback, discover, tokensBySignIn } from './application.ts'

const web = {
  ...{ client_id: 'web', client_secrets: [{ value: 's' }], redirect_uris: [callback] },
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid profile email offline_access api',
}

describe('testing', () => {
  let idp: TestServer
  before(async () => {
    idp = await startTestServer({
      clients: [web],
      users: [{ sub: '1', username: 'alice', claims: { name: 'Alice' } }],
      accounts: { sign_up: true },
      mail: { from: 'login@id.example', smtp: { host: 'mail.id.example' } },
    })
  })
  beforeEach(() => idp.reset())
  after(() => idp.close())

  const jwks = async () => (await fetch(`${idp.issuer}/.well-known/openid-configuration/jwks`)).json() as any
  const signingKids = async () =>
    (await jwks()).keys.filter((key: any) => key.use === 'sig').map((key: any) => key.kid)

  test('clock: tokens follow it, and a frozen clock does not advance', async () => {
    idp.clock.freeze()
    const now = idp.clock.now()
    await idp.clock.advance(1000)
    const { iat, exp } = decodeJwt(await idp.token({ user: 'alice', scope: 'api' }))
    assert.deepEqual([iat, exp], [now + 1000, now + 1000 + 3600])
    await idp.clock.set(new Date('2030-01-01T00:00:00Z'))
    assert.equal(decodeJwt(await idp.token({ user: 'alice' })).iat, 1_893_456_000)
    await idp.clock.set(1_000_000_000)
    assert.equal(idp.clock.now(), 1_000_000_000)
  })

  test('clock: a token that was issued in the past has expired for an API with the right time', async () => {
    await idp.clock.set(new Date(Date.now() - 7_200_000))
    const token = await idp.token({ user: 'alice', scope: 'api' })
    await idp.reset()
    const keys = createRemoteJWKSet(new URL(`${idp.issuer}/.well-known/openid-configuration/jwks`))
    await assert.rejects(jwtVerify(token, keys), { code: 'ERR_JWT_EXPIRED' })
  })

  test('clock: a session ends when its lifetime has passed', async () => {
    const configuration = await discover(idp, 'web', 's')
    const { browser } = await tokensBySignIn(idp, configuration, {}, { scope: 'openid' })
    const silent = async () =>
      (await browser.signIn((await beginSignIn(configuration, { scope: 'openid', prompt: 'none' })).url))
        .params
    assert.ok((await silent()).get('code'))
    await idp.clock.advance(100 * 86_400)
    assert.equal((await silent()).get('error'), 'login_required')
  })

  test('clock: keys are rotated when they are due', async () => {
    const before = await signingKids()
    await idp.clock.advance(90 * 86_400)
    assert.equal((await signingKids()).length, before.length * 2)
  })

  test('clock: what makes no sense is refused', async () => {
    await assert.rejects(idp.clock.advance(-1), /-1 is not a number of seconds from now/)
    await assert.rejects(idp.clock.set(new Date(Number.NaN)), /neither a Date nor seconds/)
    await assert.rejects(idp.clock.set(-1), /neither a Date nor seconds/)
  })

  test('rotateKeys: new tokens have a new key, and old ones are still verified', async () => {
    const old = await idp.token({ user: 'alice', scope: 'api' })
    await idp.rotateKeys()
    const fresh = await idp.token({ user: 'alice', scope: 'api' })
    assert.notEqual(decodeProtectedHeader(fresh).kid, decodeProtectedHeader(old).kid)
    const keys = createLocalJWKSet(await jwks())
    await jwtVerify(old, keys)
    await jwtVerify(fresh, keys)
  })

  test('rotateKeys: retired keys verify nothing, at the server neither', async () => {
    const old = await idp.token({ user: 'alice', scope: 'openid' })
    const published = await idp.rotateKeys({ retire: true })
    assert.deepEqual(
      published.map(({ state }) => state),
      published.map(() => 'signing'),
    )
    await assert.rejects(jwtVerify(old, createLocalJWKSet(await jwks())), {
      code: 'ERR_JWKS_NO_MATCHING_KEY',
    })
    const userinfo = (token: string) =>
      fetch(`${idp.issuer}/connect/userinfo`, { headers: { authorization: `Bearer ${token}` } })
    assert.equal((await userinfo(old)).status, 401)
    assert.equal((await userinfo(await idp.token({ user: 'alice', scope: 'openid' }))).status, 200)
  })

  test('rotateKeys: it can be repeated', async () => {
    for (let left = 3; left > 0; left--) {
      await idp.rotateKeys({ retire: left === 2 })
      await jwtVerify(await idp.token({ user: 'alice', scope: 'api' }), createLocalJWKSet(await jwks()))
    }
  })

  test('users: they are added, changed, disabled and removed while their sessions last', async () => {
    const configuration = await discover(idp, 'web', 's')
    await idp.addUser({ sub: '2', username: 'bob', claims: { name: 'Bob' } })
    const { tokens } = await tokensBySignIn(idp, configuration, { user: 'bob' })
    const name = async () => (await client.fetchUserInfo(configuration, tokens.access_token, '2')).name
    assert.equal(await name(), 'Bob')
    await idp.updateUser('bob', { claims: { name: 'Robert' } })
    assert.equal(await name(), 'Robert')
    await idp.updateUser('2', { active: false })
    await assert.rejects(name())
    await assert.rejects(client.refreshTokenGrant(configuration, tokens.refresh_token!), {
      error: 'invalid_grant',
    })
    assert.equal(idp.log.findLast(({ event }) => event === 'refused')?.reason, 'user_inactive')
    await idp.removeUser('bob')
    await assert.rejects(idp.token({ user: 'bob' }), /configured users: alice/)
    await assert.rejects(idp.updateUser('bob', {}), /there is no configured user "bob"/)
  })

  test('clients: they are added, changed and removed', async () => {
    await idp.addClient({
      client_id: 'late',
      client_secrets: [{ value: 's' }],
      grant_types: ['client_credentials'],
      scope: 'api',
    })
    const configuration = await discover(idp, 'late', 's')
    await client.clientCredentialsGrant(configuration)
    await idp.updateClient('late', { enabled: false })
    await assert.rejects(client.clientCredentialsGrant(configuration), { status: 401 })
    assert.equal(idp.log.findLast(({ event }) => event === 'refused')?.reason, 'client_disabled')
    await idp.removeClient('late')
    await assert.rejects(idp.token({ client: 'late' }), /no client has the client_id "late"/)
    await assert.rejects(idp.removeClient('late'), /there is no configured client "late"/)
  })

  test('configure: an invalid change is refused as a whole', async () => {
    await assert.rejects(idp.addClient({ client_id: 'web', redirect_uris: [] }), /clients\[1\]/)
    await assert.rejects(idp.configure({ issuer: 'https://id.example' }), /not http on a loopback host/)
    await idp.configure({ mfa: { mode: 'required' } })
    const { url } = await beginSignIn(await discover(idp, 'web', 's'))
    await assert.rejects(idp.signIn(url), /second factor/)
  })

  test('mails: a sign-up by the pages is confirmed by the mailed link', async () => {
    const browser = idp.browser()
    const submit = async (page: Response, fields: Record<string, string>) => {
      const form = readPageForm(await page.text())
      return browser.fetch(new URL(form?.action ?? '', page.url), {
        method: 'POST',
        body: new URLSearchParams({ ...form?.fields, ...fields }),
      })
    }
    const page = await browser.fetch(`${idp.issuer}/register`)
    const answer = await submit(page, {
      username: 'dora',
      email: 'dora@example.com',
      password: 'seven purple kettles',
      new_password: 'seven purple kettles',
    })
    assert.equal(answer.status, 200, await answer.text())
    const [mail] = await idp.mails()
    assert.equal(mail?.to, 'dora@example.com')
    assert.ok(mail?.link?.startsWith(idp.issuer))
  })

  test('reset: sessions, tokens, additions, requests and mails are gone, and the keys remain', async () => {
    const kids = await signingKids()
    const configuration = await discover(idp, 'web', 's')
    const { tokens, browser } = await tokensBySignIn(idp, configuration)
    await idp.addUser({ sub: '2', username: 'bob', claims: {} })
    await idp.rotateKeys({ retire: true })
    await idp.clock.advance(1000)
    const { issuer, clock } = idp
    const moved = clock.now()
    await idp.reset()
    assert.equal(idp.issuer, issuer)
    assert.ok(clock.now() < moved)
    assert.deepEqual(
      [
        idp.requests.length,
        idp.sent.length,
        (await idp.mails()).length,
        idp.log.filter(({ event }) => event === 'tokens_issued').length,
      ],
      [0, 0, 0, 0],
    )
    assert.deepEqual(await signingKids(), kids)
    await assert.rejects(client.refreshTokenGrant(configuration, tokens.refresh_token!), {
      error: 'invalid_grant',
    })
    assert.equal(idp.log.findLast(({ event }) => event === 'refused')?.reason, 'refresh_token_unknown')
    await assert.rejects(idp.token({ user: 'bob' }), /configured users: alice/)
    const { url } = await beginSignIn(configuration, { prompt: 'none' })
    assert.equal((await browser.signIn(url)).params.get('error'), 'login_required')
  })
})
