/** Documents of a server that arrive with status 200, and are of no use: older ones stay, and the next attempt comes soon. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientCredentials,
  createClient,
  createIssuer,
  type Fetch,
  type Issuer,
  issuerKeys,
} from '@tessera/client'
import { createKey, startTokenServer } from './token-server.ts'

const url = 'https://id.example'
const complete = {
  issuer: url,
  authorization_endpoint: `${url}/authorize`,
  token_endpoint: `${url}/token`,
  jwks_uri: `${url}/jwks`,
  introspection_endpoint: `${url}/introspect`,
}

/** A server whose metadata a test changes. */
function start(document: unknown) {
  const state = { document, now: 1_790_000_000, requests: 0 }
  const fetch: Fetch = async target => {
    if (!target.includes('/.well-known/')) return Response.json({ access_token: 'a', token_type: 'Bearer' })
    state.requests += 1
    return Response.json(state.document)
  }
  const issuer = createIssuer(url, { now: () => state.now, fetch })
  return Object.assign(state, { issuer, client: createClient({ issuer, client_id: 'app', fetch }) })
}

const endpointsOf = async (issuer: Issuer): Promise<unknown> => {
  const found = await issuer.metadata()
  return found.ok ? { ...found.value } : found.error.code
}

for (const [name, document] of Object.entries({
  'only the issuer': { issuer: url },
  'no token endpoint': { ...complete, token_endpoint: undefined },
  'no authorization endpoint': { ...complete, authorization_endpoint: undefined },
  'no keys': { ...complete, jwks_uri: undefined },
  'an empty endpoint': { ...complete, jwks_uri: '' },
  'another issuer': { ...complete, issuer: 'https://other.example' },
  'an endpoint over http': { ...complete, token_endpoint: 'http://id.example/token' },
}))
  test(`discovery: metadata with ${name} do not replace complete ones, and are requested again after 30 seconds`, async () => {
    const server = start(complete)
    assert.deepEqual(await endpointsOf(server.issuer), complete)
    server.document = document
    server.now += 3600
    for (let count = 0; count < 3; count++) {
      assert.deepEqual(await endpointsOf(server.issuer), complete)
      assert.ok((await clientCredentials(server.client)).ok)
    }
    assert.equal(server.requests, 2)
    server.document = { ...complete, token_endpoint: `${url}/newer` }
    server.now += 29
    assert.deepEqual(await endpointsOf(server.issuer), complete)
    server.now += 1
    assert.deepEqual(await endpointsOf(server.issuer), server.document)
    server.now += 3599
    await server.issuer.metadata()
    assert.equal(server.requests, 3)
  })

test('discovery: metadata that lack an endpoint for a day are what the server means', async () => {
  const server = start(complete)
  await server.issuer.metadata()
  const fewer = { ...complete, jwks_uri: undefined }
  server.document = fewer
  server.now += 10 * 86_400
  assert.deepEqual(await endpointsOf(server.issuer), complete)
  server.now += 86_399
  assert.deepEqual(await endpointsOf(server.issuer), complete)
  server.now += 30
  assert.deepEqual(await endpointsOf(server.issuer), JSON.parse(JSON.stringify(fewer)))
  server.now += 30
  await server.issuer.metadata()
  const { requests } = server
  server.now += 3599
  await server.issuer.metadata()
  assert.equal(server.requests, requests)
})

test('discovery: an optional endpoint that the server removes is gone after the usual time', async () => {
  const server = start(complete)
  await server.issuer.metadata()
  const { introspection_endpoint: _, ...fewer } = complete
  server.document = fewer
  server.now += 3600
  assert.deepEqual(await endpointsOf(server.issuer), fewer)
})

test('discovery: first metadata without endpoints are requested again after 30 seconds', async () => {
  const server = start({ issuer: url })
  for (let count = 0; count < 3; count++) {
    const refused = await clientCredentials(server.client)
    assert.equal(!refused.ok && refused.error.code, 'endpoint_missing')
  }
  assert.equal(server.requests, 1)
  server.document = complete
  server.now += 30
  assert.ok((await clientCredentials(server.client)).ok)
  assert.equal(server.requests, 2)
})

const key = await createKey('ES256')
const newer = await createKey('ES256')

for (const [name, keys] of Object.entries({
  'no key': [],
  'no public key': [{ kty: 'oct', k: 'AAAA' }, null],
  'no complete key': [{ kty: 'EC', kid: key.jwk.kid }, { kty: 'RSA' }, { kty: 'unknown', x: 'x' }],
}))
  test(`keys: a set with ${name} does not replace usable keys, and is requested again after 30 seconds`, async () => {
    const server = startTokenServer([key.jwk])
    const source = issuerKeys(server.issuer)
    const find = async ({ jwk }: typeof key): Promise<unknown> => {
      const found = await source.find({ alg: 'ES256', kid: jwk.kid ?? '' })
      return found.ok ? found.value.length : found.error.code
    }
    assert.equal(await find(key), 1)
    server.keys = keys
    assert.equal(await find(newer), 'keys_invalid')
    server.now += 600
    for (let count = 0; count < 3; count++) assert.equal(await find(key), 1)
    assert.equal(server.requests, 3)
    server.keys = [newer.jwk]
    server.now += 30
    assert.deepEqual([await find(newer), await find(key)], [1, 0])
    server.keys = keys
    server.now += 86_400
    assert.equal(await find(newer), 'keys_invalid')
  })

test('keys: a first set without a usable key is requested for each unknown token, once in 30 seconds', async () => {
  const server = startTokenServer([])
  const source = issuerKeys(server.issuer)
  const header = { alg: 'ES256', kid: key.jwk.kid ?? '' }
  for (let count = 0; count < 3; count++) assert.deepEqual(await source.find(header), { ok: true, value: [] })
  assert.equal(server.requests, 2)
  server.keys = [key.jwk]
  server.now += 30
  assert.deepEqual(await source.find(header), { ok: true, value: [key.jwk] })
})
