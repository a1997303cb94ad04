/** How long request objects may live (FAPI 2.0 Message Signing §5.3.1). */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { callback, challenge, pagesWorld } from '../support/sign-in.ts'
import { createTestServer, issuer, startOfTime, type TestServer } from '../support/tessera.ts'

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const client = {
  client_id: 'app',
  token_endpoint_auth_method: 'none',
  redirect_uris: [callback],
  scope: 'openid',
  jwks: { keys: [await exportJWK(ec.publicKey)] },
}
const hour = 3600
const request = {
  ...{
    client_id: 'app',
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid',
    aud: issuer,
    iss: 'app',
  },
  ...{ code_challenge: challenge, code_challenge_method: 'S256' },
  ...{ nbf: startOfTime, exp: startOfTime + 60 },
}
const configured = (ofServer: object, ofClient: object = {}) => ({
  ...pagesWorld,
  clients: [{ ...client, ...ofClient }],
  authorization_requests: ofServer,
})
const push = async (server: TestServer, claims: object, signed = true) =>
  server.send('POST', '/connect/par', {
    form: {
      client_id: 'app',
      request: signed
        ? await new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256' }).sign(ec.privateKey)
        : new UnsecuredJWT({ ...claims }).encode(),
    },
  })

const cases: readonly (readonly [string, object, string | undefined])[] = [
  ['is valid for an hour from now', { exp: startOfTime + hour }, undefined],
  ['is valid for a second longer', { exp: startOfTime + hour + 1 }, 'request_object_lives_too_long'],
  ['began an hour ago', { nbf: startOfTime - hour, exp: startOfTime }, undefined],
  ['began an hour ago, within the skew', { nbf: startOfTime - hour - 59, exp: startOfTime - 59 }, undefined],
  ['began an hour and more ago', { nbf: startOfTime - hour - 61 }, 'request_object_too_old'],
  [
    'began an hour plus the skew ago, and has not expired',
    { nbf: startOfTime - hour - 60, exp: startOfTime + 60 },
    'request_object_lives_too_long',
  ],
  ['began 70 minutes ago', { nbf: startOfTime - 4200, exp: startOfTime + 60 }, 'request_object_too_old'],
  ['is valid for 70 minutes', { exp: startOfTime + 4200 }, 'request_object_lives_too_long'],
  ['begins within the skew', { nbf: startOfTime + 8 }, undefined],
  ['has no nbf', { nbf: undefined }, 'request_object_without_lifetime'],
  ['has no exp', { exp: undefined }, 'request_object_without_lifetime'],
  ['has neither', { nbf: undefined, exp: undefined }, 'request_object_without_lifetime'],
  ['has iat in place of nbf', { nbf: undefined, iat: startOfTime }, 'request_object_without_lifetime'],
]
for (const [what, claims, reason] of cases)
  test(`par and authorize: with request_object_max_lifetime, a request object that ${what} is ${reason ?? 'accepted'}`, async () => {
    const server = await createTestServer(configured({ request_object_max_lifetime: hour }))
    for (const signed of [true, false]) {
      const answer = await push(server, { ...request, ...claims }, signed)
      if (reason === undefined) assert.equal(answer.status, 201, String(answer.reason))
      else assertRefused(answer, 'invalid_request_object', reason)
    }
    const sent = await new SignJWT({ ...request, ...claims })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(ec.privateKey)
    const query = new URLSearchParams({ client_id: 'app', request: sent })
    await createBrowser(server).visit(`/connect/authorize?${query}`)
    const logged = server.logged.filter(({ event }) => event === 'refused').at(-1)
    assert.equal(logged?.reason, reason)
  })

for (const [ofServer, ofClient, most] of [
  [{}, {}, undefined],
  [{}, { request_object_max_lifetime: 300 }, 300],
  [{ request_object_max_lifetime: hour }, { request_object_max_lifetime: 300 }, 300],
  [{ request_object_max_lifetime: 300 }, { request_object_max_lifetime: hour }, 300],
] as const)
  test(`par: with ${JSON.stringify([ofServer, ofClient])} a request object may live for ${most ?? 'as long as it says'}`, async () => {
    const server = await createTestServer(configured(ofServer, ofClient))
    assert.equal((await push(server, { ...request, exp: startOfTime + (most ?? 9999) })).status, 201)
    const longer = await push(server, { ...request, exp: startOfTime + (most ?? 9999) + 1 })
    if (most === undefined) assert.equal(longer.status, 201)
    else assertRefused(longer, 'invalid_request_object', 'request_object_lives_too_long')
    const without = await push(server, { ...request, nbf: undefined, exp: undefined })
    if (most === undefined) assert.equal(without.status, 201)
    else assertRefused(without, 'invalid_request_object', 'request_object_without_lifetime')
  })
