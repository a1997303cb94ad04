/** Strangers who make the store keep what nobody will ever come for (RFC 9126 §7, RFC 8628 §5.2). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { register } from '../support/registering.ts'
import { callback, challenge, pagesWorld } from '../support/sign-in.ts'
import { basic, createTestServer, formOf, type SendOptions, type TestServer } from '../support/tessera.ts'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const configured = {
  ...pagesWorld,
  clients: [
    ...pagesWorld.clients,
    {
      client_id: 'backend',
      client_secrets: [{ value: 's' }],
      grant_types: ['authorization_code', deviceGrant],
      redirect_uris: [callback],
      scope: 'openid',
    },
  ],
  authorization_requests: { max_waiting_per_network: 10 },
  registration: { mode: 'open', allowed_grant_types: ['authorization_code', deviceGrant] },
}
const request = {
  redirect_uri: callback,
  response_type: 'code',
  scope: 'openid',
  code_challenge: challenge,
  code_challenge_method: 'S256',
}
const backend = basic('backend', 's')

/** A request of another network than the usual one. */
const from = (server: TestServer, address: string, path: string, { form = {}, headers = {} }: SendOptions) =>
  server.handle({
    ...{ id: 'x', method: 'POST', path, query: '', body: formOf(form), peer: { address } },
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })

for (const [what, path, form, client_id, lasts] of [
  ['pushed requests', '/connect/par', request, 'web', 60],
  ['device authorizations', '/connect/deviceauthorization', {}, 'tv', 300],
] as const) {
  test(`attack: a network has a bounded number of ${what} waiting, of clients that nobody vouches for`, async () => {
    const server = await createTestServer(configured)
    const send = (more: object, headers = {}) =>
      server.send('POST', path, { form: { ...form, ...more }, headers })
    const flood = await Promise.all(Array.from({ length: 50 }, () => send({ client_id })))
    const taken = flood.filter(({ status }) => status < 300)
    assert.equal(taken.length, 10)
    const [refused] = flood.filter(({ status }) => status === 429)
    assert.equal(refused?.json.error, 'temporarily_unavailable')
    assert.equal(refused?.headers['retry-after'], String(lasts))
    assert.equal(server.reason(), 'too_many_waiting')
    // A client that registered itself is nobody else, and has proven nothing by its secret.
    const { json } = await register(server, {
      redirect_uris: [callback],
      scope: 'openid',
      grant_types: ['authorization_code', deviceGrant],
    })
    assert.equal((await send({}, basic(json.client_id, json.client_secret))).status, 429)
    // A client of the configuration pushes for all of its users from one place.
    for (let time = 0; time < 20; time++) assert.ok((await send({}, backend)).status < 300)
    // Another network, and this one once they are gone, are served.
    const options = { form: { ...form, client_id } }
    assert.ok((await from(server, '203.0.113.9', path, options)).status < 300)
    server.clock.advance(lasts)
    assert.ok((await send({ client_id })).status < 300)
  })

  test(`attack: ${what} that are refused count for nothing`, async () => {
    const server = await createTestServer(configured)
    for (let time = 0; time < 20; time++) {
      const bad = await server.send('POST', path, { form: { ...form, client_id, scope: 'nothing' } })
      assert.equal(bad.json.error, 'invalid_scope')
    }
    assert.ok((await server.send('POST', path, { form: { ...form, client_id } })).status < 300)
  })
}
