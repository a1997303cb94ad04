/** Assertions at the limit of what is accepted, and just beyond it (RFC 7523 §3). */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { HttpRequest } from '@tessera/protocol/http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createAssertionCounter } from '../../packages/server/src/identity/attempt-limits.ts'
import type { Client } from '../../packages/server/src/model/client.ts'
import { assertRefused } from '../support/refused.ts'
import { createTestServer, issuer, startOfTime, type TestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
const keys = [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }]
const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const partner = 'https://partner.example'
const input = {
  ...world,
  trusted_issuers: [{ issuer: partner, jwks: { keys } }],
  clients: [
    ...world.clients,
    {
      client_id: 'signer',
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys },
      grant_types: ['client_credentials'],
      scope: 'api1',
    },
    {
      client_id: 'bearer',
      client_secrets: [{ value: secret }],
      grant_types: [grant_type],
      scope: 'api1 openid',
    },
  ],
}
const sign = (claims: object, typ?: string) =>
  new SignJWT(claims as never)
    .setProtectedHeader({ alg: 'ES256', kid: 'one', ...(typ && { typ }) })
    .sign(privateKey)

const authenticate = async (server: TestServer, claims: object, typ?: string) =>
  server.token({
    grant_type: 'client_credentials',
    scope: 'api1',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await sign(
      { iss: 'signer', sub: 'signer', aud: issuer, exp: startOfTime + 60, jti: randomUUID(), ...claims },
      typ,
    ),
  })
const strict = 'client-authentication+jwt'
const clientCases: readonly (readonly [string, object, string | undefined, string?])[] = [
  ['is valid for the longest time', { exp: startOfTime + 3960 }, undefined],
  ['is valid for a second longer', { exp: startOfTime + 3961 }, 'client_assertion_lives_too_long'],
  ['began within the skew', { nbf: startOfTime + 60 }, undefined],
  ['began a second beyond the skew', { nbf: startOfTime + 61 }, 'client_assertion_invalid'],
  ['has a string as its time of issue', { iat: 'now' }, 'client_assertion_invalid'],
  ['was issued within the skew', { iat: startOfTime + 60 }, undefined],
  ['was issued a second beyond the skew', { iat: startOfTime + 61 }, 'client_assertion_from_the_future'],
  ['was issued long ago', { iat: 1 }, undefined],
  ['has the longest id', { jti: 'x'.repeat(256) }, undefined],
  ['has an id that is one character longer', { jti: 'x'.repeat(257) }, 'client_assertion_without_id'],
  ['has an empty id', { jti: '' }, 'client_assertion_without_id'],
  ['has a number as its id', { jti: 7 }, 'client_assertion_without_id'],
  ['has a list as its id', { jti: ['x'] }, 'client_assertion_without_id'],
  ['has an empty subject', { sub: '' }, 'client_assertion_malformed'],
  ['has a list as its subject', { sub: ['signer'] }, 'client_assertion_malformed'],
  ['is of another issuer', { iss: partner }, 'client_assertion_identity_mismatch'],
  ['is typed and for the issuer', {}, undefined, strict],
  ['is typed and for a list with the issuer', { aud: [issuer] }, 'client_assertion_audience_wrong', strict],
  [
    'is typed and for the token endpoint',
    { aud: `${issuer}/connect/token` },
    'client_assertion_audience_wrong',
    strict,
  ],
  ['is for a list with the issuer', { aud: [issuer] }, undefined],
  [
    'is for an issuer with the same beginning',
    { aud: `${issuer}.evil.example` },
    'client_assertion_audience_wrong',
  ],
  ['is for the issuer with a slash', { aud: `${issuer}/` }, 'client_assertion_audience_wrong'],
  ['is for another endpoint', { aud: `${issuer}/connect/par` }, 'client_assertion_audience_wrong'],
  ['is an access token', {}, 'client_assertion_type_wrong', 'at+jwt'],
]
for (const [what, claims, reason, typ] of clientCases)
  test(`private_key_jwt: an assertion that ${what} is ${reason ?? 'accepted'}`, async () => {
    const server = await createTestServer(input)
    const answer = await authenticate(server, claims, typ)
    if (reason === undefined) assert.equal(answer.status, 200, String(answer.reason))
    else assertRefused(answer, 'invalid_client', reason)
  })

