/** Resource indicators (RFC 8707), and when two of them are equal (RFC 3986 §6.2.3). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comparableUri } from '@tessera/protocol/resource-indicator'
import { createBrowser } from '../support/browser.ts'
import { answerOf, authorizePath, callback, signIn, verifier } from '../support/sign-in.ts'
import { basic, claimsOf, createTestServer, type Form, type TestServer } from '../support/tessera.ts'

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const api = 'https://mcp.example'
const config = {
  api_scopes: [{ name: 'read' }, { name: 'write' }, { name: 'deep' }],
  api_resources: [
    { name: api, scopes: ['read'] },
    { name: 'https://API.example/v1/', scopes: ['write'] },
    { name: 'urn:deep', scopes: ['deep'] },
  ],
  users: [{ sub: '1', username: 'alice', password: 'wonderland', claims: {} }],
  clients: [
    {
      client_id: 'web',
      client_secrets: [{ value: 's' }],
      redirect_uris: [callback],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials', 'password', exchange],
      scope: 'openid read write deep offline_access',
    },
  ],
}

/** Spellings that are equal to the first API's name by RFC 3986 §6.2.3 and §6.2.2.1. */
const equal = [
  api,
  'https://mcp.example/',
  'HTTPS://mcp.example',
  'https://MCP.Example/',
  'https://mcp.example:443',
  'https://mcp.example:443/',
  'https://mcp.example:/',
]
/** Not equal, though some parsers treat them so. */
const unequal = [
  'http://mcp.example/',
  'https://mcp.example:444/',
  'https://mcp.example//',
  'https://mcp.example/.',
  'https://mcp.example/a/..',
  'https://mcp.example/?',
  'https://mcp.example?',
  'https://user@mcp.example/',
  'https://mcp.example./',
  'https://mcp.example/%2F',
  'https://mcp%2Eexample/',
  'https:\\\\mcp.example/',
  'https:/mcp.example',
  'https://mcp.example\n',
  ' https://mcp.example',
  'https://api.example/v1',
  'https://api.example/V1/',
  'urn:DEEP',
]
const malformed = ['https://mcp.example/#', 'https://mcp.example#a', 'mcp.example', '/', 'deep']

const token = (server: TestServer, form: Form) => server.token(form, { client: ['web', 's'] })
const audOf = async (server: TestServer, form: Form) => {
  const { json } = await token(server, form)
  return json.error ?? claimsOf(json.access_token).aud
}

async function codeFor(server: TestServer, query: string): Promise<URLSearchParams> {
  const browser = createBrowser(server)
  const target = `${authorizePath({ scope: 'openid read write offline_access' })}${query}`
  const page = await browser.visit(target)
  return answerOf(page.location === undefined ? await signIn(browser, target) : page)
}

const redeem = (server: TestServer, answer: URLSearchParams, more = '') =>
  token(
    server,
    `${new URLSearchParams({
      ...{ grant_type: 'authorization_code', code: answer.get('code') ?? '' },
      ...{ redirect_uri: callback, code_verifier: verifier },
    })}${more}`,
  )

const resources = (...uris: readonly string[]) =>
  uris.map(uri => `&resource=${encodeURIComponent(uri)}`).join('')

/** Every place that reads `resource`; each returns the audience of the token, or the error. */
const places: Readonly<Record<string, (server: TestServer, uri: string) => Promise<unknown>>> = {
  async authorize(server, uri) {
    const answer = await codeFor(server, resources(uri))
    if (answer.has('error')) return answer.get('error')
    return claimsOf((await redeem(server, answer)).json.access_token).aud
  },
  async par(server, uri) {
    const pushed = await server.send('POST', '/connect/par', {
      form: `${authorizePath({ scope: 'openid read' }).split('?')[1]}${resources(uri)}`,
      headers: basic('web', 's'),
    })
    if (pushed.json.error) return pushed.json.error
    const { request_uri } = pushed.json
    const browser = createBrowser(server)
    const query = new URLSearchParams({ client_id: 'web', request_uri })
    const answer = answerOf(await signIn(browser, `/connect/authorize?${query}`))
    return claimsOf((await redeem(server, answer)).json.access_token).aud
  },
  async 'request object'(server, uri) {
    const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const parameters = Object.fromEntries(new URLSearchParams(authorizePath().split('?')[1]))
    const claims = { ...parameters, scope: 'openid read', resource: [uri] }
    const request = `${encoded({ alg: 'none' })}.${encoded(claims)}.`
    const query = new URLSearchParams({ client_id: 'web', redirect_uri: callback, request })
    const browser = createBrowser(server)
    const page = await browser.visit(`/connect/authorize?${query}`)
    const answer = answerOf(
      page.location === undefined ? await signIn(browser, `/connect/authorize?${query}`) : page,
    )
    if (answer.has('error')) return answer.get('error')
    return claimsOf((await redeem(server, answer)).json.access_token).aud
  },
  async authorization_code(server, uri) {
    const { json } = await redeem(server, await codeFor(server, ''), resources(uri))
    return json.error ?? claimsOf(json.access_token).aud
  },
  async refresh_token(server, uri) {
    const first = await redeem(server, await codeFor(server, ''))
    const { refresh_token } = first.json
    return audOf(server, { grant_type: 'refresh_token', refresh_token, resource: uri })
  },
  client_credentials: (server, resource) => audOf(server, { grant_type: 'client_credentials', resource }),
  password: (server, resource) =>
    audOf(server, {
      ...{ grant_type: 'password', username: 'alice', password: 'wonderland' },
      ...{ scope: 'read write', resource },
    }),
  async 'token exchange'(server, resource) {
    const first = await token(server, { grant_type: 'client_credentials' })
    return audOf(server, {
      ...{ grant_type: exchange, subject_token: first.json.access_token, resource },
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    })
  },
}

