/** Pushed authorization requests (RFC 9126). */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import { hashHandle } from '../../packages/server/src/core/handle.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import {
  alice,
  answerOf,
  assertErrorPage,
  callback,
  challenge,
  pagesWorld,
  signIn,
} from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { type Answer, basic, createTestServer, issuer, type TestServer } from '../support/tessera.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const configured = {
  ...pagesWorld,
  clients: [
    {
      client_id: 'web',
      client_secrets: [{ value: 's' }],
      redirect_uris: [callback],
      scope: 'openid api1',
      jwks: { keys: [await exportJWK(publicKey)] },
    },
    { client_id: 'spa', token_endpoint_auth_method: 'none', redirect_uris: [callback], scope: 'openid' },
    {
      client_id: 'pushing',
      client_secrets: [{ value: 's' }],
      redirect_uris: [callback],
      scope: 'openid',
      require_pushed_authorization_requests: true,
    },
  ],
}
const asked = {
  redirect_uri: callback,
  response_type: 'code',
  scope: 'openid',
  state: 'pushed',
  code_challenge: challenge,
  code_challenge_method: 'S256',
}

const push = (server: TestServer, form: object = {}, headers = basic('web', 's')): Promise<Answer> =>
  server.send('POST', '/connect/par', { form: { ...asked, ...form }, headers })

const authorize = (request_uri: string, more: object = {}): string =>
  `/connect/authorize?${new URLSearchParams({ client_id: 'web', request_uri, ...more })}`

const isLogin = (page: Page): boolean => page.form !== undefined && 'password' in page.form.fields

test('par: a client pushes its request and sends the browser with what it got [RFC 9126 §2, §4]', async () => {
  const server = await createTestServer(configured)
  const { status, headers, json } = await push(server)
  assert.equal(status, 201)
  assert.match(String(headers['cache-control']), /no-store/)
  assert.deepEqual(Object.keys(json), ['request_uri', 'expires_in'])
  assert.match(json.request_uri, /^urn:ietf:params:oauth:request_uri:tcp_[\w-]{52}$/)
  assert.equal(json.expires_in, 60)
  const answer = answerOf(await signIn(createBrowser(server), authorize(json.request_uri)))
  assert.equal(answer.get('state'), 'pushed')
  const { json: metadata } = await server.send('GET', '/.well-known/openid-configuration')
  assert.equal(metadata.pushed_authorization_request_endpoint, `${issuer}/connect/par`)
  assert.equal(metadata.require_pushed_authorization_requests, false)
})

test('par: what is sent beside the request_uri changes nothing', async () => {
  const server = await createTestServer(configured)
  const { request_uri } = (await push(server)).json
  const target = authorize(request_uri, {
    scope: 'openid api1',
    state: 'mine',
    redirect_uri: 'https://thief.example',
    prompt: 'none',
  })
  const page = await signIn(createBrowser(server), target)
  assert.equal(answerOf(page).get('state'), 'pushed')
})

test('par: a request_uri is used once, and the pages that it led to can be loaded again [RFC 9126 §7.3]', async () => {
  const server = await createTestServer(configured)
  const { request_uri } = (await push(server)).json
  const browser = createBrowser(server)
  const login = await browser.visit(authorize(request_uri))
  const again = await browser.visit(login.target)
  assert.ok(isLogin(again))
  assert.ok(answerOf(await browser.submit(again, alice)).get('code'))
  assertErrorPage(await createBrowser(server).visit(authorize(request_uri)), 'invalid_request_uri')
  assert.equal(server.reason(), 'pushed_request_unknown')
})

test('par: of many browsers at once one goes on', async () => {
  const server = await createTestServer(configured)
  const { request_uri } = (await push(server)).json
  const pages = await Promise.all(
    Array.from({ length: 20 }, () => createBrowser(server).visit(authorize(request_uri))),
  )
  assert.equal(pages.filter(isLogin).length, 1)
})

test("par: a request_uri ends, is its client's alone, and another client does not use it up", async () => {
  const server = await createTestServer(configured)
  const { request_uri } = (await push(server)).json
  assertErrorPage(
    await createBrowser(server).visit(authorize(request_uri, { client_id: 'spa' })),
    'invalid_request_uri',
  )
  assert.ok(isLogin(await createBrowser(server).visit(authorize(request_uri))))
  const late = (await push(server)).json.request_uri
  server.clock.advance(60)
  assertErrorPage(await createBrowser(server).visit(authorize(late)), 'invalid_request_uri')
  assertErrorPage(
    await createBrowser(server).visit(authorize(`${request_uri.slice(0, -1)}A`)),
    'invalid_request_uri',
  )
})

for (const [what, form, headers, expected] of [
  ['without a client', {}, {}, [401, 'invalid_client']],
  ['with a wrong secret [par-012]', {}, basic('web', 'wrong'), [401, 'invalid_client']],
  [
    'with a redirect URI that is not registered',
    { redirect_uri: 'https://thief.example' },
    undefined,
    [400, 'invalid_request'],
  ],
  ['with a scope that is not allowed', { scope: 'openid profile' }, undefined, [400, 'invalid_scope']],
  [
    'without PKCE',
    { code_challenge: undefined, code_challenge_method: undefined },
    undefined,
    [400, 'invalid_request'],
  ],
  ['without a response type', { response_type: undefined }, undefined, [400, 'invalid_request']],
  ['with a request_uri', { request_uri: 'https://a.example' }, undefined, [400, 'invalid_request']],
  ['with the client_id of another', { client_id: 'spa' }, undefined, [400, 'invalid_request']],
  ['with a broken request object', { request: 'x.y.z' }, undefined, [400, 'invalid_request_object']],
] as const) {
  test(`par: a request ${what} is refused at once [RFC 9126 §2.3]`, async () => {
    const server = await createTestServer(configured)
    const { status, json } = await push(server, form, headers as ReturnType<typeof basic> | undefined)
    assert.deepEqual([status, json.error], expected)
  })
}

