/** Clients that publish their metadata at their `client_id` (draft-ietf-oauth-client-id-metadata-document-03). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import {
  documentCallback,
  documentOf,
  documentUrl,
  openDocumentServer,
  openTo,
  requestOf,
} from '../support/client-documents.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, assertErrorPage, signIn, verifier } from '../support/sign-in.ts'
import { basic, createTestServer, type TestServer } from '../support/tessera.ts'

const allow = { button: 'yes' }

/** Signs in, allows the client and redeems its code. */
async function connect(server: TestServer, client_id = documentUrl, changes: object = {}) {
  const browser = createBrowser(server)
  const redirect_uri = `${new URL(client_id).origin}/cb`
  const page = await browser.submit(await signIn(browser, requestOf(client_id, changes)), allow)
  const code = answerOf(page, redirect_uri).get('code') ?? ''
  const redeemed = await redeem(server, code, client_id)
  return { browser, code, tokens: redeemed }
}

const redeem = (server: TestServer, code: string, client_id = documentUrl, more: object = {}) =>
  server.token({
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: `${new URL(client_id).origin}/cb`,
    client_id,
    ...more,
  })
const refresh = (server: TestServer, refresh_token: string, client_id = documentUrl) =>
  server.token({ grant_type: 'refresh_token', refresh_token, client_id })

test('client documents: a URL is a client, from the authorization request to userinfo and revocation [CIMD §5]', async () => {
  const { server, asked } = await openDocumentServer()
  const { browser, tokens } = await connect(server)
  assert.equal(tokens.status, 200, JSON.stringify(tokens.json))
  assert.equal(asked.length, 1)
  assert.match(asked[0]?.headers.accept ?? '', /^application\/json/)

  const refreshed = await refresh(server, tokens.json.refresh_token)
  assert.equal(refreshed.status, 200)
  const { access_token } = refreshed.json
  const authorization = `Bearer ${access_token}`
  assert.equal(
    (await server.send('GET', '/connect/userinfo', { headers: { authorization } })).json.name,
    'Alice',
  )
  const consents = await browser.visit('/account/consents')
  assert.match(consents.text, /Notes \(app\.client\.example\)/)
  const revoked = await server.send('POST', '/connect/revocation', {
    form: { token: refreshed.json.refresh_token, client_id: documentUrl },
  })
  assert.equal(revoked.status, 200)
  assertRefused(await refresh(server, refreshed.json.refresh_token), 'invalid_grant', 'authorization_revoked')
  assert.equal(asked.length, 1)
})

test('client documents: both metadata documents say whether they are supported [CIMD §6]', async () => {
  const paths = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']
  const supported = async (server: TestServer) =>
    Promise.all(
      paths.map(async path => (await server.send('GET', path)).json.client_id_metadata_document_supported),
    )
  assert.deepEqual(await supported((await openDocumentServer()).server), [true, true])
  assert.deepEqual(await supported(await createTestServer({})), [undefined, undefined])
})

for (const [what, url] of [
  ['without a path', 'https://app.client.example'],
  ['with a fragment', `${documentUrl}#x`],
  ['with an empty fragment', `${documentUrl}#`],
  ['with a user name', 'https://user@app.client.example/oauth/client.json'],
  ['with an empty user name', 'https://@app.client.example/oauth/client.json'],
  ['with a dot segment', 'https://app.client.example/oauth/../oauth/client.json'],
  ['with an encoded dot segment', 'https://app.client.example/oauth/%2e/client.json'],
  ['with a backslash', 'https://app.client.example\\oauth/client.json'],
  ['with white space', 'https://app.client.example/oauth /client.json'],
  ['with a host that is not in ASCII', 'https://äpp.client.example/client.json'],
  ['with another spelling of an address', 'https://127.1/client.json'],
  ['with a dot at the end of the host', 'https://app.client.example./client.json'],
  ['that is too long', `https://app.client.example/${'x'.repeat(1000)}`],
  ['without https', 'http://app.client.example/oauth/client.json'],
] as const) {
  test(`client documents: a URL ${what} is not fetched [CIMD §3]`, async () => {
    const { server, asked } = await openDocumentServer()
    const path = requestOf(documentUrl, { client_id: url })
    assertErrorPage(await createBrowser(server).visit(path), 'unauthorized_client')
    assert.equal(server.reason(), url.startsWith('https:') ? 'client_document_unknown' : 'client_unknown')
    assert.deepEqual(asked, [])
  })
}

