/** `fetch` for an API that names its server: sign-in and step-up by its challenges, at Tessera. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ClientError,
  type ClientInformation,
  createClient,
  createClientProvider,
  createResourceFetch,
  deleteRegistration,
  type ResourceAuthorization,
  unwrap,
} from '@tessera/client'
import { dpopScheme } from '@tessera/client/api'
import { createDpop } from '@tessera/client/dpop'
import { createBrowser } from '../support/browser.ts'
import { callback } from '../support/sign-in.ts'
import { resource, startResource } from './resource-world.ts'

const scopesOf = async (response: Response): Promise<readonly string[]> => {
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()).scopes
}
const scopesAsked = (asked: readonly ResourceAuthorization[]) => asked.map(({ scope }) => scope)

test('resource fetch: the challenge of an API leads to its server, a sign-in and a token for this API', async () => {
  const { call, called, asked, issuer, sent } = await startResource()
  assert.deepEqual(await scopesOf(await call(`${resource}/read`)), ['notes.read'])
  assert.deepEqual(called, [
    ['/mcp/read', undefined],
    ['/mcp/read', 'notes.read'],
  ])
  const [request] = asked
  assert.equal(request?.resource, resource)
  assert.equal(request?.scope, 'notes.read')
  assert.equal(request?.client.issuer.url, issuer)
  assert.deepEqual(request?.metadata.authorization_servers, [issuer])
  // RFC 8414 §3.1 comes first. The second document is that of the guard.
  assert.equal(sent[0]?.url, `${issuer}/.well-known/oauth-authorization-server`)
  // The next request has the token from the start.
  await call(new Request(`${resource}/read`))
  assert.deepEqual([called.length, asked.length], [3, 1])
})

test('resource fetch: a 403 leads to an authorization for all scopes that were and are needed, and the request is repeated [RFC 6750 §3.1]', async () => {
  const { call, called, asked } = await startResource()
  await call(`${resource}/read`)
  const init = { method: 'POST', body: 'a note' }
  const written = await call(`${resource}/write`, init)
  assert.deepEqual(await written.clone().json(), { scopes: ['notes.read', 'notes.write'], body: 'a note' })
  assert.deepEqual(scopesAsked(asked), ['notes.read', 'notes.read notes.write'])
  assert.deepEqual(called.slice(-2), [
    ['/mcp/write', 'notes.read'],
    ['/mcp/write', 'notes.read notes.write'],
  ])
  // The new token is used for other operations.
  assert.deepEqual(await scopesOf(await call(`${resource}/read`)), ['notes.read', 'notes.write'])
  assert.equal(asked.length, 2)
})

test('resource fetch: one sign-in and one step-up are enough for a request that needs several scopes', async () => {
  const { call, asked } = await startResource()
  assert.deepEqual(await scopesOf(await call(`${resource}/both`)), ['notes.read', 'notes.write'])
  assert.deepEqual(scopesAsked(asked), ['notes.read', 'notes.read notes.write'])
})

test('resource fetch: without a scope in the challenge, scopes_supported is requested; without that, no scope', async () => {
  const supporting = await startResource(
    {},
    { metadata: { scopes_supported: ['notes.read', 'notes.write'] } },
  )
  assert.deepEqual(await scopesOf(await supporting.call(resource)), ['notes.read', 'notes.write'])
  assert.deepEqual(scopesAsked(supporting.asked), ['notes.read notes.write'])
  const silent = await startResource()
  // The server grants the default scopes of the API.
  assert.deepEqual(await scopesOf(await silent.call(resource)), ['notes.read', 'offline_access'])
  assert.deepEqual(scopesAsked(silent.asked), [undefined])
})

test('resource fetch: a more recent sign-in is requested with its age, and the scopes of before [RFC 9470 §3]', async () => {
  const { call, asked, server } = await startResource()
  await call(`${resource}/write`)
  server.clock.advance(100)
  assert.equal((await call(`${resource}/recent`)).status, 200)
  assert.deepEqual(
    asked.map(({ scope, max_age }) => [scope, max_age]),
    [
      ['notes.write', undefined],
      ['notes.write notes.read', undefined],
      ['notes.write notes.read', 60],
    ],
  )
})

test('resource fetch: offline_access is requested if the server supports it, and not without other scopes', async () => {
  const { call, asked, server } = await startResource({ offlineAccess: true })
  await call(`${resource}/read`)
  assert.deepEqual(scopesAsked(asked), ['notes.read offline_access'])
  // The access token is refreshed without the user.
  server.clock.advance(4000)
  assert.deepEqual(await scopesOf(await call(`${resource}/read`)), ['notes.read', 'offline_access'])
  assert.equal(asked.length, 1)
  const silent = await startResource({ offlineAccess: true })
  await silent.call(resource)
  assert.deepEqual(scopesAsked(silent.asked), [undefined])
})

test('resource fetch: a session that has ended leads to a new sign-in with the same scopes', async () => {
  const { call, asked, server } = await startResource()
  await call(`${resource}/write`)
  server.clock.advance(4000)
  assert.deepEqual(await scopesOf(await call(`${resource}/read`)), ['notes.read', 'notes.write'])
  assert.deepEqual(scopesAsked(asked), ['notes.write', 'notes.write notes.read'])
})

for (const what of ['expired', 'is refused by the API'])
  test(`resource fetch: if the server deleted the client and the token ${what}, the client registers again`, async () => {
    const stored = new Map<string, ClientInformation>()
    let isRefused = false
    const world: Awaited<ReturnType<typeof startResource>> = await startResource({
      client: createClientProvider({
        fetch: (url, init) => world.serverFetch(url, init),
        registration: {
          redirect_uris: [callback],
          grant_types: ['authorization_code', 'refresh_token'],
          token_endpoint_auth_method: 'none',
        },
        store: {
          load: async issuer => stored.get(issuer),
          save: async (issuer, information) => void stored.set(issuer, information),
        },
      }),
      offlineAccess: true,
      fetch: async (input, init) => {
        const wasRefused = isRefused && new Headers(init?.headers).has('authorization')
        if (wasRefused) isRefused = false
        return wasRefused
          ? new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
          : world.fetch(input, init)
      },
    })
    const { call, asked, server } = world
    assert.equal((await call(`${resource}/read`)).status, 200)
    const [old] = [...stored.values()]
    const { issuer } = asked[0]!.client
    unwrap(await deleteRegistration(issuer, old!))
    if (what === 'expired') server.clock.advance(4000)
    else isRefused = true
    assert.equal((await call(`${resource}/read`)).status, 200)
    const ids = asked.map(({ client }) => client.client_id)
    assert.equal(ids.length, 2)
    assert.equal(ids[0], old?.client_id)
    assert.notEqual(ids[1], ids[0])
  })

test('resource fetch: a source from before is used first, with its scopes', async () => {
  const before = await startResource()
  await before.call(`${resource}/read`)
  const source = await before.authorize(before.asked[0] as ResourceAuthorization)
  const asked: ResourceAuthorization[] = []
  const call = createResourceFetch(resource, {
    client: () => source.client,
    authorize: async request => {
      asked.push(request)
      return before.authorize(request)
    },
    source,
    scope: 'notes.read',
    fetch: before.fetch,
    now: before.server.clock.now,
  })
  assert.equal((await call(`${resource}/read`)).status, 200)
  assert.equal(asked.length, 0)
  assert.equal((await call(`${resource}/write`)).status, 200)
  assert.deepEqual(scopesAsked(asked), ['notes.read notes.write'])
})

test('resource fetch: concurrent requests share one sign-in, and each gets what it needs', async () => {
  const { call, asked } = await startResource()
  const statuses = async (...paths: readonly string[]) =>
    Promise.all(paths.map(async path => (await call(resource + path)).status))
  assert.deepEqual(await statuses('/read', '/read', '/read', '/read'), [200, 200, 200, 200])
  assert.deepEqual(scopesAsked(asked), ['notes.read'])
  assert.deepEqual(await statuses('/write', '/delete', '/both', '/delete'), [200, 200, 200, 200])
  // Any of them may be refused first, and the one that needs both scopes then makes the other sign-in unnecessary.
  assert.deepEqual(scopesAsked(asked).at(-1)?.split(' ').toSorted(), [
    'notes.delete',
    'notes.read',
    'notes.write',
  ])
  assert.ok(asked.length <= 3, `${asked.length} sign-ins`)
})

test('resource fetch: a user who declines is asked again for a token, but not for more scope', async () => {
  let declines = true
  const world = await startResource({
    async authorize(request) {
      offered.push(request.scope)
      return declines ? undefined : world.authorize(request)
    },
  })
  const offered: (string | undefined)[] = []
  for (let count = 0; count < 4; count++) assert.equal((await world.call(`${resource}/read`)).status, 401)
  assert.equal(offered.length, 4)
  declines = false
  assert.equal((await world.call(`${resource}/read`)).status, 200)
  declines = true
  for (let count = 0; count < 4; count++) {
    const refused = await world.call(`${resource}/write`)
    assert.equal(refused.status, 403)
    assert.match(`${refused.headers.get('www-authenticate')}`, /insufficient_scope/)
  }
  assert.equal(offered.length, 7)
  // Other operations are not affected.
  declines = false
  assert.equal((await world.call(`${resource}/delete`)).status, 200)
  assert.equal((await world.call(`${resource}/read`)).status, 200)
})

test('resource fetch: scopes outside allowedScopes are not requested', async () => {
  const { call, asked } = await startResource(
    { allowedScopes: ['notes.read'] },
    { metadata: { scopes_supported: ['notes.read', 'notes.write'] } },
  )
  assert.deepEqual(await scopesOf(await call(resource)), ['notes.read'])
  assert.equal((await call(`${resource}/write`)).status, 403)
  assert.equal((await call(`${resource}/both`)).status, 403)
  assert.deepEqual(scopesAsked(asked), ['notes.read'])
})

test('resource fetch: only servers in issuers are used', async () => {
  const { call, asked, sent } = await startResource({ issuers: ['https://other.example'] })
  await assert.rejects(call(resource), { code: 'authorization_server_not_allowed', kind: 'policy' })
  assert.deepEqual([asked.length, sent.length], [0, 0])
})

test('resource fetch: no token and no request goes to URLs outside the API', async () => {
  const { call, called } = await startResource()
  await call(`${resource}/read`)
  const before = called.length
  for (const url of [
    'https://notes.example/',
    'https://notes.example/mcp2',
    'https://other.example/mcp',
    `${resource}/%2e%2e/x`,
  ])
    await assert.rejects(
      call(url),
      (error: unknown) => error instanceof ClientError && error.code === 'url_not_allowed',
    )
  assert.equal(called.length, before)
})

test('resource fetch: a body that is a stream is sent once, and its refusal is returned', async () => {
  const { call, asked } = await startResource()
  const body = new Blob(['a note']).stream()
  const response = await call(`${resource}/write`, { method: 'POST', body, duplex: 'half' } as RequestInit)
  assert.deepEqual([response.status, asked.length], [401, 0])
})

test('resource fetch: an aborted request does not wait for the sign-in', async () => {
  const aborting = new AbortController()
  const world = await startResource({
    authorize: async request => {
      aborting.abort()
      await createBrowser(world.server).visit('/')
      return world.authorize(request)
    },
  })
  await assert.rejects(world.call(`${resource}/read`, { signal: aborting.signal }), { kind: 'aborted' })
})

test('resource fetch: with DPoP, the challenge of that scheme leads to a step-up [RFC 9449 §7.1]', async () => {
  const time = { now: () => 0 }
  const proof = await createDpop(undefined, { now: () => time.now() })
  const world = await startResource(
    { client: issuer => createClient({ issuer, client_id: 'editor', proof, fetch: world.serverFetch }) },
    { schemes: [dpopScheme({ url: 'https://notes.example', now: () => time.now() })], requireBound: true },
  )
  time.now = world.server.clock.now
  assert.deepEqual(await scopesOf(await world.call(`${resource}/both`)), ['notes.read', 'notes.write'])
  assert.deepEqual(scopesAsked(world.asked), ['notes.read', 'notes.read notes.write'])
})
