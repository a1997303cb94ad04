import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientCredentials,
  clientSecretBasic,
  createClient,
  exchangeToken,
  password,
  tokenTypes,
  unwrap,
} from '@tessera/client'
import { claimsOf } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'
import { createFaultyNetwork } from './faulty-network.ts'
import { startTessera } from './servers.ts'

const { issuer, fetch, server, sent } = await startTessera(world)
const { now } = server.clock
const authentication = clientSecretBasic(secret)
const clientOf = (client_id: string, passed = fetch) =>
  createClient({ issuer, client_id, authentication, fetch: passed, now })
const gateway = clientOf('exchanger')

const bob = { username: 'bob', password: 'bob' }
const { access_token: subject_token } = unwrap(
  await password(clientOf('roclient'), bob, { scope: 'api1 api2' }),
)
const { access_token: actor_token } = unwrap(await clientCredentials(clientOf('client'), { scope: 'api1' }))
const subject = { subject_token, subject_token_type: tokenTypes.accessToken }
const actor = { actor_token, actor_token_type: tokenTypes.accessToken }

test('exchange: the client gets a token of the subject, of the requested scope and type [RFC 8693 §2]', async () => {
  for (const requested_token_type of [undefined, tokenTypes.accessToken, tokenTypes.jwt]) {
    const exchange = { ...subject, requested_token_type }
    const tokens = unwrap(await exchangeToken(gateway, exchange, { scope: 'api2', resource: 'urn:api' }))
    const claims = claimsOf(tokens.access_token)
    assert.deepEqual([claims.sub, claims.client_id, claims.scope], ['88421113', 'exchanger', 'api2'])
    assert.equal(tokens.issued_token_type, requested_token_type ?? tokenTypes.accessToken)
  }
})

test('exchange: an actor is named in the token [RFC 8693 §4.1]', async () => {
  const tokens = unwrap(await exchangeToken(gateway, { ...subject, ...actor }))
  assert.deepEqual(claimsOf(tokens.access_token).act, { sub: 'client', client_id: 'client' })
})

for (const [what, exchange, options, error, reason] of [
  ['a subject token that is invalid', { subject_token: 'x' }, {}, 'invalid_request', 'subject_token_invalid'],
  [
    'a type that the server does not know',
    { requested_token_type: tokenTypes.saml2 },
    {},
    'invalid_request',
    'requested_token_type_unsupported',
  ],
  ['an API outside of the scope', {}, { audience: 'urn:other' }, 'invalid_target', undefined],
] as const)
  test(`exchange: ${what} fails with the server’s error`, async () => {
    const tokens = await exchangeToken(gateway, { ...subject, ...exchange }, options)
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.kind, 'response')
    assert.equal(tokens.error.code, error)
    if (reason !== undefined) assert.equal(server.reason(), reason)
    assert.ok(!JSON.stringify(tokens.error).includes(subject_token))
  })

const issued = { access_token: 'a', token_type: 'Bearer', issued_token_type: tokenTypes.accessToken }
const exchangeWith = (response: object, requested_token_type?: `urn:${string}`) => {
  const client = clientOf('exchanger', (url, init) =>
    url.endsWith('/connect/token') ? Promise.resolve(Response.json(response)) : fetch(url, init),
  )
  return exchangeToken(client, { ...subject, requested_token_type })
}

for (const [what, response, code] of [
  ['without the type of the token', { issued_token_type: undefined }, 'issued_token_type_missing'],
  ['with a type that is no string', { issued_token_type: 7 }, 'invalid_response'],
  ['with another type than requested', { issued_token_type: tokenTypes.jwt }, 'issued_token_type_mismatch'],
  // RFC 8693 §2.2.1: N_A is for what can't be used as an access token.
  ['with an access token of type N_A', { token_type: 'N_A' }, 'invalid_response'],
  ['with an access token of an unknown type', { token_type: 'mac' }, 'invalid_response'],
] as const)
  test(`exchange: a response ${what} is invalid [RFC 8693 §2.2.1]`, async () => {
    assert.ok((await exchangeWith(issued, tokenTypes.accessToken)).ok)
    const tokens = await exchangeWith({ ...issued, ...response }, tokenTypes.accessToken)
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.kind, 'invalid')
    assert.equal(tokens.error.code, code)
    assert.equal(tokens.error.mayHaveSucceeded, true)
  })

test('exchange: a token that is not an access token has the type N_A [RFC 8693 §2.2.1]', async () => {
  const response = { access_token: 'i', token_type: 'N_A', issued_token_type: tokenTypes.idToken }
  const tokens = unwrap(await exchangeWith(response, tokenTypes.idToken))
  assert.equal(tokens.token_type, 'N_A')
  assert.equal(tokens.issued_token_type, tokenTypes.idToken)
})

for (const moment of ['before', 'within', 'after'] as const)
  test(`exchange: a network fault ${moment} the exchange is reported, and nothing is repeated`, async () => {
    const faulty = createFaultyNetwork(fetch)
    const client = clientOf('exchanger', faulty.fetch)
    faulty.next.push(moment)
    const before = sent.length
    const tokens = await exchangeToken(client, subject)
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.code, 'network_error')
    const posts = sent.slice(before).filter(({ url }) => url.endsWith('/connect/token'))
    assert.equal(posts.length, moment === 'before' ? 0 : 1)
    assert.ok((await exchangeToken(client, subject)).ok)
  })
