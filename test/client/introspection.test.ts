import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientCredentials,
  clientSecretBasic,
  createClient,
  type Fetch,
  introspectToken,
  password,
  unwrap,
} from '@tessera/client'
import { secret, world } from '../support/world.ts'
import { createFaultyNetwork } from './faulty-network.ts'
import { startTessera } from './servers.ts'
import { client_id as app, createKey, sign, startTokenServer, url } from './token-server.ts'

const { issuer, fetch, server } = await startTessera(world)
const { now } = server.clock
const clientOf = (client_id: string, value = secret, passed: Fetch = fetch) =>
  createClient({ issuer, client_id, authentication: clientSecretBasic(value), fetch: passed, now })
const api = clientOf('urn:api', 'api-secret')
const bob = { username: 'bob', password: 'bob' }

test('introspection: an API reads what a token is for [RFC 7662 §2.2]', async () => {
  const { access_token } = unwrap(await password(clientOf('roclient'), bob, { scope: 'api1 openid' }))
  const token = unwrap(await introspectToken(api, access_token, { token_type_hint: 'access_token' }))
  assert.ok(token.active)
  assert.equal(token.sub, '88421113')
  assert.equal(token.client_id, 'roclient')
  assert.equal(token.iss, issuer)
  assert.equal(token.scope, 'api1')
  assert.equal(token.exp, now() + 3600)
  assert.ok([token.aud].flat().includes('urn:api'))
  assert.equal(token.members.active, true)
})

test('introspection: tokens that are invalid, expired or for another API are inactive, not errors', async () => {
  const { access_token: foreign } = unwrap(
    await clientCredentials(clientOf('client'), { scope: 'other_api' }),
  )
  for (const token of ['unknown', foreign])
    assert.deepEqual(unwrap(await introspectToken(api, token)), { active: false })
})

test('introspection: an API that does not authenticate learns nothing', async () => {
  const token = await introspectToken(clientOf('urn:api', 'wrong'), 'unknown')
  assert.ok(!token.ok)
  assert.equal(token.error.kind, 'response')
  assert.equal(token.error.code, 'invalid_client')
})

const introspectWith = (response: unknown) =>
  introspectToken(
    clientOf('urn:api', 'api-secret', (url, init) =>
      url.endsWith('/introspect') ? Promise.resolve(Response.json(response)) : fetch(url, init),
    ),
    'token',
  )

for (const [what, response] of [
  ['is not an object', [true]],
  ['does not say whether the token is active', { sub: 'a' }],
  ['says that in words', { active: 'true' }],
  ['has a time that is text', { active: true, exp: '1' }],
  ['has a list of scopes', { active: true, scope: ['a'] }],
  ['has an audience that is a number', { active: true, aud: [1] }],
  ['has a key that is not an object', { active: true, cnf: 'x' }],
] as const)
  test(`introspection: a response that ${what} is invalid [RFC 7662 §2.2]`, async () => {
    const token = await introspectWith(response)
    assert.ok(!token.ok)
    assert.equal(token.error.kind, 'invalid')
    assert.equal(token.error.code, 'invalid_response')
  })

test('introspection: a time beyond the numbers of JavaScript is invalid', async () => {
  const client = clientOf('urn:api', 'api-secret', (url, init) =>
    url.endsWith('/introspect')
      ? Promise.resolve(
          new Response('{"active":true,"exp":1e400}', { headers: { 'content-type': 'application/json' } }),
        )
      : fetch(url, init),
  )
  const token = await introspectToken(client, 'token')
  assert.equal(!token.ok && token.error.code, 'invalid_response')
})

test('introspection: an inactive token has no other members, and unknown ones are among the members', async () => {
  assert.deepEqual(unwrap(await introspectWith({ active: false, sub: 'a' })), { active: false })
  const token = unwrap(await introspectWith({ active: true, sub: null, tier: 'gold' }))
  assert.ok(token.active)
  assert.equal(token.sub, undefined)
  assert.equal(token.members.tier, 'gold')
})

for (const moment of ['before', 'within', 'after'] as const)
  test(`introspection: a network fault ${moment} the exchange is an error, never an active token`, async () => {
    const faulty = createFaultyNetwork(fetch, '/connect/introspect')
    faulty.next.push(moment)
    const unlucky = clientOf('urn:api', 'api-secret', faulty.fetch)
    const lost = await introspectToken(unlucky, 'unknown')
    assert.ok(!lost.ok)
    assert.equal(lost.error.kind, 'network')
    assert.ok((await introspectToken(unlucky, 'unknown')).ok)
  })

test('introspection: an API can require a signed response [RFC 9701 §4]', async () => {
  const { access_token } = unwrap(await password(clientOf('roclient'), bob, { scope: 'api1' }))
  const token = unwrap(await introspectToken(api, access_token, { signed: true }))
  assert.ok(token.active)
  assert.equal(token.sub, '88421113')
  assert.deepEqual(unwrap(await introspectToken(api, 'unknown', { signed: true })), { active: false })
  const forbidden = await introspectToken(api, access_token, { signed: true, algorithms: ['ES256'] })
  assert.ok(!forbidden.ok)
  assert.equal(forbidden.error.code, 'algorithm_not_allowed')
})

const key = await createKey('ES256')
const tokenServer = startTokenServer([key.jwk], { introspection_endpoint: `${url}/introspect` })
const typ = 'token-introspection+jwt'
const signed = {
  iss: url,
  aud: app,
  iat: tokenServer.now,
  token_introspection: { active: true, sub: 'alice' },
}
const jwtResponse = (body: string): Response =>
  new Response(body, { headers: { 'content-type': `application/${typ}` } })
const signedResponse = async (claims: object, header: object = {}): Promise<Response> =>
  jwtResponse(await sign({ ...signed, ...claims }, key, { typ, ...header }))
const introspectSigned = (respond: () => Response | Promise<Response>) =>
  introspectToken(
    createClient({ issuer: tokenServer.issuer, client_id: app, fetch: async () => respond() }),
    'token',
    { signed: true },
  )

test('introspection: a signed response contains the description of the token [RFC 9701 §5]', async () => {
  const token = unwrap(await introspectSigned(() => signedResponse({})))
  assert.ok(token.active)
  assert.equal(token.sub, 'alice')
})

for (const [what, respond, code] of [
  ['JSON', () => Response.json({ active: true }), 'response_not_signed'],
  ['another kind of token', () => signedResponse({}, { typ: 'at+jwt' }), 'type_mismatch'],
  ['a token without a type', () => signedResponse({}, { typ: undefined }), 'type_mismatch'],
  ['a response of another issuer', () => signedResponse({ iss: 'https://x.example' }), 'issuer_mismatch'],
  ['a response of no issuer', () => signedResponse({ iss: undefined }), 'issuer_mismatch'],
  ['a response for another API', () => signedResponse({ aud: 'other' }), 'audience_mismatch'],
  ['a response for nobody', () => signedResponse({ aud: undefined }), 'audience_mismatch'],
  ['one without a description', () => signedResponse({ token_introspection: undefined }), 'invalid_response'],
  ['one with an empty description', () => signedResponse({ token_introspection: {} }), 'invalid_response'],
  [
    'one with a wrong signature',
    async () => jwtResponse(`${(await sign(signed, key, { typ })).slice(0, -8)}AAAAAAAA`),
    'signature_invalid',
  ],
] as const)
  test(`introspection: if a signed response is required, ${what} is refused [RFC 9701 §5]`, async () => {
    const token = await introspectSigned(respond)
    assert.ok(!token.ok)
    assert.equal(token.error.code, code)
  })