test('private_key_jwt: an assertion of an hour is accepted once during its lifetime [RFC 7523 §3 (7)]', async () => {
  const server = await createTestServer(input)
  const claims = { exp: startOfTime + 3600, jti: 'one' }
  assert.equal((await authenticate(server, claims)).status, 200)
  for (const seconds of [600, 1800, 1195, 64]) {
    server.clock.advance(seconds)
    await server.runCleanUp()
    assertRefused(await authenticate(server, claims), 'invalid_client', 'client_assertion_replayed')
  }
  server.clock.advance(1)
  assertRefused(await authenticate(server, claims), 'invalid_client', 'client_assertion_invalid')
})

/** Settings of the server, then of the client. */
const lifetimes: readonly (readonly [object, object, number])[] = [
  [{ client_assertion_max_lifetime: 300 }, {}, 300],
  [{ client_assertion_max_lifetime: 7200 }, {}, 7200],
  [{}, { client_assertion_max_lifetime: 60 }, 60],
  [{ client_assertion_max_lifetime: 60 }, { client_assertion_max_lifetime: 86_400 }, 86_400],
]
for (const [ofServer, ofClient, most] of lifetimes)
  test(`private_key_jwt: with ${JSON.stringify([ofServer, ofClient])} an assertion expires at most ${most} seconds ahead`, async () => {
    const clients = input.clients.map(client =>
      client.client_id === 'signer' ? { ...client, ...ofClient } : client,
    )
    const server = await createTestServer({ ...input, ...ofServer, clients })
    const longest = startOfTime + most + 60
    assert.equal((await authenticate(server, { exp: longest })).status, 200)
    const refused = await authenticate(server, { exp: longest + 1 })
    assertRefused(refused, 'invalid_client', 'client_assertion_lives_too_long')
  })

const tokenEndpoint = `${issuer}/connect/token`
/** Settings of the server, then of the client, and whether the issuer alone is accepted. */
const audiences: readonly (readonly [object, object, boolean])[] = [
  [{ client_assertion_audience: 'issuer' }, {}, true],
  [{}, { client_assertion_audience: 'issuer' }, true],
  [{ client_assertion_audience: 'issuer' }, { client_assertion_audience: 'any' }, false],
  [{ client_assertion_audience: 'any' }, {}, false],
]
for (const [ofServer, ofClient, strict] of audiences)
  test(`private_key_jwt: with ${JSON.stringify([ofServer, ofClient])} ${strict ? 'the issuer as a string is the one audience [FAPI 2.0 §5.3.2.1]' : 'the token endpoint is an audience too [RFC 7523 §3 (3)]'}`, async () => {
    const clients = input.clients.map(client =>
      client.client_id === 'signer' ? { ...client, ...ofClient } : client,
    )
    const server = await createTestServer({ ...input, ...ofServer, clients })
    assert.equal((await authenticate(server, { aud: issuer })).status, 200)
    for (const aud of [tokenEndpoint, [issuer], [issuer, tokenEndpoint]]) {
      const answer = await authenticate(server, { aud })
      if (strict) assertRefused(answer, 'invalid_client', 'client_assertion_audience_wrong')
      else assert.equal(answer.status, 200)
    }
    for (const aud of ['https://other.example', [issuer, 'https://other.example'], [], [[issuer]], 7]) {
      const answer = await authenticate(server, { aud })
      assertRefused(answer, 'invalid_client', ['client_assertion_audience_wrong', 'client_assertion_invalid'])
    }
  })

test('private_key_jwt: refused assertions with a valid signature are not counted as guesses', async () => {
  const server = await createTestServer(input)
  for (let count = 0; count < 101; count++)
    assertRefused(
      await authenticate(server, { aud: 'https://other.example' }),
      'invalid_client',
      'client_assertion_audience_wrong',
    )
  assert.equal((await authenticate(server, {})).status, 200)
})