test('client documents: a port, a query and a short path are part of the URL [CIMD §3]', async () => {
  const { server, publish } = await openDocumentServer()
  for (const url of [
    'https://app.client.example:8443/c',
    'https://app.client.example/c?version=1',
    'https://app.client.example/',
  ]) {
    publish(url, { body: documentOf(url) })
    const page = await signIn(createBrowser(server), requestOf(url))
    assert.match(page.text, /Allow Notes/, url)
  }
})

test('client documents: a URL of 1024 characters works on every page and at every endpoint', async () => {
  const { server, publish } = await openDocumentServer()
  const long = `https://app.client.example/${'Ab3'.repeat(400)}`.slice(0, 1024)
  publish(long, { body: documentOf(long) })
  const { browser, tokens } = await connect(server, long)
  assert.equal(tokens.status, 200, JSON.stringify(tokens.json))
  assert.equal((await refresh(server, tokens.json.refresh_token, long)).status, 200)
  const pushed = await server.send('POST', '/connect/par', {
    form: requestOf(long).split('?')[1] ?? '',
  })
  assert.equal(pushed.status, 201)
  const path = `/connect/authorize?${new URLSearchParams({ client_id: long, request_uri: pushed.json.request_uri })}`
  assert.match((await browser.visit(path)).text, /Allow Notes/)
  const consents = await browser.visit('/account/consents')
  const removed = await browser.submit(consents, { button: 'revoke', client_id: long })
  assert.match(removed.text, /Notes/)
  assertRefused(
    await refresh(server, tokens.json.refresh_token, long),
    'invalid_grant',
    'authorization_revoked',
  )
})

const causes: Readonly<Record<string, string>> = {
  'another client_id': 'client_document_of_another_client',
  'no client_id': 'client_document_of_another_client',
  'a client_id with another port': 'client_document_of_another_client',
  'a secret': 'client_document_with_secret',
  'the end of a secret': 'client_document_with_secret',
  client_secret_post: 'client_document_with_secret',
  client_secret_jwt: 'client_document_with_secret',
  'only http redirect URIs': 'client_redirect_uri_invalid',
  'no redirect URI': 'client_redirect_uri_invalid',
  'keys at another host': 'client_document_keys_elsewhere',
  'no grant that is allowed': 'client_metadata_not_allowed',
  'no JSON': 'client_document_not_json',
  'no object': 'client_document_not_json',
  HTML: 'client_document_type_wrong',
  'the status 201': 'client_document_status_wrong',
  'the status 404': 'client_document_status_wrong',
  'a redirect': 'client_document_status_wrong',
  'more than 5 KB': 'outbound_too_large',
}

