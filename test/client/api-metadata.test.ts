/** Protected-resource metadata of an API (RFC 9728). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { protectedResourceUrl } from '@tessera/client/api'
import { fetchMetadata } from '@tessera/client/api/fetch'
import { guardOf, refusalOf, startIssuer } from './api-world.ts'

const { issuer, token } = startIssuer()

const places: Readonly<Record<string, string>> = {
  'https://api.example': '/.well-known/oauth-protected-resource',
  'https://api.example/': '/.well-known/oauth-protected-resource',
  'https://api.example/v1': '/.well-known/oauth-protected-resource/v1',
  'https://api.example/v1/': '/.well-known/oauth-protected-resource/v1/',
  'https://api.example/v1/orders?tenant=a': '/.well-known/oauth-protected-resource/v1/orders?tenant=a',
  'https://api.example?tenant=a': '/.well-known/oauth-protected-resource?tenant=a',
}

for (const [resource, place] of Object.entries(places))
  test(`metadata: those of ${resource} are at ${place} [RFC 9728 §3.1]`, async () => {
    const url = `https://api.example${place}`
    assert.equal(protectedResourceUrl(resource), url)
    const { guard, check } = guardOf(issuer, { resource })
    assert.equal(guard.metadata?.url, url)
    assert.equal(guard.metadata?.path, place)
    const response = fetchMetadata(guard, new Request(url))
    assert.equal(JSON.parse((await response?.text()) ?? '{}').resource, resource)
    const [, , challenge] = refusalOf(await check({}))
    assert.equal(challenge, `Bearer resource_metadata="${url}"`)
  })

test('metadata: they name the issuers and all that the API adds, and the API can not replace its resource', async () => {
  const { guard } = guardOf([issuer, 'https://second.example'], {
    resource: 'https://api.example/v1',
    metadata: {
      resource: 'https://other.example',
      scopes_supported: ['read', 'write'],
      resource_name: 'Orders',
      tls_client_certificate_bound_access_tokens: true,
    },
  })
  const response = fetchMetadata(guard, new Request(guard.metadata?.url ?? ''))
  assert.equal(response?.headers.get('content-type'), 'application/json')
  assert.deepEqual(await response?.json(), {
    authorization_servers: [issuer.url, 'https://second.example'],
    bearer_methods_supported: ['header'],
    resource: 'https://api.example/v1',
    resource_name: 'Orders',
    scopes_supported: ['read', 'write'],
    tls_client_certificate_bound_access_tokens: true,
  })
})

test('metadata: HEAD has no body, and other methods and places are not served', async () => {
  const { guard } = guardOf(issuer, { resource: 'https://api.example/v1' })
  const url = guard.metadata?.url ?? ''
  const head = fetchMetadata(guard, new Request(url, { method: 'HEAD' }))
  assert.equal(head?.status, 200)
  assert.equal(await head?.text(), '')
  assert.equal(fetchMetadata(guard, new Request(url, { method: 'POST' })), undefined)
  for (const other of [`${url}?a=b`, `${url}/`, 'https://api.example/v1'])
    assert.equal(fetchMetadata(guard, new Request(other)), undefined)
})

test('metadata: an API that only has a name publishes none', async () => {
  const { guard, check } = guardOf(issuer)
  assert.equal(guard.metadata, undefined)
  const place = 'https://api.example/.well-known/oauth-protected-resource'
  assert.equal(fetchMetadata(guard, new Request(place)), undefined)
  assert.doesNotMatch(`${refusalOf(await check({}))[2]}`, /resource_metadata/)
})

test('metadata: the resource is the audience if the API has no other name', async () => {
  const resource = 'https://api.example/v1'
  const { check } = guardOf(issuer, { audience: undefined as never, resource })
  assert.ok((await check({ token: await token({ aud: resource }) })).ok)
  assert.equal(refusalOf(await check({ token: await token() }))[0], 'audience_mismatch')
})