test('private_key_jwt: the audience may be an mTLS endpoint alias [RFC 8705 §5]', async () => {
  const mtls = {
    ...{ certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
    endpoint_origin: 'https://mtls.example',
  }
  const server = await createTestServer({ ...input, mtls })
  for (const aud of [tokenEndpoint, 'https://mtls.example/connect/token', issuer])
    assert.equal((await authenticate(server, { aud })).status, 200, aud)
  for (const aud of ['https://mtls.example', 'https://mtls.example/connect/par', 'https://mtls.example/'])
    assertRefused(await authenticate(server, { aud }), 'invalid_client', 'client_assertion_audience_wrong')
  const foreign = await authenticate(await createTestServer(input), {
    aud: 'https://mtls.example/connect/token',
  })
  assertRefused(foreign, 'invalid_client', 'client_assertion_audience_wrong')
})

const redeem = async (server: TestServer, claims: object) =>
  server.token(
    {
      grant_type,
      assertion: await sign({
        iss: partner,
        sub: '88421113',
        aud: issuer,
        exp: startOfTime + 60,
        jti: randomUUID(),
        ...claims,
      }),
    },
    { client: ['bearer', secret] },
  )
const grantCases: readonly (readonly [string, object, string | undefined])[] = [
  ['is valid for the longest time', { exp: startOfTime + 3960 }, undefined],
  ['is valid for a second longer', { exp: startOfTime + 3961 }, 'assertion_lifetime_invalid'],
  ['expired within the skew', { exp: startOfTime - 4 }, undefined],
  ['expired beyond the skew', { exp: startOfTime - 5 }, 'assertion_invalid'],
  ['was issued within the skew', { iat: startOfTime + 60 }, undefined],
  ['was issued a second beyond the skew', { iat: startOfTime + 61 }, 'assertion_lifetime_invalid'],
  ['has a number as its id', { jti: 7 }, 'assertion_invalid'],
  ['has a list as its subject', { sub: ['88421113'] }, 'assertion_subject_unknown'],
  ['has no issuer', { iss: undefined }, 'assertion_invalid'],
  ['has an empty issuer', { iss: '' }, 'assertion_invalid'],
  ['is for a list with the issuer', { aud: ['https://other.example', issuer] }, undefined],
  ['is for an issuer with the same beginning', { aud: `${issuer}.evil.example` }, 'assertion_invalid'],
  ['has no exp', { exp: undefined }, 'assertion_invalid'],
  ['has no subject', { sub: undefined }, 'assertion_invalid'],
]
for (const [what, claims, reason] of grantCases)
  test(`jwt-bearer: an assertion that ${what} is ${reason ?? 'accepted'}`, async () => {
    const server = await createTestServer(input)
    const answer = await redeem(server, claims)
    if (reason === undefined) assert.equal(answer.status, 200, String(answer.reason))
    else assertRefused(answer, 'invalid_grant', reason)
  })

test('token: the subject of a grant is never a client, so that its tokens can’t be confused with the client’s own [RFC 9700 §4.15]', async () => {
  const { defineGrant } = await import('../../packages/server/src/model/extension-grant.ts')
  const become = defineGrant({
    grantType: 'urn:example:become',
    parameters: { sub: { required: true } },
    decide: async ({ parameters }) => ({ ok: true, subject: { sub: parameters.get('sub') ?? '' } }),
  })
  const clients = [
    ...world.clients,
    {
      client_id: 'becoming',
      client_secrets: [{ value: secret }],
      grant_types: ['urn:example:become'],
      scope: 'api1',
    },
  ]
  const server = await createTestServer({ ...world, clients, grants: [become] })
  const as = (sub: string) =>
    server.token({ grant_type: 'urn:example:become', sub, scope: 'api1' }, { client: ['becoming', secret] })
  assert.equal((await as('88421113')).status, 200)
  for (const sub of ['becoming', 'web', 'client'])
    assertRefused(await as(sub), 'invalid_grant', 'subject_is_a_client')
})

test('assertions: those with a long lifetime are counted as long as their ids are stored', async () => {
  const spans: number[] = []
  const count = createAssertionCounter({
    countAttempt: async keys => {
      spans.push(...keys.map(({ span }) => span))
      return { ok: true, forgive: async () => {} }
    },
    longest: 5000,
  })
  const client = { client_id: 'x', registered: { trusted: false, version: 1 } } as Client
  for (const kept of [960, 961]) await count(client, { peer: { address: '192.0.2.1' } } as HttpRequest, kept)
  assert.deepEqual([...new Set(spans)], [660, 5000])
})
