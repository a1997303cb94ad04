/** Finding the server of an API by its metadata (RFC 9728), and the metadata of that server in the order of MCP. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createIssuer, type DiscoverResourceOptions, discoverResource, type Fetch } from '@tessera/client'

const api = 'https://api.example/v1'
const wellKnown = 'https://api.example/.well-known/oauth-protected-resource'
const servers = { authorization_servers: ['https://id.example'] }

/** A network with documents at URLs: an object is sent as JSON, a number as a status without a body. */
function networkOf(documents: Readonly<Record<string, object | number>>) {
  const asked: string[] = []
  const fetch: Fetch = async (url, { redirect }) => {
    asked.push(url)
    assert.equal(redirect, 'manual')
    const found = documents[url] ?? 404
    return typeof found === 'number' ? new Response('no', { status: found }) : Response.json(found)
  }
  return { asked, fetch }
}

const discover = async (
  url: string,
  documents: Readonly<Record<string, object | number>>,
  options: DiscoverResourceOptions = {},
) => {
  const { asked, fetch } = networkOf(documents)
  const found = await discoverResource(url, { fetch, ...options })
  return { asked, value: found.ok ? found.value : undefined, code: found.ok ? undefined : found.error.code }
}

test('resource discovery: the well-known place of the path is tried first, then that of the host [RFC 9728 §3.1]', async () => {
  const own = await discover(api, { [`${wellKnown}/v1`]: { ...servers, resource: api } })
  assert.deepEqual(own.asked, [`${wellKnown}/v1`])
  assert.deepEqual(own.value?.authorization_servers, ['https://id.example'])
  const root = await discover(api, { [wellKnown]: { ...servers, resource: api } })
  assert.deepEqual(root.asked, [`${wellKnown}/v1`, wellKnown])
  assert.equal(root.value?.resource, api)
  const host = await discover('https://api.example', {
    [wellKnown]: { ...servers, resource: 'https://api.example/' },
  })
  assert.deepEqual(host.asked, [wellKnown])
  assert.equal(host.value?.resource, 'https://api.example/')
  const none = await discover(api, {})
  assert.deepEqual([none.code, none.asked.length], ['resource_metadata_not_found', 2])
})

test('resource discovery: the URL of a challenge is used, and no other [RFC 9728 §5.1]', async () => {
  const metadataUrl = 'https://docs.example/metadata'
  const found = await discover(api, { [metadataUrl]: { ...servers, resource: api } }, { metadataUrl })
  assert.deepEqual([found.value?.resource, found.asked], [api, [metadataUrl]])
  const missing = await discover(api, { [wellKnown]: { ...servers, resource: api } }, { metadataUrl })
  assert.deepEqual([missing.code, missing.asked], ['resource_metadata_not_found', [metadataUrl]])
})

test('resource discovery: an API that fails is not asked at another place', async () => {
  for (const status of [500, 503, 429]) {
    const failing = await discover(api, {
      [`${wellKnown}/v1`]: status,
      [wellKnown]: { ...servers, resource: api },
    })
    assert.deepEqual([failing.code, failing.asked.length], ['resource_metadata_not_found', 1])
  }
})

/** Metadata of another API, by the place where they are found. */
const foreign: readonly (readonly [resource: unknown, place: string])[] = [
  ['https://other.example/v1', `${wellKnown}/v1`],
  ['http://api.example/v1', `${wellKnown}/v1`],
  ['https://api.example/v1/', `${wellKnown}/v1`],
  ['https://api.example/V1', `${wellKnown}/v1`],
  ['https://api.example/v1/orders', `${wellKnown}/v1`],
  ['https://api.example/v', `${wellKnown}/v`],
  ['https://user@api.example/v1', `${wellKnown}/v1`],
  ['https://api.example:444/v1', `${wellKnown}/v1`],
  [undefined, `${wellKnown}/v1`],
  [{}, `${wellKnown}/v1`],
  // The sender serves only a folder of the host.
  ['https://api.example', `${wellKnown}/v1`],
  ['https://api.example', 'https://api.example/v1/metadata'],
  ['https://api.example/', 'https://elsewhere.example/.well-known/oauth-protected-resource'],
]

for (const [resource, place] of foreign)
  test(`resource discovery: metadata of ${JSON.stringify(resource)} at ${place} are not used [RFC 9728 §3.3]`, async () => {
    const { code, value } = await discover(api, { [place]: { ...servers, resource } }, { metadataUrl: place })
    assert.deepEqual([code, value], ['resource_mismatch', undefined])
  })

test('resource discovery: an API may be part of one that its host names at its own place', async () => {
  for (const resource of ['https://api.example', 'https://api.example/v1'])
    for (const url of [`${api}/orders/17`, api]) {
      const place = resource === api ? `${wellKnown}/v1` : wellKnown
      const { value } = await discover(url, { [place]: { ...servers, resource } }, { metadataUrl: place })
      assert.equal(value?.resource, resource)
    }
})