for (const [place, audienceFor] of Object.entries(places))
  test(`resource at ${place}: equal URIs identify an API, and its token has the configured name [RFC 8707 §2] [RFC 3986 §6.2.3]`, async () => {
    const server = await createTestServer(config)
    for (const uri of equal) assert.equal(await audienceFor(server, uri), api, uri)
    for (const uri of [...unequal, ...malformed])
      assert.equal(await audienceFor(server, uri), 'invalid_target', uri)
  })

test('resource: a name with a path and capitals is compared in the same way', async () => {
  const server = await createTestServer(config)
  for (const resource of [
    'https://API.example/v1/',
    'https://api.example/v1/',
    'https://api.example:443/v1/',
  ])
    assert.equal(
      await audOf(server, { grant_type: 'client_credentials', resource }),
      'https://API.example/v1/',
    )
})

test('resource: several limit the tokens to all of them, and each token request may select some [RFC 8707 §2.2]', async () => {
  const server = await createTestServer(config)
  const answer = await codeFor(server, resources('https://mcp.example/', 'https://api.example/v1/'))
  const both = (await redeem(server, answer)).json
  assert.deepEqual(claimsOf(both.access_token).aud, [api, 'https://API.example/v1/'])
  const refresh = async (...uris: readonly string[]) => {
    const { json } = await token(
      server,
      `grant_type=refresh_token&refresh_token=${both.refresh_token}${resources(...uris)}`,
    )
    return json.error ?? claimsOf(json.access_token).aud
  }
  assert.equal(await refresh('https://mcp.example/'), api)
  // Equal ones count once.
  assert.equal(await refresh('https://mcp.example/', api), api)
  assert.deepEqual(await refresh('https://mcp.example/', 'HTTPS://api.example/v1/'), [
    api,
    'https://API.example/v1/',
  ])
  assert.equal(await refresh(api, 'urn:deep'), 'invalid_target')
  assert.equal(server.reason(), 'resource_not_agreed')
  assert.equal(await refresh(api, 'https://nobody.example'), 'invalid_target')
  assert.equal(server.reason(), 'resource_unknown')
})

test('resource: an error is logged with what is wrong [RFC 8707 §2]', async () => {
  const server = await createTestServer(config)
  for (const [resource, reason] of [
    ['deep', 'resource_malformed'],
    ['https://mcp.example/#', 'resource_malformed'],
    ['https://nobody.example', 'resource_unknown'],
  ] as const) {
    assert.equal(await audOf(server, { grant_type: 'client_credentials', resource }), 'invalid_target')
    assert.equal(server.reason(), reason)
    assert.equal((await codeFor(server, resources(resource))).get('error'), 'invalid_target')
    assert.equal(server.reason(), reason)
  }
})

test('resource: normalization changes only scheme, host, port and an empty path', () => {
  for (const [uri, written] of [
    ['HTTP://Example.COM:80?A=B', 'http://example.com/?A=B'],
    ['wss://example.com:443/a', 'wss://example.com/a'],
    ['custom://Host:443/', 'custom://host:443/'],
    ['https://[2001:DB8::1]:443', 'https://[2001:db8::1]/'],
    ['https://U:P@example.com', 'https://U:P@example.com/'],
    ['https://example.com/a/../b/', 'https://example.com/a/../b/'],
    ['https://example.com/%7Ea', 'https://example.com/%7Ea'],
    ['urn:Example:A', 'urn:Example:A'],
    ['https://münchen.example', 'https://münchen.example/'],
    ['https://MÜNCHEN.example', 'https://mÜnchen.example/'],
    ['text', 'text'],
  ] as const)
    assert.equal(comparableUri(uri), written)
})
