/**
 * Software statements of other software: they are public, and anybody can send one with other addresses (RFC 7591 §5).
 */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { manage, register } from '../support/registering.ts'
import { answerOf, assertErrorPage, authorizePath, pagesWorld } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const store = 'https://store.example'
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const statement = (claims: object): Promise<string> =>
  new SignJWT({ iss: store, ...claims }).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
const open = async (registration: object = {}) =>
  createTestServer({
    ...pagesWorld,
    registration: {
      ...{ mode: 'open', max_requests_per_hour: 1000 },
      trusted_software_issuers: [{ issuer: store, jwks: { keys: [await exportJWK(publicKey)] } }],
      ...registration,
    },
  })

const good = 'https://app.example/cb'
const trap = 'https://trap.example/cb'
const base = { token_endpoint_auth_method: 'none', scope: 'openid' }
const faulty = (client: { client_id: string }, redirect_uri: string) =>
  authorizePath({ client_id: client.client_id, redirect_uri, scope: 'nonsense' })

for (const [what, said, sent] of [
  ['redirect URIs', { client_name: 'App' }, { redirect_uris: [trap] }],
  [
    'a post_logout_redirect_uri',
    { redirect_uris: [good] },
    { post_logout_redirect_uris: ['https://trap.example/bye'] },
  ],
  [
    'a jwks_uri',
    { redirect_uris: [good], token_endpoint_auth_method: 'private_key_jwt' },
    { jwks_uri: 'https://trap.example/jwks' },
  ],
  ['a request_uri', { redirect_uris: [good] }, { request_uris: ['https://trap.example/r'] }],
  [
    'a back-channel logout URI',
    { redirect_uris: [good] },
    { backchannel_logout_uri: 'https://trap.example/b' },
  ],
  [
    'a front-channel logout URI',
    { redirect_uris: [good] },
    { frontchannel_logout_uri: 'https://app.example/trap' },
  ],
  ['an initiate_login_uri', { redirect_uris: [good] }, { initiate_login_uri: 'https://trap.example/l' }],
  ['a logo', { redirect_uris: [good] }, { logo_uri: 'https://trap.example/logo.png' }],
  ['a page in one language', { redirect_uris: [good] }, { 'tos_uri#de': 'https://trap.example/tos' }],
] as const) {
  test(`attack: a statement does not make a client with ${what} beside it trusted [RFC 7591 §5]`, async () => {
    const server = await open()
    const software_statement = await statement(said)
    const { status, json } = await register(server, { ...base, ...sent, software_statement })
    assert.equal(status, 201)
    const [redirectUri] = json.redirect_uris
    assertErrorPage(await createBrowser(server).visit(faulty(json, redirectUri)), 'invalid_scope')
    assert.ok(server.reason())
    // The same client is trusted once the statement contains everything, and no longer afterwards.
    const whole = await statement({ ...said, ...sent })
    const stated = (
      await manage(server, 'PUT', json, {
        ...{ ...base, client_id: json.client_id, software_statement: whole },
      })
    ).json
    const answer = answerOf(await createBrowser(server).visit(faulty(stated, redirectUri)), redirectUri)
    assert.equal(answer.get('error'), 'invalid_scope')
    const after = await manage(server, 'PUT', stated, {
      ...{ ...base, ...sent, client_id: json.client_id, software_statement },
    })
    assert.equal(after.status, 200)
    assertErrorPage(await createBrowser(server).visit(faulty(after.json, redirectUri)), 'invalid_scope')
  })
}

test('attack: if statements are required, no page links to an initiate_login_uri from the request', async () => {
  const server = await open({ require_software_statement: true })
  const start = { initiate_login_uri: 'https://trap.example/login' }
  const software_statement = await statement({ redirect_uris: [good] })
  const { status, json } = await register(server, { ...base, ...start, software_statement })
  assert.equal(status, 201)
  assert.equal(json.initiate_login_uri, undefined)
  const stated = {
    ...base,
    ...start,
    software_statement: await statement({ redirect_uris: [good], ...start }),
  }
  assert.equal((await register(server, stated)).json.initiate_login_uri, start.initiate_login_uri)
})