test('resource discovery: metadata without a server, or with members of another type, are not used', async () => {
  for (const members of [
    {},
    { authorization_servers: [] },
    { authorization_servers: 'https://id.example' },
    { authorization_servers: [7] },
    { ...servers, scopes_supported: 'read' },
  ]) {
    const { code } = await discover(api, { [`${wellKnown}/v1`]: { ...members, resource: api } })
    assert.equal(code, 'authorization_server_missing')
  }
})

test('resource discovery: the policy applies to the API and to its metadata', async () => {
  for (const url of [
    'http://api.example',
    'https://api.example/#a',
    'ftp://api.example',
    'api',
    'https://a:b@api.example',
  ])
    assert.deepEqual(await discover(url, {}), { asked: [], value: undefined, code: 'resource_not_allowed' })
  // An API on the web can't send its clients to a server of their own machine or network.
  for (const metadataUrl of [
    'http://localhost:8080/admin',
    'http://127.0.0.1/',
    'file:///etc/passwd',
    'http://intern/',
    'x',
  ])
    assert.deepEqual(await discover(api, {}, { metadataUrl, policy: { httpHosts: ['intern'] } }), {
      ...{ asked: [], value: undefined },
      code: 'metadata_url_not_allowed',
    })
  const local = 'http://localhost:3000/mcp'
  const place = 'http://localhost:3000/.well-known/oauth-protected-resource/mcp'
  const { value } = await discover(local, { [place]: { ...servers, resource: local } })
  assert.equal(value?.resource, local)
})

test('resource discovery: an https API can’t name a server over http, also not on the local machine', async () => {
  const policy = { httpHosts: ['intern'] }
  const name = async (url: string, authorization_servers: readonly string[]) => {
    const { origin, pathname } = new URL(url)
    const place = `${origin}/.well-known/oauth-protected-resource${pathname}`
    return discover(url, { [place]: { authorization_servers, resource: url } }, { policy })
  }
  const web = 'https://id.example'
  for (const server of ['http://127.0.0.1:9200', 'http://localhost', 'http://[::1]', 'http://intern', 'x']) {
    assert.equal((await name(api, [server])).code, 'authorization_server_not_allowed')
    for (const spelled of [api.replace('https', 'HTTPS'), ` ${api}`])
      assert.equal((await name(spelled, [server])).value, undefined)
    assert.deepEqual((await name(api, [server, web])).value?.authorization_servers, [web])
  }
  const local = 'http://localhost:3000/mcp'
  assert.deepEqual((await name(local, ['http://localhost:3001'])).value?.authorization_servers, [
    'http://localhost:3001',
  ])
})

test('resource discovery: redirects are not followed, and large documents are not read', async () => {
  const moved = await discover(api, { [`${wellKnown}/v1`]: 302, [wellKnown]: 307 })
  assert.equal(moved.code, 'unexpected_redirect')
  const fetch: Fetch = async () => Response.json({ ...servers, resource: api, more: 'x'.repeat(1_100_000) })
  const found = await discoverResource(api, { fetch })
  assert.ok(!found.ok)
  assert.equal(found.error.code, 'response_too_large')
})

const oauth = '/.well-known/oauth-authorization-server'
const openid = '/.well-known/openid-configuration'

for (const [issuer, wellKnownFirst, places] of [
  ['https://id.example', undefined, [openid, oauth]],
  ['https://id.example', 'oauth-authorization-server', [oauth, openid]],
  ['https://id.example/t/a', 'openid-configuration', [`/t/a${openid}`, `${oauth}/t/a`, `${openid}/t/a`]],
  [
    'https://id.example/t/a',
    'oauth-authorization-server',
    [`${oauth}/t/a`, `${openid}/t/a`, `/t/a${openid}`],
  ],
] as const)
  test(`discovery: ${issuer} is looked for at ${places.join(', ')} [RFC 8414 §3.1, §5]`, async () => {
    const urls = places.map(place => `https://id.example${place}`)
    const missing = networkOf({})
    const none = await createIssuer(issuer, { fetch: missing.fetch, wellKnown: wellKnownFirst }).metadata()
    assert.equal(!none.ok && none.error.code, 'metadata_not_found')
    assert.deepEqual(missing.asked, urls)
    for (const url of urls) {
      const { fetch } = networkOf({ [url]: { issuer } })
      assert.ok((await createIssuer(issuer, { fetch, wellKnown: wellKnownFirst }).metadata()).ok, url)
    }
  })

test('discovery: an issuer has no query and no fragment, and a server that fails is asked once', async () => {
  const asked: string[] = []
  const failing = async (url: string) => {
    asked.push(url)
    return new Response('', { status: 503 })
  }
  for (const url of ['https://id.example?x=1', 'https://id.example#x']) {
    const refused = await createIssuer(url, { fetch: failing }).metadata()
    assert.equal(!refused.ok && refused.error.code, 'issuer_not_allowed')
  }
  assert.deepEqual(asked, [])
  await createIssuer('https://id.example', { fetch: failing }).metadata()
  assert.equal(asked.length, 1)
})