for (const [what, response] of [
  ['another client_id', { body: documentOf(`${documentUrl}/`) }],
  ['no client_id', { body: documentOf(documentUrl, { client_id: undefined }) }],
  ['a client_id with another port', { body: documentOf('https://app.client.example:443/oauth/client.json') }],
  ['a secret', { body: documentOf(documentUrl, { client_secret: 'x' }) }],
  ['the end of a secret', { body: documentOf(documentUrl, { client_secret_expires_at: 0 }) }],
  [
    'client_secret_post',
    { body: documentOf(documentUrl, { token_endpoint_auth_method: 'client_secret_post' }) },
  ],
  [
    'client_secret_jwt',
    { body: documentOf(documentUrl, { token_endpoint_auth_method: 'client_secret_jwt' }) },
  ],
  ['no redirect URI', { body: documentOf(documentUrl, { redirect_uris: [] }) }],
  [
    'only http redirect URIs',
    { body: documentOf(documentUrl, { redirect_uris: ['http://app.client.example/cb'] }) },
  ],
  [
    'a private key',
    { body: documentOf(documentUrl, { jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'eA', d: 'eA' }] } }) },
  ],
  [
    'keys at another host',
    {
      body: documentOf(documentUrl, {
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: 'https://other.example/keys',
      }),
    },
  ],
  [
    'private_key_jwt without keys',
    { body: documentOf(documentUrl, { token_endpoint_auth_method: 'private_key_jwt' }) },
  ],
  ['no grant that is allowed', { body: documentOf(documentUrl, { grant_types: ['client_credentials'] }) }],
  ['no JSON', { body: 'client_id' }],
  ['no object', { body: '[]' }],
  ['HTML', { headers: { 'content-type': 'text/html' }, body: documentOf() }],
  ['the status 201', { status: 201, body: documentOf() }],
  ['the status 404', { status: 404, body: documentOf() }],
  ['a redirect', { status: 302, headers: { location: 'https://other.example/c' }, body: documentOf() }],
  ['more than 5 KB', { body: documentOf(documentUrl, { more: 'x'.repeat(5000) }) }],
] as const) {
  test(`client documents: one with ${what} is refused, and fetched again for the next request [CIMD §4, §5]`, async () => {
    const { server, publish, asked } = await openDocumentServer()
    publish(documentUrl, response)
    assertErrorPage(await createBrowser(server).visit(requestOf()), 'unauthorized_client')
    assert.equal(server.reason(), 'client_document_unknown')
    const line = server.logged.find(({ event }) => event === 'client_document_refused')
    assert.equal(line?.client_id, documentUrl)
    assert.equal(line?.cause, causes[what] ?? 'client_metadata_invalid')
    // Neither errors nor invalid documents are cached (§5.2).
    publish(documentUrl, { body: documentOf() })
    assert.equal((await createBrowser(server).visit(requestOf())).status, 200)
    assert.equal(asked.length, 2)
    assert.ok(asked.every(({ url }) => url === documentUrl))
  })
}

test('client documents: more specific JSON types are accepted, and a method that is not named is none [CIMD §4]', async () => {
  const { server, publish } = await openDocumentServer()
  const headers = { 'content-type': 'application/oauth-client+json; charset=utf-8' }
  publish(documentUrl, { headers, body: documentOf(documentUrl, { token_endpoint_auth_method: undefined }) })
  assert.equal((await connect(server)).tokens.status, 200)
})

test('client documents: clients get what registered clients can have at most', async () => {
  const { server, publish, asked } = await openDocumentServer()
  publish(documentUrl, {
    body: documentOf(documentUrl, {
      scope: 'openid api1',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials', 'implicit', 'password'],
      response_types: ['code', 'token'],
      require_pkce: false,
      require_consent: false,
      access_token_lifetime: 1_000_000,
      sector_identifier_uri: 'https://victim.example/uris',
    }),
  })
  const browser = createBrowser(server)
  assertErrorPage(await browser.visit(requestOf(documentUrl, { scope: 'openid api1' })), 'invalid_scope')
  assertErrorPage(
    await browser.visit(requestOf(documentUrl, { scope: 'openid', response_type: 'token' })),
    'unsupported_response_type',
  )
  assertErrorPage(
    await browser.visit(
      requestOf(documentUrl, {
        scope: 'openid',
        code_challenge: undefined,
        code_challenge_method: undefined,
      }),
    ),
    'invalid_request',
  )
  const { tokens } = await connect(server, documentUrl, { scope: 'openid' })
  assert.equal(tokens.json.expires_in, 3600)
  const granted = await server.token({ grant_type: 'client_credentials', client_id: documentUrl })
  assert.equal(granted.json.error, 'unauthorized_client')
  assert.ok(asked.every(({ url }) => url === documentUrl))
})

test('client documents: with registered_scope "allowed", a client can request more than its document lists', async () => {
  for (const [registered_scope, expected] of [
    ['requested', undefined],
    ['allowed', 'openid profile'],
  ] as const) {
    const { server, publish } = await openDocumentServer(
      {},
      openTo({}, { allowed_scope: 'openid profile', registered_scope }),
    )
    publish(documentUrl, { body: documentOf(documentUrl, { scope: 'openid' }) })
    const request = requestOf(documentUrl, { scope: 'openid profile' })
    if (expected === undefined) assertErrorPage(await createBrowser(server).visit(request), 'invalid_scope')
    else assert.equal((await connect(server, documentUrl, { scope: expected })).tokens.json.scope, expected)
  }
})

