/** `fetch` for an API that names its server, at APIs and servers that misbehave. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createClient,
  createResourceFetch,
  type Issuer,
  type ResourceAuthorization,
  type ResourceFetchOptions,
} from '@tessera/client'

const api = 'https://api.example/mcp'
const place = 'https://api.example/.well-known/oauth-protected-resource/mcp'
const bearer = (parameters: string) => `Bearer ${parameters === '' ? `realm="x"` : parameters}`
const insufficient = (scope: string) => bearer(`error="insufficient_scope", scope="${scope}"`)

type Reply = { readonly status: number; readonly challenge?: string }
type Script = {
  /** Replies to a request with a token; undefined without one. */
  readonly reply: (token: string | undefined, path: string) => Reply
  readonly metadata?: (() => object | undefined) | undefined
  /** The metadata of each server. */
  readonly server?: ((issuer: string) => object) | undefined
}

/** An API that replies as scripted, and an application that gets a new token whenever it is asked. */
function start(script: Script, options: Partial<ResourceFetchOptions> = {}) {
  const asked: ResourceAuthorization[] = []
  const servers: string[] = []
  const sent: string[] = []
  let discoveries = 0
  const fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const request = new Request(input, init)
    const { origin, pathname } = new URL(request.url)
    if (origin !== 'https://api.example') {
      servers.push(request.url)
      return Response.json({
        issuer: origin,
        code_challenge_methods_supported: ['S256'],
        ...script.server?.(origin),
      })
    }
    if (pathname.startsWith('/.well-known/')) {
      discoveries += 1
      const document = script.metadata
        ? script.metadata()
        : { resource: api, authorization_servers: ['https://id.example'] }
      return document && request.url === place ? Response.json(document) : new Response('no', { status: 404 })
    }
    const token = request.headers.get('authorization')?.replace('Bearer ', '')
    sent.push(token ?? 'none')
    const { status, challenge } = script.reply(token, pathname)
    return new Response('reply', {
      status,
      ...(challenge !== undefined && { headers: { 'www-authenticate': challenge } }),
    })
  }
  const call = createResourceFetch(api, {
    client: issuer => createClient({ issuer, client_id: 'app' }),
    async authorize(request) {
      asked.push(request)
      const token = { access_token: `token-${asked.length}`, token_type: 'Bearer' }
      const same = async () => ({ ok: true, value: token }) as const
      return { client: request.client, accessToken: same, renew: same }
    },
    fetch,
    ...options,
  })
  return { call, asked, servers, sent, discoveries: () => discoveries }
}

test('attack: an API that refuses every token leads to two authorizations, however often it is called', async () => {
  let next = 0
  const { call, asked, discoveries } = start({
    reply: () => ({ status: 401, challenge: bearer(`error="invalid_token", scope="scope${next++}"`) }),
  })
  // A token that is refused although it is new is not replaced during the same call.
  assert.equal((await call(api)).status, 401)
  assert.equal(asked.length, 1)
  for (let count = 0; count < 5; count++) assert.equal((await call(api)).status, 401)
  assert.equal(asked.length, 2)
  assert.equal(discoveries(), 2)
})

test('attack: an API that always wants more scope gets three authorizations for one request', async () => {
  let next = 0
  const { call, asked } = start({ reply: () => ({ status: 403, challenge: insufficient(`scope${next++}`) }) })
  assert.equal((await call(api)).status, 403)
  assert.equal(asked.length, 3)
  assert.equal(asked.at(-1)?.scope, 'scope0 scope1 scope2')
})

test('attack: a scope that a token never gets is requested twice, and for the operations that need it only', async () => {
  const { call, asked } = start({
    reply: (token, path) =>
      token === undefined
        ? { status: 401, challenge: bearer('scope="read"') }
        : path === '/mcp/write'
          ? { status: 403, challenge: insufficient('write') }
          : { status: 200 },
  })
  for (let count = 0; count < 5; count++) {
    assert.equal((await call(api)).status, 200)
    assert.equal((await call(`${api}/write`)).status, 403)
  }
  assert.deepEqual(
    asked.map(({ scope }) => scope),
    ['read', 'read write', 'read write'],
  )
})

