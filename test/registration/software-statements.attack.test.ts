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
const open = async (registration: object = {}, more: object = {}) =>
  createTestServer({
    ...pagesWorld,
    ...more,
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

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'own', alg: 'ES256' }] }
const withKeys = { redirect_uris: [good], token_endpoint_auth_method: 'private_key_jwt' }
const withDevices = { redirect_uris: [good], grant_types: ['authorization_code', deviceGrant] }
const mtls = { certificate_header: 'x-client-cert', trusted_proxies: ['127.0.0.1'] }
/** Whether errors redirect to the client, as those of a trusted one do. */
async function isTrusted(server: Awaited<ReturnType<typeof open>>, client: { client_id: string }) {
  const answer = await createBrowser(server).visit(faulty(client, good))
  return answer.status !== 400
}

for (const [what, said, sent] of [
  [
    'the device grant',
    { redirect_uris: [good], token_endpoint_auth_method: 'none' },
    { grant_types: withDevices.grant_types },
  ],
  [
    'a grant without users',
    { redirect_uris: [good], token_endpoint_auth_method: 'client_secret_basic' },
    { grant_types: ['authorization_code', 'client_credentials'] },
  ],
  ['keys', withKeys, { jwks: keys }],
  ['keys to encrypt to', { redirect_uris: [good], token_endpoint_auth_method: 'none' }, { jwks: keys }],
  [
    'the subject of a certificate',
    { redirect_uris: [good], token_endpoint_auth_method: 'tls_client_auth' },
    { tls_client_auth_subject_dn: 'CN=trap' },
  ],
  [
    'no use of its keys',
    { redirect_uris: [good], jwks: keys },
    { token_endpoint_auth_method: 'client_secret_basic' },
  ],
  ['another authentication of devices', withDevices, { token_endpoint_auth_method: 'none' }],
  ['a name', { redirect_uris: [good] }, { client_name: 'Your Bank' }],
  ['a name in one language', { redirect_uris: [good] }, { 'client_name#de': 'Ihre Bank' }],
  [
    'an origin of scripts',
    { redirect_uris: [good], token_endpoint_auth_method: 'none' },
    { allowed_cors_origins: ['https://trap.example'] },
  ],
] as const) {
  test(`attack: a statement does not make a client with ${what} beside it trusted`, async () => {
    const server = await open(
      { allowed_grant_types: ['authorization_code', 'client_credentials', deviceGrant] },
      { mtls },
    )
    const scope = 'openid'
    const whole = await statement({ ...said, ...sent })
    const stated = await register(server, { scope, software_statement: whole })
    assert.equal(stated.status, 201, JSON.stringify(stated.json))
    assert.equal(await isTrusted(server, stated.json), true)
    const software_statement = await statement(said)
    const added = await register(server, { scope, ...sent, software_statement })
    assert.equal(added.status, 201, JSON.stringify(added.json))
    assert.equal(await isTrusted(server, added.json), false)
    // Nor by an update, and a client that an earlier version trusted is not trusted any more.
    const update = { scope, ...sent, client_id: stated.json.client_id, software_statement }
    assert.equal((await manage(server, 'PUT', stated.json, update)).status, 200)
    assert.equal(await isTrusted(server, stated.json), false)
    const { registeredClients } = server.stores
    const row = (await registeredClients.find(added.json.client_id))!
    assert.equal(row.vouched_by, undefined)
    await registeredClients.remove(row.client_id)
    await registeredClients.add({ ...row, version: 2, vouched_by: 'software_statement' }, 10)
    assert.equal(await isTrusted(server, added.json), false)
  })
}

test('attack: a client without a URL is not trusted for a statement about nothing of it', async () => {
  const server = await open({ allowed_grant_types: [deviceGrant] })
  const metadata = { ...base, grant_types: [deviceGrant], client_name: 'Your Bank' }
  const software_statement = await statement({ software_id: 'app' })
  const { json } = await register(server, { ...metadata, software_statement })
  const vouchedBy = async (client_id: string) =>
    (await server.stores.registeredClients.find(client_id))?.vouched_by
  assert.equal(json.client_name, 'Your Bank')
  assert.equal(await vouchedBy(json.client_id), undefined)
  const whole = await register(server, { software_statement: await statement(metadata) })
  assert.equal(await vouchedBy(whole.json.client_id), 'software_statement')
})

test('registration: a client with a statement may add what neither gets tokens nor is shown, and is trusted', async () => {
  const server = await open()
  const software_statement = await statement({ redirect_uris: [good], client_name: 'App' })
  for (const sent of [
    {},
    { token_endpoint_auth_method: 'client_secret_post', contacts: ['a@app.example'] },
    { ...base, allowed_cors_origins: ['https://app.example'], require_auth_time: true },
    { ...base, grant_types: ['authorization_code', 'refresh_token'], subject_type: 'pairwise' },
    { grant_types: ['implicit'], response_types: ['id_token'], id_token_signed_response_alg: 'ES256' },
    { software_id: 'app', software_version: '2', application_type: 'web', default_max_age: 60 },
  ]) {
    const { status, json } = await register(server, { scope: 'openid', ...sent, software_statement })
    assert.equal(status, 201, JSON.stringify(json))
    assert.equal(await isTrusted(server, json), true, JSON.stringify(sent))
  }
})

test('attack: if statements are required, a grant without a redirect comes from the statement', async () => {
  const server = await open({ require_software_statement: true })
  const both = { grant_types: ['authorization_code', deviceGrant] }
  const software_statement = await statement({ client_name: 'App', redirect_uris: [good] })
  const { status, json } = await register(server, { ...base, ...both, software_statement })
  assert.deepEqual([status, json.grant_types], [201, ['authorization_code']])
  const update = { ...base, ...both, client_id: json.client_id, software_statement }
  const updated = await manage(server, 'PUT', json, update)
  assert.deepEqual([updated.status, updated.json.grant_types], [200, ['authorization_code']])
  const alone = await register(server, { ...base, grant_types: [deviceGrant], software_statement })
  assert.deepEqual([alone.status, alone.json.error], [400, 'invalid_client_metadata'])
  assert.equal(server.reason(), 'client_metadata_not_allowed')
  const listed = await statement({ ...withDevices, token_endpoint_auth_method: 'none' })
  const stated = await register(server, { scope: 'openid', software_statement: listed })
  assert.deepEqual(stated.json.grant_types, both.grant_types)
  assert.equal(await isTrusted(server, stated.json), true)
})

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