test('client documents: the operator can allow the device grant, and its page shows the host', async () => {
  const device = 'urn:ietf:params:oauth:grant-type:device_code'
  const { server, publish } = await openDocumentServer({ allowed_grant_types: [device, 'refresh_token'] })
  publish(documentUrl, { body: documentOf(documentUrl, { grant_types: [device], redirect_uris: undefined }) })
  const asked = await server.send('POST', '/connect/deviceauthorization', {
    form: { client_id: documentUrl, scope: 'openid' },
  })
  assert.equal(asked.status, 200, asked.body)
  const { pathname, search } = new URL(asked.json.verification_uri_complete)
  const browser = createBrowser(server)
  const entered = await browser.visit(pathname + search)
  const page = await browser.submit(await browser.submit(entered, {}), {
    username: 'alice',
    password: 'wonderland',
    button: 'login',
  })
  assert.match(page.body, /<p class="host"><bdi>app\.client\.example<\/bdi>/)
})

test('client documents: a document is used as long as its headers say, within the operator’s bounds [RFC 9111 §4.2]', async () => {
  const date = 'Mon, 01 Jan 2035 00:00:00 GMT'
  for (const [headers, lifetime] of [
    [{}, 300],
    [{ 'cache-control': 'max-age=600' }, 600],
    [{ 'cache-control': 'Max-Age="600"', age: '400' }, 200],
    [{ 'cache-control': 'public, max-age=900, s-maxage=700' }, 700],
    [{ date, expires: 'Mon, 01 Jan 2035 00:20:00 GMT' }, 1200],
    [{ date, expires: '0' }, 100],
    [{ 'cache-control': 'max-age=x' }, 100],
    [{ 'cache-control': 'max-age=1' }, 100],
    [{ 'cache-control': 'no-store' }, 100],
    [{ 'cache-control': 'max-age=600, no-cache' }, 100],
    [{ 'cache-control': 'private, max-age=600' }, 100],
    [{ 'cache-control': 'max-age=99999999' }, 5000],
  ] as const) {
    const { server, publish, asked } = await openDocumentServer({
      min_cache_lifetime: 100,
      max_cache_lifetime: 5000,
    })
    publish(documentUrl, { headers, body: documentOf() })
    const what = JSON.stringify(headers)
    const visit = async () => assert.equal((await createBrowser(server).visit(requestOf())).status, 200, what)
    await visit()
    server.clock.advance(lifetime - 1)
    await visit()
    assert.equal(asked.length, 1, what)
    server.clock.advance(1)
    await visit()
    assert.equal(asked.length, 2, what)
  }
})

test('client documents: a stale document is revalidated with its validators [RFC 9110 §13.1, RFC 9111 §4.3]', async () => {
  const { server, publish, asked } = await openDocumentServer()
  const headers = { etag: '"v1"', 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }
  publish(documentUrl, { headers, body: documentOf() })
  const browser = createBrowser(server)
  await browser.visit(requestOf())
  server.clock.advance(300)
  publish(documentUrl, { status: 304, headers: { 'cache-control': 'max-age=1000' }, body: '' })
  assert.equal((await browser.visit(requestOf())).status, 200)
  assert.equal(asked[1]?.headers['if-none-match'], '"v1"')
  assert.equal(asked[1]?.headers['if-modified-since'], headers['last-modified'])
  server.clock.advance(999)
  assert.equal((await browser.visit(requestOf())).status, 200)
  assert.equal(asked.length, 2)
  // Without a known document, the status is an error.
  const other = 'https://app.client.example/other'
  publish(other, { status: 304, body: '' })
  assertErrorPage(await browser.visit(requestOf(other)), 'unauthorized_client')
})

