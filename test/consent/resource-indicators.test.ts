/** A user who agrees to fewer scopes than those of the APIs that the request names (RFC 8707 §2.2, RFC 6749 §3.3). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, authorizePath, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'

const everything = ['openid', 'a', 'b', 'offline_access']
const both = '&resource=urn:a&resource=urn:b'
const tv = 'urn:ietf:params:oauth:grant-type:device_code'
const common = { token_endpoint_auth_method: 'none', scope: `${everything.join(' ')} c` }
const world = {
  ...pagesWorld,
  api_scopes: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
  api_resources: ['a', 'b', 'c'].map(name => ({ name: `urn:${name}`, scopes: [name] })),
  clients: [
    {
      ...common,
      client_id: 'web',
      grant_types: ['authorization_code', 'refresh_token', 'implicit'],
      response_types: ['code', 'code token'],
      redirect_uris: [callback],
      require_consent: true,
    },
    { ...common, client_id: 'tv', client_name: 'Television', grant_types: [tv, 'refresh_token'] },
  ],
}

/** Signs in, and agrees to these of the scopes. */
async function agree(server: TestServer, scope: readonly string[], asked = everything, changes = {}) {
  const browser = createBrowser(server)
  const path = authorizePath({ client_id: 'web', scope: asked.join(' '), ...changes }) + both
  return answerOf(await browser.submit(await signIn(browser, path), { button: 'yes', scope }))
}

const redeem = (server: TestServer, code: string | null) =>
  server.token({
    grant_type: 'authorization_code',
    client_id: 'web',
    code: code ?? '',
    redirect_uri: callback,
    code_verifier: verifier,
  })

test('consent: tokens are for the APIs whose scopes the user agreed to', async () => {
  for (const [agreed, aud] of [
    [everything, ['urn:a', 'urn:b']],
    [['openid', 'a', 'offline_access'], 'urn:a'],
    [['openid', 'b'], 'urn:b'],
  ] as const) {
    const server = await createTestServer(world)
    const { status, json } = await redeem(server, (await agree(server, agreed)).get('code'))
    assert.equal(status, 200)
    assert.equal(json.scope, agreed.toSorted().join(' '))
    assert.deepEqual(claimsOf(json.access_token).aud, aud)
  }
})

test('consent: without any scope of the named APIs, the token is for none of them', async () => {
  const server = await createTestServer(world)
  const { json } = await redeem(server, (await agree(server, ['openid', 'offline_access'])).get('code'))
  const { aud } = claimsOf(json.access_token)
  assert.ok(!String(aud).startsWith('urn:'))
  for (const resource of ['urn:a', 'urn:c'])
    assertRefused(
      await server.token({
        grant_type: 'refresh_token',
        client_id: 'web',
        refresh_token: json.refresh_token,
        resource,
      }),
      'invalid_target',
      'resource_outside_scope',
    )
})

test('consent: a scope of another API does not lift the limit to the named ones', async () => {
  const server = await createTestServer(world)
  const code = (await agree(server, ['openid', 'c'], [...everything, 'c'])).get('code')
  assertRefused(await redeem(server, code), 'invalid_target', 'resource_outside_scope')
})

test('consent: tokens of the authorization endpoint are for the APIs whose scopes the user agreed to', async () => {
  const server = await createTestServer(world)
  const changes = { response_type: 'code token', response_mode: 'fragment' }
  const answer = await agree(server, ['openid', 'a'], everything, changes)
  assert.equal(claimsOf(answer.get('access_token') ?? '').aud, 'urn:a')
})

test('refresh: a narrower scope is for those of the APIs that own it [RFC 6749 §6]', async () => {
  const server = await createTestServer(world)
  let { json } = await redeem(server, (await agree(server, everything)).get('code'))
  for (const [scope, aud] of [
    ['a', 'urn:a'],
    ['openid b', 'urn:b'],
    [undefined, ['urn:a', 'urn:b']],
  ] as const) {
    const refreshed = await server.token({
      ...{ grant_type: 'refresh_token', client_id: 'web', refresh_token: json.refresh_token },
      ...(scope && { scope }),
    })
    assert.equal(refreshed.status, 200)
    json = refreshed.json
    assert.deepEqual(claimsOf(json.access_token).aud, aud)
  }
})

test('device: a user who agrees to the scopes of one API gets tokens for it', async () => {
  const server = await createTestServer(world)
  const browser = createBrowser(server)
  const form = { client_id: 'tv', scope: everything.join(' '), resource: ['urn:a', 'urn:b'] }
  const { json: device } = await server.send('POST', '/connect/deviceauthorization', { form })
  const login = await browser.submit(await browser.visit('/device'), { user_code: device.user_code })
  const confirm = await browser.submit(login, alice)
  await browser.submit(confirm, { button: 'yes', scope: ['openid', 'a', 'offline_access'] })
  const { status, json } = await server.token({
    grant_type: tv,
    client_id: 'tv',
    device_code: device.device_code,
  })
  assert.equal(status, 200)
  assert.equal(claimsOf(json.access_token).aud, 'urn:a')
})
