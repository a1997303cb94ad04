import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientSecretBasic, createClient, extensionGrant, jwtBearer, unwrap } from '@tessera/client'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { defineGrant } from '../../packages/server/src/server.ts'
import { claimsOf, startOfTime } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'
import { createFaultyNetwork } from './faulty-network.ts'
import { startTessera } from './servers.ts'

const jwtBearerType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const ticketType = 'urn:example:ticket'
const partner = 'https://partner.example'
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })

const { issuer, fetch, server, sent } = await startTessera({
  ...world,
  trusted_issuers: [
    { issuer: partner, jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'p1', alg: 'ES256' }] } },
  ],
  grants: [
    defineGrant({
      grantType: ticketType,
      parameters: { ticket: { required: true, maxLength: 100 } },
      decide: ({ parameters }) =>
        parameters.get('ticket') === 'first class'
          ? { ok: true, subject: { sub: '88421113' }, members: { seat: '1A' } }
          : { ok: false, error: 'ticket_expired', reason: 'ticket_expired', description: 'buy another' },
    }),
  ],
  clients: [
    ...world.clients,
    {
      client_id: 'bearer',
      client_secrets: [{ value: secret }],
      grant_types: [jwtBearerType, ticketType],
      scope: 'api1 api2 openid',
    },
  ],
})
const { now } = server.clock
const authentication = clientSecretBasic(secret)
const client = createClient({ issuer, client_id: 'bearer', authentication, fetch, now })

let count = 0
const assertionOf = (claims: object = {}): Promise<string> =>
  new SignJWT({
    ...{ iss: partner, sub: '88421113', aud: issuer, exp: startOfTime + 300, jti: `${++count}` },
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'p1' })
    .sign(privateKey)

test('jwt-bearer: an assertion yields a token of its subject [RFC 7523 §2.1]', async () => {
  const tokens = unwrap(await jwtBearer(client, await assertionOf(), { scope: 'api2' }))
  const { sub, client_id, scope } = claimsOf(tokens.access_token)
  assert.deepEqual([sub, client_id, scope], ['88421113', 'bearer', 'api2'])
})

test('jwt-bearer: an assertion that was used or is invalid fails, and the error does not contain it', async () => {
  const used = await assertionOf()
  unwrap(await jwtBearer(client, used))
  for (const [assertion, reason] of [
    [used, 'assertion_replayed'],
    [await assertionOf({ iss: 'https://stranger.example' }), 'assertion_invalid'],
    [await assertionOf({ sub: 'nobody' }), 'assertion_subject_unknown'],
  ] as const) {
    const tokens = await jwtBearer(client, assertion)
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.kind, 'response')
    assert.equal(tokens.error.code, 'invalid_grant')
    assert.equal(server.reason(), reason)
    assert.ok(!`${JSON.stringify(tokens.error)}${tokens.error.stack}`.includes(assertion))
  }
})

for (const moment of ['before', 'within', 'after'] as const)
  test(`jwt-bearer: a network fault ${moment} the exchange does not repeat the assertion`, async () => {
    const faulty = createFaultyNetwork(fetch)
    const unlucky = createClient({ issuer, client_id: 'bearer', authentication, fetch: faulty.fetch, now })
    faulty.next.push(moment)
    const before = sent.length
    const tokens = await jwtBearer(unlucky, await assertionOf())
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.code, 'network_error')
    assert.equal(tokens.error.mayHaveSucceeded, true)
    const posts = sent.slice(before).filter(({ url }) => url.endsWith('/connect/token'))
    assert.equal(posts.length, moment === 'before' ? 0 : 1)
  })

test('extension grant: its parameters are sent, and its members returned [RFC 6749 §4.5]', async () => {
  const parameters = { ticket: 'first class', grant_type: 'password' }
  const tokens = unwrap(await extensionGrant(client, ticketType, parameters, { scope: 'api1' }))
  assert.equal(claimsOf(tokens.access_token).sub, '88421113')
  assert.equal(tokens.members.seat, '1A')
  assert.equal(tokens.scope, 'api1')
})

test('extension grant: an error code of the grant itself is passed on', async () => {
  const tokens = await extensionGrant(client, ticketType, { ticket: 'old' })
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.kind, 'response')
  assert.equal(tokens.error.code, 'ticket_expired')
  assert.equal(tokens.error.description, 'buy another')
  assert.equal(server.reason(), 'ticket_expired')
})

test('extension grant: a grant that the server does not know is its refusal', async () => {
  const tokens = await extensionGrant(client, 'urn:example:other')
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'unsupported_grant_type')
})

test('extension grant: an error without a code has the status instead', async () => {
  for (const body of ['{}', '{"error":""}', '{"error":7}', '["error"]', 'error']) {
    const failing = createClient({
      ...{ issuer, client_id: 'bearer', authentication },
      fetch: (url, init) =>
        url.endsWith('/token') ? Promise.resolve(new Response(body, { status: 418 })) : fetch(url, init),
    })
    const tokens = await extensionGrant(failing, ticketType)
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.kind, 'response')
    assert.equal(tokens.error.code, 'http_418', body)
    assert.equal(tokens.error.mayHaveSucceeded, false)
  }
})

test('extension grant: the server may have issued tokens if its response is an error of the server', async () => {
  for (const [status, mayHaveSucceeded] of [
    [499, false],
    [500, true],
    [599, true],
  ] as const) {
    const failing = createClient({
      ...{ issuer, client_id: 'bearer', authentication },
      fetch: (url, init) =>
        url.endsWith('/token') ? Promise.resolve(new Response('{}', { status })) : fetch(url, init),
    })
    const tokens = await extensionGrant(failing, ticketType)
    assert.ok(!tokens.ok)
    assert.deepEqual([tokens.error.code, tokens.error.mayHaveSucceeded], [`http_${status}`, mayHaveSucceeded])
  }
})