test('client documents: validators of more than 256 characters are not remembered, and the document is fetched again', async () => {
  for (const [length, isSent] of [
    [256, true],
    [257, false],
    [7000, false],
  ] as const) {
    const { server, publish, asked } = await openDocumentServer()
    const text = 'x'.repeat(length)
    publish(documentUrl, { headers: { etag: text, 'last-modified': text }, body: documentOf() })
    const browser = createBrowser(server)
    assert.equal((await browser.visit(requestOf())).status, 200)
    server.clock.advance(300)
    assert.equal((await browser.visit(requestOf())).status, 200)
    assert.equal(asked.length, 2)
    for (const name of ['if-none-match', 'if-modified-since'])
      assert.equal(asked[1]?.headers[name] === text, isSent, `${name} ${length}`)
  }
})

test('client documents: while its host is away, a document is used until its longest lifetime ends [RFC 9111 §4.2.4]', async () => {
  const { server, away, publish } = await openDocumentServer({ max_cache_lifetime: 3600 })
  const { tokens } = await connect(server)
  away.add('app.client.example')
  server.clock.advance(3500)
  const refreshed = await refresh(server, tokens.json.refresh_token)
  assert.equal(refreshed.status, 200)
  server.clock.advance(100)
  // Not `invalid_client`: the client would throw its tokens away.
  assert.equal((await refresh(server, refreshed.json.refresh_token)).status, 503)
  assert.equal((await createBrowser(server).visit(requestOf())).status, 503)
  assert.ok(server.logged.some(({ event }) => event === 'client_document_unavailable'))
  away.clear()
  server.clock.advance(60)
  assert.equal((await refresh(server, refreshed.json.refresh_token)).status, 200)

  // Neither a firewall that refuses requests nor an unknown name says that the document is gone.
  publish(documentUrl, { status: 403, body: '' })
  server.clock.advance(300)
  assert.equal((await createBrowser(server).visit(requestOf())).status, 200)

  const strict = 'https://strict.example/c'
  publish(strict, { headers: { 'cache-control': 'max-age=60, must-revalidate' }, body: documentOf(strict) })
  await createBrowser(server).visit(requestOf(strict))
  away.add('strict.example')
  server.clock.advance(60)
  assert.equal((await createBrowser(server).visit(requestOf(strict))).status, 503)
})

test('client documents: simultaneous requests share one fetch', async () => {
  const { server, asked } = await openDocumentServer()
  const pages = await Promise.all(Array.from({ length: 20 }, () => createBrowser(server).visit(requestOf())))
  assert.ok(pages.every(({ status }) => status === 200))
  assert.equal(asked.length, 1)
})

test('client documents: only allowed hosts are asked, by name or below a domain, and blocked ones never', async () => {
  const hosts = {
    mode: 'allowed_hosts',
    allowed_hosts: [
      'app.client.example',
      '*.tools.example',
      'a.tools.example:8443',
      '*.b.tools.example:8443',
    ],
    blocked_hosts: ['bad.tools.example', 'a.tools.example:8443', '*.b.tools.example:8443'],
  }
  const { server, publish, asked } = await openDocumentServer(hosts)
  const visit = async (url: string) => {
    publish(url, { body: documentOf(url) })
    return (await createBrowser(server).visit(requestOf(url))).status
  }
  for (const url of [
    documentUrl,
    'https://a.tools.example/c',
    'https://a.b.tools.example/c',
    'https://APP.client.example/c',
  ])
    assert.equal(await visit(url), 200, url)
  const before = asked.length
  for (const url of [
    'https://tools.example/c',
    'https://eviltools.example/c',
    'https://client.example/c',
    'https://app.client.example.evil.example/c',
    'https://app.client.example:8443/c',
    'https://bad.tools.example/c',
    'https://bad.tools.example:8443/c',
    'https://a.tools.example:8443/c',
    'https://a.b.tools.example:8443/c',
  ]) {
    assert.equal(await visit(url), 400, url)
    assert.equal(server.reason(), 'client_document_unknown')
  }
  assert.equal(asked.length, before)
})

