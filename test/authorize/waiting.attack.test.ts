/** Strangers who make the store keep rows that are never used (RFC 9126 §7, RFC 8628 §5.2). */

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { HttpRequest } from '@tessera/protocol/http'
import type { JsonObject } from '@tessera/protocol/result'
import { exportJWK, SignJWT } from 'jose'
import { createAssertionCounter } from '../../packages/server/src/identity/attempt-limits.ts'
import { createAttempts } from '../../packages/server/src/identity/attempts.ts'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import type { Client } from '../../packages/server/src/model/client.ts'
import { actor, made } from '../administration/outcomes.ts'
import { register } from '../support/registering.ts'
import { callback, challenge, pagesWorld } from '../support/sign-in.ts'
import {
  basic,
  createTestServer,
  formOf,
  issuer,
  type SendOptions,
  type TestServer,
} from '../support/tessera.ts'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const ofBackend = {
  client_secrets: [{ value: 's' }],
  grant_types: ['authorization_code', deviceGrant],
  redirect_uris: [callback],
  scope: 'openid',
}
const configured = {
  ...pagesWorld,
  clients: [...pagesWorld.clients, { ...ofBackend, client_id: 'backend' }],
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

/** Authenticates the client. The request is refused for its grant only after that. */
async function reasonOf(
  server: TestServer,
  client_id: string,
  key: KeyObject,
  ahead: number,
): Promise<string> {
  const claims = { iss: client_id, sub: client_id, aud: issuer, jti: randomUUID() }
  const client_assertion = await new SignJWT({ ...claims, exp: server.clock.now() + ahead })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(key)
  const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const { status } = await server.token({ client_assertion, client_assertion_type })
  return `${status} ${server.reason()}`
}

for (const [ahead, kept] of [
  [300, 660],
  [3600, 4320],
] as const)
  test(`attack: a self-registered client can’t fill the store with ids of assertions of ${ahead} seconds`, async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwks = { keys: [await exportJWK(publicKey)] }
    const authentication = { token_endpoint_auth_method: 'private_key_jwt', jwks }
    const server = await createTestServer(
      {
        ...configured,
        clients: [
          ...configured.clients,
          { ...authentication, client_id: 'signer', redirect_uris: [callback], scope: 'openid' },
        ],
      },
      { earlierAttempts: { most: 2640, left: 20 } },
    )
    const { json } = await register(server, { ...authentication, redirect_uris: [callback], scope: 'openid' })
    const reasonFor = (client_id: string) => reasonOf(server, client_id, privateKey, ahead)
    for (let time = 0; time < 20; time++)
      assert.equal(await reasonFor(json.client_id), '400 grant_type_missing', String(time))
    assert.equal(await reasonFor(json.client_id), '429 client_assertions_too_often')
    assert.equal(await reasonFor('signer'), '400 grant_type_missing')
    server.clock.advance(kept)
    assert.equal(await reasonFor(json.client_id), '400 grant_type_missing')
  })

for (const [kept, span] of [
  [660, 660],
  [4320, 4500],
] as const)
  test(`attack: the registered clients of one network together can’t fill the store with ids that are kept for ${kept} seconds`, async () => {
    const server = await createTestServer(configured)
    const { countAttempt } = createAttempts({
      ...{ stores: server.stores, clock: server.clock },
      derived: createDerivedKeys(randomBytes(32)),
    })
    const countAssertion = createAssertionCounter({ countAttempt, longest: span })
    const clientOf = (index: number, registered: object) =>
      ({ client_id: `client-${index}`, registered: { version: 1, ...registered } }) as unknown as Client
    const count = async (index: number, address: string, registered: object = { trusted: false }) => {
      const request = { peer: { address } } as HttpRequest
      return (await countAssertion(clientOf(index, registered), request, kept)).ok
    }
    for (let time = 0; time < 26_400; time++) assert.ok(await count(time % 300, '192.0.2.1'))
    assert.equal(await count(0, '192.0.2.1'), false)
    assert.equal(await count(0, '198.51.100.7'), true)
    assert.equal(await count(1, '192.0.2.1', { trusted: true }), true)
    server.clock.advance(span)
    assert.equal(await count(0, '192.0.2.1'), true)
  })

test('private_key_jwt: a client that an operator made while the server runs has no limit of assertions, as in the file', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = await createTestServer(configured, { earlierAttempts: { most: 2640, left: 1 } })
  const stored = {
    ...{ client_id: 'stored', redirect_uris: [callback], scope: 'openid' },
    ...{ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [await exportJWK(publicKey)] } },
  } as unknown as JsonObject
  made(await server.administration.clients.create(stored, { actor }))
  for (let time = 0; time < 3; time++)
    assert.equal(await reasonOf(server, 'stored', privateKey, 300), '400 grant_type_missing')
})

/** A request from another network than the usual one. */
const from = (server: TestServer, address: string, path: string, { form = {}, headers = {} }: SendOptions) =>
  server.handle({
    ...{ id: 'x', method: 'POST', path, query: '', body: formOf(form), peer: { address } },
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })

for (const [what, path, form, client_id, lasts] of [
  ['pushed requests', '/connect/par', request, 'web', 60],
  ['device authorizations', '/connect/deviceauthorization', {}, 'tv', 300],
] as const) {
  test(`attack: a network can have a limited number of ${what} of untrusted clients waiting`, async () => {
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
    // A self-registered client is just as untrusted, and its secret proves nothing.
    const { json } = await register(server, {
      redirect_uris: [callback],
      scope: 'openid',
      grant_types: ['authorization_code', deviceGrant],
    })
    assert.equal((await send({}, basic(json.client_id, json.client_secret))).status, 429)
    // A client of the operator pushes for all of its users from one address, wherever it was made.
    const { clients } = server.administration
    made(await clients.create({ ...ofBackend, client_id: 'made' }, { actor }))
    for (const headers of [backend, basic('made', 's')])
      for (let time = 0; time < 20; time++) assert.ok((await send({}, headers)).status < 300)
    // Another network, and this one once they have expired, are served.
    const options = { form: { ...form, client_id } }
    assert.ok((await from(server, '203.0.113.9', path, options)).status < 300)
    server.clock.advance(lasts)
    assert.ok((await send({ client_id })).status < 300)
  })

  test(`attack: ${what} that are refused do not count`, async () => {
    const server = await createTestServer(configured)
    for (let time = 0; time < 20; time++) {
      const bad = await server.send('POST', path, { form: { ...form, client_id, scope: 'nothing' } })
      assert.equal(bad.json.error, 'invalid_scope')
    }
    assert.ok((await server.send('POST', path, { form: { ...form, client_id } })).status < 300)
  })
}
