/** Pushed authorization requests (RFC 9126). */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import {
  alice,
  answerOf,
  assertErrorPage,
  callback,
  challenge,
  pagesWorld,
  signIn,
  verifier,
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

/** A signed-in browser, and where it is redirected. */
type SignedIn = Browser & { readonly target: string }

const isLogin = (page: Page): boolean => page.form !== undefined && 'password' in page.form.fields

test('par: a client pushes its request and redirects the browser with the request_uri [RFC 9126 §2, §4]', async () => {
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

test('par: additional parameters next to the request_uri have no effect', async () => {
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

test('par: a request_uri is consumed by issuing its code, not by loading pages [RFC 9126 §4, §7.3; FAPI 2.0 §5.3.2.2]', async () => {
  const server = await createTestServer(configured)
  const { request_uri } = (await push(server)).json
  const browser = createBrowser(server)
  await browser.visit(authorize(request_uri))
  await createBrowser(server).visit(authorize(request_uri))
  const login = await browser.visit(authorize(request_uri))
  const again = await browser.visit(login.target)
  assert.ok(isLogin(again))
  assert.ok(answerOf(await browser.submit(again, alice)).get('code'))
  for (const one of [browser, createBrowser(server)]) {
    assertErrorPage(await one.visit(authorize(request_uri)), 'invalid_request_uri')
    assert.equal(server.reason(), 'pushed_request_used')
  }
})

for (const [what, ask] of [
  ['HEAD', browser => browser.request('HEAD', browser.target)],
  [
    'a prefetch',
    browser => browser.request('GET', browser.target, { headers: { 'sec-purpose': 'prefetch' } }),
  ],
  [
    'an older prefetch',
    browser => browser.request('GET', browser.target, { headers: { purpose: 'prefetch' } }),
  ],
] as const satisfies readonly (readonly [string, (browser: SignedIn) => Promise<Page>])[]) {
  test(`par: ${what} consumes nothing, even in a signed-in browser`, async () => {
    const server = await createTestServer(configured)
    const browser = createBrowser(server)
    await signIn(browser, authorize((await push(server)).json.request_uri))
    const target = authorize((await push(server)).json.request_uri)
    const { status, location, body } = await ask({ ...browser, target })
    assert.deepEqual([status, location], [what === 'HEAD' ? 200 : 503, undefined])
    assert.doesNotMatch(body, /code/)
    assert.ok(answerOf(await browser.visit(target)).get('code'))
  })
}

test('par: of many pages for one request, one yields a code, and the others a clear error', async () => {
  const server = await createTestServer(configured)
  const { request_uri } = (await push(server)).json
  const browsers = Array.from({ length: 20 }, () => createBrowser(server))
  const logins = await Promise.all(browsers.map(browser => browser.visit(authorize(request_uri))))
  const pages = await Promise.all(browsers.map((browser, index) => browser.submit(logins[index]!, alice)))
  const answers = pages.map(page => answerOf(page))
  assert.equal(answers.filter(answer => answer.has('code')).length, 1)
  assert.equal(answers.filter(answer => answer.get('error') === 'invalid_request_uri').length, 19)
  assert.equal(server.reason(), 'pushed_request_used')
})

test('par: returning to the login page after the code, and signing in again, yields no second code', async () => {
  const server = await createTestServer(configured)
  const browser = createBrowser(server)
  const login = await browser.visit(authorize((await push(server)).json.request_uri))
  const { code, ...rest } = Object.fromEntries(answerOf(await browser.submit(login, alice)))
  assert.ok(code)
  assert.equal(rest.state, 'pushed')
  const again = answerOf(await browser.submit(await browser.visit(login.target), alice))
  assert.deepEqual(
    [again.get('error'), again.get('state'), again.get('code')],
    ['invalid_request_uri', 'pushed', null],
  )
  assert.equal(server.reason(), 'pushed_request_used')
  const { status } = await server.token(
    { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier },
    { client: ['web', 's'] },
  )
  assert.equal(status, 200)
})

test('par: tokens without a code consume the request too', async () => {
  const server = await createTestServer({
    ...configured,
    clients: [
      ...configured.clients,
      {
        client_id: 'page',
        client_secrets: [{ value: 's' }],
        redirect_uris: [callback],
        scope: 'openid',
        grant_types: ['implicit'],
        response_types: ['id_token'],
      },
    ],
  })
  const { json } = await push(server, { response_type: 'id_token', nonce: 'n' }, basic('page', 's'))
  const target = authorize(json.request_uri, { client_id: 'page' })
  const browsers = [createBrowser(server), createBrowser(server)] as const
  const logins = await Promise.all(browsers.map(browser => browser.visit(target)))
  const answers = []
  for (const [index, browser] of browsers.entries()) {
    const page = await browser.submit(logins[index]!, alice)
    answers.push(answerOf(page))
  }
  assert.ok(answers[0]?.get('id_token'))
  assert.deepEqual([answers[1]?.get('error'), answers[1]?.get('id_token')], ['invalid_request_uri', null])
})

test('par: a request_uri that expires while its user is at the login page still yields a code, once', async () => {
  const server = await createTestServer(configured)
  const { request_uri } = (await push(server)).json
  const [one, two] = [createBrowser(server), createBrowser(server)]
  const [first, second] = [await one.visit(authorize(request_uri)), await two.visit(authorize(request_uri))]
  server.clock.advance(50 * 60)
  await server.stores.cleanUp(server.clock.now())
  assert.ok(answerOf(await one.submit(first, alice)).get('code'))
  server.clock.advance(5 * 60)
  await server.stores.cleanUp(server.clock.now())
  assert.equal(answerOf(await two.submit(second, alice)).get('error'), 'invalid_request_uri')
})

test('par: a request_uri expires, belongs to its client alone, and another client does not consume it', async () => {
  const server = await createTestServer(configured)
  const { request_uri } = (await push(server)).json
  assertErrorPage(
    await createBrowser(server).visit(authorize(request_uri, { client_id: 'spa' })),
    'invalid_request_uri',
  )
  const other = `${request_uri.slice(0, -8)}AAAAAAAA`
  assertErrorPage(await createBrowser(server).visit(authorize(other)), 'invalid_request_uri')
  assert.ok(isLogin(await createBrowser(server).visit(authorize(request_uri))))
  const late = (await push(server)).json.request_uri
  server.clock.advance(60)
  assertErrorPage(await createBrowser(server).visit(authorize(late)), 'invalid_request_uri')
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
  ['with a malformed request object', { request: 'x.y.z' }, undefined, [400, 'invalid_request_object']],
] as const) {
  test(`par: a request ${what} is refused immediately [RFC 9126 §2.3]`, async () => {
    const server = await createTestServer(configured)
    const { status, json } = await push(server, form, headers as ReturnType<typeof basic> | undefined)
    assert.deepEqual([status, json.error], expected)
  })
}

test('par: only POST with a form is accepted', async () => {
  const server = await createTestServer(configured)
  assert.equal((await server.send('GET', '/connect/par')).status, 405)
  const { status, json } = await server.send('POST', '/connect/par', {
    headers: { ...basic('web', 's'), 'content-type': 'application/json' },
    body: '{}',
  })
  assert.deepEqual([status, json.error], [400, 'invalid_request'])
})

test('par: a public client can push', async () => {
  const server = await createTestServer(configured)
  const { json } = await push(server, { client_id: 'spa' }, {} as ReturnType<typeof basic>)
  assert.ok(isLogin(await createBrowser(server).visit(authorize(json.request_uri, { client_id: 'spa' }))))
})

test('par: a request object can be pushed by value [RFC 9126 §3]', async () => {
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

test('par: if the client or the server requires pushed requests, others are refused [RFC 9126 §5, §6]', async () => {
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

test('par: a pushed request survives a restart, and yields one code when two processes race', async () => {
  const { open } = await beginShared()
  const nodes = [await open(), await open()] as const
  const [one, two] = [
    await createTestServer(configured, { tenantStores: nodes[0] }),
    await createTestServer(configured, { tenantStores: nodes[1] }),
  ]
  const { request_uri } = (await push(one)).json
  const browsers = Array.from({ length: 10 }, (_, index) => createBrowser(index % 2 ? one : two))
  const logins = await Promise.all(browsers.map(browser => browser.visit(authorize(request_uri))))
  const pages = await Promise.all(browsers.map((browser, index) => browser.submit(logins[index]!, alice)))
  assert.equal(pages.filter(page => answerOf(page).has('code')).length, 1)
  const kept = (await push(one)).json.request_uri
  const again = await createTestServer(configured, { tenantStores: nodes[1] })
  assert.ok(isLogin(await createBrowser(again).visit(authorize(kept))))
})

/** As a dump or a backup of the store would contain it. */
const storedOf = async (server: TestServer, request_uri: string): Promise<string | undefined> =>
  (await server.stores.pushedRequests.find(hashOf(request_uri), 'web', server.clock.now()))?.parameters

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

test('par: the row stored for one request_uri is useless under another', async () => {
  const server = await createTestServer(configured)
  const { request_uri } = (await push(server)).json
  const parameters = String(await storedOf(server, request_uri))
  const other = `tcp_${'a'.repeat(43)}`
  const expires_at = server.clock.now() + 60
  await server.stores.pushedRequests.add({
    hash: hashHandle(other),
    client_id: 'web',
    parameters,
    expires_at,
  })
  const page = await createBrowser(server).visit(authorize(`urn:ietf:params:oauth:request_uri:${other}`))
  assert.equal(page.status, 400)
  assert.equal(server.reason(), 'pushed_request_unknown')
})

test('par: a request that an older version stored unencrypted is still accepted', async () => {
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