test('client documents: a blocked host is blocked on every port, unless the block names one', async () => {
  const { server, publish, asked } = await openDocumentServer({
    blocked_hosts: ['bad.example', '*.worse.example', 'partly.example:8443'],
  })
  for (const [url, status] of [
    ['https://bad.example/c', 400],
    ['https://bad.example:8443/c', 400],
    ['https://a.worse.example:8443/c', 400],
    ['https://partly.example:8443/c', 400],
    ['https://partly.example/c', 200],
    ['https://partly.example:9443/c', 200],
  ] as const) {
    publish(url, { body: documentOf(url) })
    assert.equal((await createBrowser(server).visit(requestOf(url))).status, status, url)
    assert.equal(
      asked.some(one => one.url === url),
      status === 200,
      url,
    )
  }
})

test('client documents: each tenant has its own policy', async () => {
  const { server, asked } = await openDocumentServer(
    { mode: 'off' },
    {
      tenants: [
        { name: 'acme', issuer: 'path', registration: { metadata_documents: { mode: 'open' } } },
        { name: 'globex', issuer: 'path' },
      ],
      users: [],
      identity_providers: [],
      clients: [],
    },
  )
  const at = (tenant: string) => createBrowser(server).visit(`/t/${tenant}${requestOf()}`)
  assert.equal((await at('acme')).status, 200)
  assert.equal((await at('globex')).status, 400)
  assert.equal((await createBrowser(server).visit(requestOf())).status, 400)
  assert.equal(asked.length, 1)
})

test('client documents: consent is remembered only for an allowed host, and only if the response goes to it', async () => {
  const other = { redirect_uris: [documentCallback, 'https://elsewhere.example/cb', 'http://127.0.0.1/cb'] }
  for (const [allowed_hosts, redirect_uri, asksAgain] of [
    [['app.client.example'], documentCallback, false],
    [['app.client.example'], 'https://elsewhere.example/cb', true],
    [['app.client.example'], 'http://127.0.0.1:4711/cb', true],
    [[], documentCallback, true],
  ] as const) {
    // The operator's defaults can't switch it off.
    const { server, publish } = await openDocumentServer({ allowed_hosts })
    publish(documentUrl, { body: documentOf(documentUrl, other) })
    const browser = createBrowser(server)
    const path = requestOf(documentUrl, { redirect_uri })
    const page = await signIn(browser, path)
    assert.equal(page.body.includes('name="remember"'), !asksAgain)
    await browser.submit(page, { button: 'yes', remember: 'yes' })
    const again = await browser.visit(path)
    if (asksAgain) assert.match(again.text, /Allow Notes/)
    else assert.ok(answerOf(again, redirect_uri).get('code'))
  }
})

test('client documents: without an allowed host, the user is asked even if registered clients need no consent', async () => {
  const hosts = await openDocumentServer(
    {},
    { registration: { metadata_documents: { mode: 'open' }, client_defaults: { require_consent: false } } },
  )
  const page = await signIn(createBrowser(hosts.server), requestOf())
  assert.match(page.text, /Allow Notes \(app\.client\.example\)/)
  const silent = await createBrowser(hosts.server).visit(requestOf(documentUrl, { prompt: 'none' }))
  assert.equal(answerOf(silent, documentCallback).get('error'), 'login_required')
})

test('client documents: the login and consent pages show the host, and where the response goes if that differs', async () => {
  const { server, publish } = await openDocumentServer()
  publish(documentUrl, {
    body: documentOf(documentUrl, {
      redirect_uris: [documentCallback, 'https://elsewhere.example/cb'],
      logo_uri: 'https://app.client.example/logo.png',
      client_name: 'Bank',
    }),
  })
  const browser = createBrowser(server)
  const login = await browser.visit(requestOf())
  assert.match(login.text, /Bank \(app\.client\.example\)/)
  const consent = await browser.submit(login, { username: 'alice', password: 'wonderland', button: 'login' })
  assert.match(consent.body, /<p class="host"><bdi>app\.client\.example<\/bdi>/)
  assert.match(consent.text, /its name is not verified/)
  assert.doesNotMatch(consent.body, /<strong>Your choice is sent/)
  // The logo would be loaded from an unknown host.
  assert.doesNotMatch(consent.body, /logo\.png/)
  assert.doesNotMatch(String(consent.headers['content-security-policy']), /app\.client\.example/)
  const elsewhere = await browser.visit(
    requestOf(documentUrl, { redirect_uri: 'https://elsewhere.example/cb' }),
  )
  assert.match(elsewhere.body, /<strong>Your choice is sent to elsewhere\.example\.<\/strong>/)
})