test('attack: what is not a challenge for access tokens leads to no authorization', async () => {
  for (const [status, challenge] of [
    [401, 'Basic realm="x"'],
    [401, bearer('error="invalid_request"')],
    [403, undefined],
    [403, bearer('error="invalid_token"')],
    [403, 'Basic realm="x"'],
    [400, bearer('error="invalid_request"')],
    [200, insufficient('write')],
    [500, bearer('scope="read"')],
  ] as const) {
    const { call, asked } = start({ reply: () => ({ status, ...(challenge && { challenge }) }) })
    assert.equal((await call(api)).status, status)
    assert.equal(asked.length, 0, `${challenge}`)
  }
})

test('resource fetch: a 401 without a challenge leads to the well-known metadata', async () => {
  const { call, asked } = start({ reply: token => ({ status: token === undefined ? 401 : 200 }) })
  assert.equal((await call(api)).status, 200)
  assert.deepEqual([asked.length, asked[0]?.scope, asked[0]?.challenge], [1, undefined, undefined])
})

test('resource fetch: a 403 that names no scope leads to scopes_supported, and to nothing if they were requested', async () => {
  const reply: Script['reply'] = token =>
    token === undefined
      ? { status: 401, challenge: bearer('scope="a"') }
      : { status: 403, challenge: bearer('error="insufficient_scope"') }
  const metadata = { resource: api, authorization_servers: ['https://id.example'] }
  const more = start({ reply, metadata: () => ({ ...metadata, scopes_supported: ['a', 'b'] }) })
  assert.equal((await more.call(api)).status, 403)
  assert.deepEqual(
    more.asked.map(({ scope }) => scope),
    ['a', 'a b'],
  )
  const same = start({ reply, metadata: () => ({ ...metadata, scopes_supported: ['a'] }) })
  assert.equal((await same.call(api)).status, 403)
  assert.deepEqual(
    same.asked.map(({ scope }) => scope),
    ['a'],
  )
})

test('attack: malformed names in a challenge or in metadata are not requested', async () => {
  const { call, asked } = start({
    reply: token => ({ status: token === undefined ? 401 : 200 }),
    metadata: () => ({
      resource: api,
      authorization_servers: ['https://id.example'],
      scopes_supported: ['a', 'b"c', 'd e', ''],
    }),
  })
  await call(api)
  assert.equal(asked[0]?.scope, 'a')
})

test('resource fetch: an API without metadata is used with fallbackIssuer only', async () => {
  const reply: Script['reply'] = token => ({ status: token === undefined ? 401 : 200 })
  const fallbackIssuer = 'https://legacy.example'
  const { call, asked } = start({ reply, metadata: () => undefined }, { fallbackIssuer })
  assert.equal((await call(api)).status, 200)
  assert.deepEqual([asked[0]?.resource, asked[0]?.client.issuer.url], [api, fallbackIssuer])
  const named = start({ reply }, { fallbackIssuer })
  assert.equal((await named.call(api)).status, 200)
  assert.equal(named.asked[0]?.client.issuer.url, 'https://id.example')
})

test('attack: metadata of another API, and an API that fails, lead to an error and to no authorization', async () => {
  const metadata = { authorization_servers: ['https://id.example'] }
  for (const [document, code] of [
    [{ ...metadata, resource: 'https://other.example/mcp' }, 'resource_mismatch'],
    [undefined, 'resource_metadata_not_found'],
    [{ resource: api }, 'authorization_server_missing'],
    [{ resource: api, authorization_servers: ['http://127.0.0.1:9200'] }, 'authorization_server_not_allowed'],
  ] as const) {
    const { call, asked, servers } = start({ reply: () => ({ status: 401 }), metadata: () => document })
    await assert.rejects(call(api), { code })
    assert.deepEqual([asked.length, servers.length], [0, 0])
  }
  const elsewhere = start({
    reply: () => ({ status: 401, challenge: bearer('resource_metadata="http://localhost:9000/admin"') }),
  })
  await assert.rejects(elsewhere.call(api), { code: 'metadata_url_not_allowed' })
})