test('par: only POST of a form', async () => {
  const server = await createTestServer(configured)
  assert.equal((await server.send('GET', '/connect/par')).status, 405)
  const { status, json } = await server.send('POST', '/connect/par', {
    headers: { ...basic('web', 's'), 'content-type': 'application/json' },
    body: '{}',
  })
  assert.deepEqual([status, json.error], [400, 'invalid_request'])
})

test('par: a public client pushes too', async () => {
  const server = await createTestServer(configured)
  const { json } = await push(server, { client_id: 'spa' }, {} as ReturnType<typeof basic>)
  assert.ok(isLogin(await createBrowser(server).visit(authorize(json.request_uri, { client_id: 'spa' }))))
})

test('par: a request object is pushed by value [RFC 9126 §3]', async () => {
  const server = await createTestServer(configured)
  const request = await new SignJWT({ ...asked, client_id: 'web', iss: 'web', aud: issuer, state: 'within' })
    .setProtectedHeader({ alg: 'ES256', typ: 'oauth-authz-req+jwt' })
    .sign(privateKey)
  const { json, status } = await server.send('POST', '/connect/par', {
    form: { request },
    headers: basic('web', 's'),
  })
  assert.equal(status, 201)
  assert.equal(
    answerOf(await signIn(createBrowser(server), authorize(json.request_uri))).get('state'),
    'within',
  )
})

test('par: where pushing is required, by the client or by the server, nothing else is taken [RFC 9126 §5, §6]', async () => {
  const server = await createTestServer(configured)
  const directly = (client_id: string) => `/connect/authorize?${new URLSearchParams({ ...asked, client_id })}`
  assert.equal(
    answerOf(await createBrowser(server).visit(directly('pushing'))).get('error'),
    'invalid_request',
  )
  const { request_uri } = (await push(server, {}, basic('pushing', 's'))).json
  assert.ok(isLogin(await createBrowser(server).visit(authorize(request_uri, { client_id: 'pushing' }))))
  const all = await createTestServer({
    ...configured,
    authorization_requests: { require_pushed: true, pushed_lifetime: 30 },
  })
  assert.equal(answerOf(await createBrowser(all).visit(directly('web'))).get('error'), 'invalid_request')
  assert.equal((await push(all)).json.expires_in, 30)
})

test('par: what was pushed survives a restart, and is used once by two processes', async () => {
  const { open } = await beginShared()
  const houses = [await open(), await open()] as const
  const [one, two] = [
    await createTestServer(configured, { storehouse: houses[0] }),
    await createTestServer(configured, { storehouse: houses[1] }),
  ]
  const { request_uri } = (await push(one)).json
  const pages = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      createBrowser(index % 2 ? one : two).visit(authorize(request_uri)),
    ),
  )
  assert.equal(pages.filter(isLogin).length, 1)
  const kept = (await push(one)).json.request_uri
  const again = await createTestServer(configured, { storehouse: houses[1] })
  assert.ok(isLogin(await createBrowser(again).visit(authorize(kept))))
})

/** As a dump or a backup of the store would show it. */
const storedOf = (server: TestServer, request_uri: string): Promise<string | undefined> =>
  server.stores.pushedRequests.take(hashOf(request_uri), 'web', server.clock.now())

const hashOf = (request_uri: string) => hashHandle(request_uri.split(':').at(-1) ?? '')

test('par: the stored row reveals nothing of the request, not even the user that the client expects', async () => {
  const server = await createTestServer(configured)
  const personal = { login_hint: 'alice@example.com', state: 'a-state-to-find' }
  const { request_uri } = (await push(server, personal)).json
  const stored = String(await storedOf(server, request_uri))
  const spellings = Object.values({ ...asked, ...personal }).flatMap(value => [
    value,
    encodeURIComponent(value),
  ])
  const readable = [
    stored,
    Buffer.from(stored.slice(stored.indexOf(':') + 1), 'base64url').toString('latin1'),
  ]
  for (const value of spellings.filter(({ length }) => length > 6))
    assert.ok(!readable.some(text => text.includes(value)), value)
})

test('par: what was stored for one request_uri is worth nothing under another', async () => {
  const server = await createTestServer(configured)
  const [one, two] = [(await push(server)).json.request_uri, (await push(server)).json.request_uri]
  const parameters = String(await storedOf(server, one))
  await storedOf(server, two)
  const expires_at = server.clock.now() + 60
  await server.stores.pushedRequests.add({ hash: hashOf(two), client_id: 'web', parameters, expires_at })
  const page = await createBrowser(server).visit(authorize(two))
  assert.equal(page.status, 400)
  assert.equal(server.reason(), 'pushed_request_unknown')
})

test('par: what a node of an earlier version stored in clear is still taken', async () => {
  const server = await createTestServer(configured)
  const handle = `tcp_${'a'.repeat(43)}`
  await server.stores.pushedRequests.add({
    hash: hashHandle(handle),
    client_id: 'web',
    parameters: new URLSearchParams({ ...asked, client_id: 'web' }).toString(),
    expires_at: server.clock.now() + 60,
  })
  const page = await createBrowser(server).visit(authorize(`urn:ietf:params:oauth:request_uri:${handle}`))
  assert.ok(isLogin(page))
})