test('client documents: when documents are switched off or the host is blocked, tokens stop at once', async () => {
  for (const change of [
    { mode: 'off' },
    { blocked_hosts: ['app.client.example'] },
    { mode: 'allowed_hosts', allowed_hosts: ['other.example'] },
  ]) {
    const { server } = await openDocumentServer()
    const { tokens } = await connect(server)
    await server.reconfigure(openTo(change))
    assertRefused(await refresh(server, tokens.json.refresh_token), 'invalid_client', 'client_unknown')
    const headers = { authorization: `Bearer ${tokens.json.access_token}` }
    assert.equal((await server.send('GET', '/connect/userinfo', { headers })).status, 401)
    await server.reconfigure(openTo())
    assert.equal((await refresh(server, tokens.json.refresh_token)).status, 200)
  }
})

test('client documents: an operator revokes what was issued to a URL, and new tokens work', async () => {
  const { server } = await openDocumentServer()
  const { tokens } = await connect(server)
  server.clock.advance(1)
  assert.equal(await server.revokeClient(documentUrl), true)
  assertRefused(await refresh(server, tokens.json.refresh_token), 'invalid_grant', 'authorization_revoked')
  const headers = { authorization: `Bearer ${tokens.json.access_token}` }
  assert.equal((await server.send('GET', '/connect/userinfo', { headers })).status, 401)
  server.clock.advance(2)
  const again = await connect(server)
  assert.equal(again.tokens.status, 200)
  assert.equal((await refresh(server, again.tokens.json.refresh_token)).status, 200)
})

test('client documents: a configured client with the URL is used instead, and a disabled one refuses it', async () => {
  const configured = { ...documentOf(), client_name: 'Configured', enabled: true }
  const { server, asked } = await openDocumentServer({}, { clients: [configured] })
  assert.match((await createBrowser(server).visit(requestOf())).text, /Configured/)
  await server.reconfigure({ ...openTo(), clients: [{ ...configured, enabled: false }] })
  assertErrorPage(await createBrowser(server).visit(requestOf()), 'unauthorized_client')
  // Taking it out of the file does not bring the document into force.
  await server.reconfigure({ ...openTo(), clients: [] })
  assertErrorPage(await createBrowser(server).visit(requestOf()), 'unauthorized_client')
  assert.deepEqual(asked, [])
})

test('client documents: introspection knows the client, and scripts of allowed hosts may call the token endpoint', async () => {
  const api = {
    api_resources: [{ name: 'urn:api', scopes: ['api1'], api_secrets: [{ value: 'an-api-secret' }] }],
  }
  const { server, publish } = await openDocumentServer(
    {},
    {
      ...api,
      registration: {
        metadata_documents: { mode: 'open', blocked_hosts: ['bad.example'] },
        allowed_scope: 'openid profile offline_access api1',
      },
    },
  )
  publish(documentUrl, { body: documentOf(documentUrl, { scope: 'openid api1' }) })
  const { tokens } = await connect(server, documentUrl, { scope: 'openid api1' })
  const introspected = await server.send('POST', '/connect/introspect', {
    form: { token: tokens.json.access_token },
    headers: basic('urn:api', 'an-api-secret'),
  })
  assert.equal(introspected.json.client_id, documentUrl)
  const preflight = async (origin: string) =>
    (
      await server.send('OPTIONS', '/connect/token', {
        headers: { origin, 'access-control-request-method': 'POST' },
      })
    ).headers['access-control-allow-origin']
  assert.equal(await preflight('https://app.client.example'), 'https://app.client.example')
  assert.equal(await preflight('https://bad.example'), undefined)
})