test('attack: an API that names another server each time does not fill the memory with their metadata', async () => {
  let number = 0
  const { call, servers } = start(
    {
      reply: () => ({ status: 401 }),
      metadata: () => ({ resource: api, authorization_servers: [`https://server-${number}.example`] }),
    },
    { authorize: async () => undefined },
  )
  for (number = 0; number < 30; number++) await call(api)
  assert.equal(servers.length, 30)
  // Recent ones are kept, and older ones requested again.
  number = 29
  await call(api)
  assert.equal(servers.length, 30)
  number = 0
  await call(api)
  assert.equal(servers.length, 31)
})

test('attack: a server that is another issuer than the API names is not used [RFC 8414 §3.3]', async () => {
  const { call, asked } = start({
    reply: () => ({ status: 401 }),
    server: () => ({ issuer: 'https://elsewhere.example' }),
  })
  await assert.rejects(call(api), { code: 'issuer_mismatch' })
  assert.equal(asked.length, 0)
})

test('resource fetch: a server with an authorization endpoint must support PKCE, unless the application says otherwise', async () => {
  const reply: Script['reply'] = token => ({ status: token === undefined ? 401 : 200 })
  const endpoint = { authorization_endpoint: 'https://id.example/authorize' }
  for (const methods of [undefined, [], ['plain']]) {
    const server = () => ({ ...endpoint, code_challenge_methods_supported: methods })
    const strict = start({ reply, server })
    await assert.rejects(strict.call(api), { code: 'pkce_unsupported', kind: 'unsupported' })
    assert.equal(strict.asked.length, 0)
    const lenient = start({ reply, server }, { requirePkce: false })
    assert.equal((await lenient.call(api)).status, 200)
  }
  const machines = start({ reply, server: () => ({ code_challenge_methods_supported: undefined }) })
  assert.equal((await machines.call(api)).status, 200)
})

test('resource fetch: if the API names another server, the client of that one is used', async () => {
  let servers = ['https://one.example', 'https://two.example']
  let valid = ''
  const issuers: Issuer[] = []
  const { call, asked, sent } = start(
    {
      reply: token => ({ status: token !== undefined && token === valid ? 200 : 401 }),
      metadata: () => ({ resource: api, authorization_servers: servers }),
    },
    {
      client(issuer) {
        issuers.push(issuer)
        return createClient({ issuer, client_id: `client of ${issuer.url}` })
      },
    },
  )
  valid = 'token-1'
  assert.equal((await call(api)).status, 200)
  // The server stays the same while the API names it.
  servers = ['https://two.example', 'https://one.example']
  valid = 'token-2'
  assert.equal((await call(api)).status, 200)
  servers = ['https://two.example']
  valid = 'token-3'
  assert.equal((await call(api)).status, 200)
  assert.deepEqual(
    asked.map(({ client }) => client.client_id),
    ['one', 'one', 'two'].map(name => `client of https://${name}.example`),
  )
  assert.equal(issuers[0], issuers[1])
  assert.deepEqual(sent, ['none', 'token-1', 'token-1', 'token-2', 'token-2', 'token-3'])
})

test('resource fetch: errors of the application reach the caller, and the next request asks again', async () => {
  let fails = true
  const { call } = start(
    { reply: token => ({ status: token === undefined ? 401 : 200 }) },
    {
      async authorize({ client }) {
        if (fails) throw new RangeError('no window')
        const same = async () => ({ ok: true, value: { access_token: 't', token_type: 'Bearer' } }) as const
        return { client, accessToken: same, renew: same }
      },
    },
  )
  for (let count = 0; count < 4; count++) await assert.rejects(call(api), RangeError)
  fails = false
  assert.equal((await call(api)).status, 200)
})

test('attack: a redirect is not followed, with or without a token', async () => {
  const { call, sent } = start({ reply: () => ({ status: 307 }) })
  await assert.rejects(call(api), { code: 'redirect_not_followed' })
  assert.equal((await call(api, { redirect: 'manual' })).status, 307)
  assert.deepEqual(sent, ['none', 'none'])
})

test('resource fetch: a resource that is not an https URL is a mistake of the caller', () => {
  for (const resource of ['http://api.example', 'api', 'https://api.example/#a', 'https://a:b@api.example'])
    assert.throws(() => createResourceFetch(resource, {} as ResourceFetchOptions), TypeError)
})
