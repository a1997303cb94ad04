/** Native applications: private-use schemes, loopback addresses and claimed https (RFC 8252). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { manage, register } from '../support/registering.ts'
import { answerOf, authorizePath, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'

const open = { token_endpoint_auth_method: 'none' } as const
const native = { ...open, application_type: 'native', scope: 'openid profile' } as const

const serving = (client: object, registration: object = {}) =>
  createTestServer({
    ...pagesWorld,
    clients: [{ client_id: 'native', client_name: 'Native', scope: 'openid api1', ...client }],
    registration: { mode: 'open', max_requests_per_hour: 1000, ...registration },
  })

const ask = (redirect_uri: string, more: Readonly<Record<string, string | undefined>> = {}) =>
  authorizePath({ client_id: 'native', scope: 'openid', redirect_uri, ...more })

const asksConsent = (page: Page): boolean => page.target.startsWith('/consent')

const assertLeadsTo = ({ location }: Page, start: string): void =>
  assert.equal(location?.slice(0, start.length), start)

const redeem = (server: TestServer, code: string, redirect_uri: string, more: object = {}) =>
  server.token({
    ...{ grant_type: 'authorization_code', client_id: 'native', code, redirect_uri },
    code_verifier: verifier,
    ...more,
  })

/** Redirect URIs of native applications, as observed. */
const schemes = [
  'myapp://callback',
  'audiobookshelf://oauth',
  'oc://android.owncloud.com',
  'cursor://anysphere.cursor-retrieval/oauth/user-1/callback',
  'vscode://vendor.extension/did-authenticate',
  'com.example.app:/cb',
  'com.example.app://cb',
  'com.googleusercontent.apps.123-abc:/oauth2redirect',
  'MyApp://CallBack/%7Euser?x=%20&y=a+b',
  'exp://127.0.0.1:19000/--/',
  'capacitor://localhost/cb',
  'ms-app://s-1-15-2-123/',
  'msal0000-1111://auth',
  'myapp:',
  'myapp://',
  'myapp:/?',
  'web+app:cb',
] as const

for (const uri of schemes) {
  test(`native: ${uri} gets its response as registered [RFC 8252 §7.1]`, async () => {
    const server = await serving({ ...open, redirect_uris: [uri] })
    const browser = createBrowser(server)
    const page = await signIn(browser, ask(uri))
    const done = asksConsent(page) ? await browser.submit(page, { button: 'yes' }) : page
    const separator = uri.includes('?') ? '&' : '?'
    assertLeadsTo(done, `${uri}${separator}code=`)
    const answer = new URLSearchParams(done.location?.slice(uri.length + 1))
    assert.equal(answer.get('state'), 'a state & more')
    assert.equal(answer.get('iss'), issuer)
    assert.equal((await redeem(server, answer.get('code') ?? '', uri)).status, 200)

    const fragment = await browser.visit(ask(uri, { response_mode: 'fragment' }))
    const again = asksConsent(fragment) ? await browser.submit(fragment, { button: 'yes' }) : fragment
    assertLeadsTo(again, `${uri}#code=`)

    const form = await browser.request('GET', ask(uri, { response_mode: 'form_post' }))
    assert.equal(form.reason, 'response_mode_form_post')
    assertLeadsTo(form, `${uri}${separator}error=invalid_request`)
  })
}

test('consent: an application with a scheme without a dot needs consent each time, and the page shows the scheme [RFC 8252 §8.6]', async () => {
  const uri = 'myapp://callback'
  const server = await serving({ ...open, redirect_uris: [uri, callback], require_consent: true })
  const browser = createBrowser(server)
  const answerTo = async (page: Page, redirectUri: string) =>
    answerOf(await browser.submit(page, { button: 'yes', remember: 'yes' }), redirectUri)

  const first = await signIn(browser, ask(uri))
  for (const page of [first, await browser.visit(ask(uri))]) {
    assert.ok(asksConsent(page))
    assert.match(page.text, /the application on this device that opens myapp: links/)
    assert.doesNotMatch(page.text, /Remember my choice/)
    assert.ok((await answerTo(page, uri)).get('code'))
  }
  const silent = answerOf(await browser.visit(ask(uri, { prompt: 'none' })), uri)
  assert.equal(silent.get('error'), 'consent_required')

  // Remembered consent for an https address counts there only.
  const web = await browser.visit(ask(callback))
  assert.match(web.text, /Your choice is sent to app\.example/)
  assert.match(web.text, /Remember my choice/)
  await answerTo(web, callback)
  assert.ok(answerOf(await browser.visit(ask(callback))).get('code'))
  assert.ok(asksConsent(await browser.visit(ask(uri))))
})

test('consent: with a reversed domain name, configured clients follow require_consent and registered ones ask each time', async () => {
  const uri = 'com.example.app:/cb'
  const server = await serving(
    { ...open, redirect_uris: [uri] },
    { client_defaults: { require_consent: false } },
  )
  const browser = createBrowser(server)
  assert.ok(answerOf(await signIn(browser, ask(uri)), uri).get('code'))
  const { client_id } = (await register(server, { ...native, redirect_uris: [uri] })).json
  for (const _ of [1, 2]) {
    const page = await browser.visit(ask(uri, { client_id }))
    assert.ok(asksConsent(page))
    assert.match(page.text, /com\.example\.app: links/)
    assert.ok(answerOf(await browser.submit(page, { button: 'yes', remember: 'yes' }), uri).get('code'))
  }
})

test('native: a refusal returns to the application, but users are not sent to an application that they do not know yet [RFC 9700 §4.11.2]', async () => {
  const uri = 'cursor://anysphere.cursor-mcp/oauth/callback'
  const server = await serving({ ...open, redirect_uris: [uri] })
  const browser = createBrowser(server)
  const page = await signIn(browser, ask(uri))
  const answer = answerOf(await browser.submit(page, { button: 'no' }), uri)
  assert.equal(answer.get('error'), 'access_denied')

  const { client_id } = (await register(server, { ...native, redirect_uris: [uri] })).json
  const wrong = ask(uri, { client_id, max_age: 'soon' })
  const stranger = await createBrowser(server).request('GET', wrong)
  assert.deepEqual([stranger.status, stranger.location], [400, undefined])
  assert.equal(stranger.reason, 'max_age_malformed')
  await browser.submit(await browser.visit(ask(uri, { client_id })), { button: 'yes' })
  assert.equal(answerOf(await browser.request('GET', wrong), uri).get('error'), 'invalid_request')
})

test('consent: the page shows the scheme in every language', async () => {
  const server = await serving({ ...open, redirect_uris: ['myapp://cb'] })
  const browser = createBrowser(server)
  await signIn(browser, ask('myapp://cb'))
  for (const ui_locales of ['ar', 'de', 'en', 'es', 'fr', 'ja', 'pt', 'zh-Hans']) {
    const page = await browser.visit(ask('myapp://cb', { ui_locales }))
    assert.match(page.text, /myapp:/, ui_locales)
  }
})

test('pkce: a response to a private-use scheme needs a code challenge, regardless of the configuration [RFC 8252 §8.1]', async () => {
  const confidential = { client_secrets: [{ value: 'a-secret-that-is-in-each-copy' }], require_pkce: false }
  for (const uri of ['com.example.app:/cb', 'oc://android.owncloud.com']) {
    const server = await serving({ ...confidential, redirect_uris: [uri, callback] })
    const without = { code_challenge: undefined, code_challenge_method: undefined }
    const browser = createBrowser(server)
    const refused = await browser.request('GET', ask(uri, without))
    assert.equal(refused.reason, 'code_challenge_missing')
    assertLeadsTo(refused, `${uri}?error=invalid_request`)
    assert.ok(answerOf(await signIn(browser, ask(callback, without)), callback).get('code'))
    const page = await browser.visit(ask(uri))
    const done = asksConsent(page) ? await browser.submit(page, { button: 'yes' }) : page
    const code = answerOf(done, uri).get('code') ?? ''
    const client_secret = 'a-secret-that-is-in-each-copy'
    assert.equal((await redeem(server, code, uri, { client_secret })).status, 200)
  }
})

test('endsession: the browser returns to an application, at any loopback port or by its scheme [RFC 8252 §7]', async () => {
  const uris = [
    'http://127.0.0.1:8080/bye',
    'http://localhost/bye',
    'myapp://bye',
    'com.example.app:/bye?x=1',
  ]
  const server = await serving({
    ...open,
    redirect_uris: [callback],
    post_logout_redirect_uris: uris,
  })
  for (const [uri, expected] of [
    ['http://127.0.0.1:4711/bye', 'http://127.0.0.1:4711/bye?state=s'],
    ['http://localhost:4711/bye', 'http://localhost:4711/bye?state=s'],
    ['myapp://bye', 'myapp://bye?state=s'],
    ['com.example.app:/bye?x=1', 'com.example.app:/bye?x=1&state=s'],
  ] as const) {
    const browser = createBrowser(server)
    const code = answerOf(await signIn(browser, ask(callback)), callback).get('code') ?? ''
    const { id_token } = (await redeem(server, code, callback)).json
    const parameters = { id_token_hint: id_token, post_logout_redirect_uri: uri, state: 's' }
    const page = await browser.visit(`/connect/endsession?${new URLSearchParams(parameters)}`)
    assert.equal(page.location, expected)
  }
})

test('native: a loopback address may use another port at each sign-in, and the token request must use the same [RFC 8252 §7.3]', async () => {
  const server = await serving({
    ...open,
    redirect_uris: ['http://127.0.0.1:33418/', 'http://localhost:33418/callback'],
  })
  const browser = createBrowser(server)
  for (const form of ['http://127.0.0.1:PORT/', 'http://localhost:PORT/callback']) {
    const at = (port: number) => form.replace('PORT', String(port))
    const codeAt = async (port: number) =>
      answerOf(await signInOnce(browser, ask(at(port))), at(port)).get('code') ?? ''
    assert.equal((await redeem(server, await codeAt(50_001), at(50_001))).status, 200)
    const stolen = await redeem(server, await codeAt(50_002), at(50_001))
    assertRefused(stolen, 'invalid_grant', 'redirect_uri_differs')
    const asRegistered = await redeem(server, await codeAt(50_003), at(33_418))
    assertRefused(asRegistered, 'invalid_grant', 'redirect_uri_differs')
  }
})

const signInOnce = async (browser: ReturnType<typeof createBrowser>, path: string): Promise<Page> => {
  const page = await browser.visit(path)
  return page.form
    ? browser.submit(page, { username: 'alice', password: 'wonderland', button: 'login' })
    : page
}

/** The metadata that a client sends to register, and which of it is registered; undefined: nothing, the registration is refused. */
const registrations: readonly (readonly [
  what: string,
  metadata: object,
  uris: readonly string[],
  kept: readonly string[] | undefined,
  allowed?: 'any' | readonly string[],
])[] = [
  [
    'an editor',
    open,
    ['cursor://anysphere.cursor-mcp/oauth/callback'],
    ['cursor://anysphere.cursor-mcp/oauth/callback'],
  ],
  [
    'an editor with all kinds of redirect URIs',
    { ...open, application_type: 'native' },
    ['https://vscode.dev/redirect', 'http://127.0.0.1/', 'http://127.0.0.1:33418/', 'vscode://x.y/cb'],
    ['https://vscode.dev/redirect', 'http://127.0.0.1/', 'http://127.0.0.1:33418/', 'vscode://x.y/cb'],
  ],
  ['an editor in capitals', open, ['Cursor://x/cb'], ['Cursor://x/cb']],
  ['another application', open, ['myapp://cb', 'http://localhost/cb'], ['http://localhost/cb']],
  ['another application alone', open, ['myapp://cb'], undefined],
  [
    'another application that the operator allows',
    open,
    ['myapp://cb', 'cursor://x'],
    ['myapp://cb'],
    ['myapp'],
  ],
  [
    'any application if any scheme is allowed',
    open,
    ['myapp://cb', 'vscode://x', 'cursor://x'],
    ['myapp://cb', 'vscode://x', 'cursor://x'],
    'any',
  ],
  [
    'a known scheme of another kind if any scheme is allowed',
    open,
    ['spotify://cb', 'steam://cb', 'zoommtg://cb', 'onenote:cb'],
    ['zoommtg://cb'],
    'any',
  ],
  [
    'a registered scheme with a dot',
    open,
    ['soap.beep://cb', 'microsoft.windows.camera:cb', 'com.example:/cb'],
    ['com.example:/cb'],
    'any',
  ],
  [
    'a known scheme of another kind that the operator allows',
    open,
    ['spotify://cb'],
    ['spotify://cb'],
    ['spotify'],
  ],
  [
    'no private-use scheme if none is allowed',
    open,
    ['cursor://cb', 'com.example.app:/cb'],
    ['com.example.app:/cb'],
    [],
  ],
  [
    'schemes that run code, if any scheme is allowed',
    open,
    [
      'javascript:alert(1)',
      'data:text/html,x',
      'vbscript:x',
      'file:///x',
      'blob:https://a.example/x',
      'about:blank',
      'view-source:https://a.example',
      'chrome://settings',
      'chrome-extension://x/cb',
      'intent://x',
      'ms-msdt:/id',
      'search-ms:x',
      'ms-settings:x',
      'itms-services://x',
      'shortcuts://run-shortcut',
      'microsoft-edge:https://a.example',
      'googlechrome://a.example',
      'mk:@x',
      'x-man-page://x',
      'mailto:a@b.example',
      'tel:1',
      'urn:ietf:wg:oauth:2.0:oob',
      'localhost:3000/cb',
      callback,
    ],
    [callback],
    'any',
  ],
  ['a confidential client', {}, ['cursor://x/cb', callback], [callback]],
  [
    'a confidential client on a device',
    { application_type: 'native' },
    ['cursor://x/cb', 'com.example.app:/cb'],
    ['com.example.app:/cb'],
  ],
  [
    'a web application',
    { ...open, application_type: 'web' },
    ['cursor://x/cb', 'com.example.app:/cb', callback],
    [callback],
  ],
  [
    'an application with the implicit grant',
    { ...native, grant_types: ['implicit'], response_types: ['id_token'] },
    ['com.example.app:/cb', callback],
    [callback],
  ],
  [
    'additional redirect URIs that are wrong',
    open,
    [
      callback,
      'http://app.example/cb',
      'https://app.example/cb#x',
      'https://*.example/cb',
      '/cb',
      `https://app.example/${'x'.repeat(2000)}`,
    ],
    [callback],
  ],
  ['only redirect URIs that are wrong', open, ['http://app.example/cb', '/cb'], undefined],
]

for (const [what, metadata, redirect_uris, kept, private_use_schemes] of registrations) {
  test(`registration: ${what} registers ${kept?.length ?? 'none'} of ${redirect_uris.length} redirect URIs, and the response lists them [RFC 7591 §3.2.1] [RFC 8252 §8.4]`, async () => {
    const server = await serving(
      { ...open, redirect_uris: [callback] },
      private_use_schemes && { private_use_schemes },
    )
    const answer = await register(server, {
      ...metadata,
      redirect_uris,
      post_logout_redirect_uris: redirect_uris,
    })
    if (kept === undefined) {
      assertRefused(answer, 'invalid_redirect_uri', 'client_redirect_uri_invalid')
      assert.match(answer.json.error_description, /redirect_uris\[0\]: /)
      return
    }
    const { status, json } = answer
    assert.deepEqual([status, json.redirect_uris], [201, kept], JSON.stringify(json))
    for (const uri of kept) {
      const asked = ask(uri, {
        client_id: json.client_id,
        ...('response_types' in metadata && { response_type: 'id_token' }),
      })
      assert.equal((await server.send('GET', asked)).status, 302, uri)
    }
    for (const uri of redirect_uris.filter(uri => !kept.includes(uri))) {
      const { status, reason } = await server.send('GET', ask(uri, { client_id: json.client_id }))
      assert.deepEqual([status, reason], [400, 'redirect_uri_not_registered'], uri)
    }
    for (const origin of json.allowed_cors_origins ?? [])
      assert.ok(
        kept.some(uri => uri.startsWith(origin)),
        origin,
      )
  })
}

test('registration: schemes that can’t be registered no longer make the registration fail, or lose its other redirect URIs', async () => {
  const allowing = (private_use_schemes: readonly string[]) => ({
    ...pagesWorld,
    registration: { mode: 'open', private_use_schemes },
  })
  const server = await createTestServer(allowing(['myapp', 'other']))
  const both = (await register(server, { ...native, redirect_uris: ['myapp://cb', 'other://cb'] })).json
  const alone = (await register(server, { ...native, redirect_uris: ['myapp://cb'] })).json
  await server.reconfigure(allowing(['other']))
  const at = (client_id: string, uri: string) => server.send('GET', ask(uri, { client_id }))
  assert.equal((await at(both.client_id, 'other://cb')).status, 302)
  assert.equal((await at(both.client_id, 'myapp://cb')).reason, 'redirect_uri_not_registered')
  assert.equal((await at(alone.client_id, 'myapp://cb')).reason, 'registered_client_unknown')
  assert.equal(
    server.logged.findLast(({ event }) => event === 'registered_client_unfit')?.client_id,
    alone.client_id,
  )
  await server.reconfigure(allowing(['myapp']))
  assert.equal((await at(alone.client_id, 'myapp://cb')).status, 302)
})

test('registration: an update drops redirect URIs that may not be registered, and fails if none is left [RFC 7592 §2.2]', async () => {
  const server = await serving({ ...open, redirect_uris: [callback] })
  const client = (await register(server, { ...native, redirect_uris: [callback] })).json
  const update = (redirect_uris: readonly string[]) =>
    manage(server, 'PUT', client, { ...native, client_id: client.client_id, redirect_uris })
  assertRefused(await update(['myapp://cb']), 'invalid_redirect_uri', 'client_redirect_uri_invalid')
  const { status, json } = await update(['myapp://cb', 'cursor://x/cb'])
  assert.deepEqual([status, json.redirect_uris], [200, ['cursor://x/cb']])
})

const parse = (client: object) =>
  parseConfiguration({ clients: [{ client_id: 'a', scope: 'openid', ...client }] }, { environment: {} })

test('configuration: schemes without a dot are accepted with a warning [RFC 8252 §7.1]', () => {
  for (const uri of schemes) {
    const outcome = parse({ ...open, redirect_uris: [callback, uri], post_logout_redirect_uris: [uri] })
    assert.ok(outcome.ok, JSON.stringify(outcome))
    const warned = outcome.warnings.map(({ path }) => path)
    const expected = uri.startsWith('com.')
      ? []
      : ['clients[0].redirect_uris[1]', 'clients[0].post_logout_redirect_uris[0]']
    assert.deepEqual(warned, expected, uri)
  }
})

test('configuration: an application with a secret, without PKCE or with the implicit grant causes a warning [RFC 8252 §8]', () => {
  const outcome = parse({
    client_secrets: [{ value: 'a-secret-that-is-in-each-copy' }],
    require_pkce: false,
    grant_types: ['authorization_code', 'implicit'],
    response_types: ['code', 'id_token'],
    redirect_uris: ['oc://android.owncloud.com'],
  })
  assert.ok(outcome.ok)
  assert.deepEqual(
    outcome.warnings.map(({ path }) => path.replace('clients[0].', '')),
    ['redirect_uris[0]', 'require_pkce', 'client_secrets', 'grant_types'],
  )
})

for (const [uri, problem] of [
  [
    'urn:ietf:wg:oauth:2.0:oob',
    /display the code for copying, which is not supported; use a loopback address/,
  ],
  ['urn:ietf:wg:oauth:2.0:oob:auto', /display the code for copying/],
  ['URN:IETF:WG:OAUTH:2.0:OOB', /display the code for copying/],
  ['urn:example:cb', /dangerous/],
  ['JavaScript:alert(1)', /dangerous/],
  ['ms-msdt:/id', /dangerous/],
  ['intent://x', /dangerous/],
  ['localhost:3000/cb', /begins with a host/],
  ['app.example:8080/cb', /begins with a host/],
  ['app.example/cb', /not an absolute URI/],
  ['http://127.1/cb', /must be written as 127\.0\.0\.1/],
  ['http://[0:0:0:0:0:0:0:1]/cb', /must be written as 127\.0\.0\.1, \[::1\]/],
  ['http://127.0.0.2/cb', /http is for loopback hosts only/],
  ['http://localhost./cb', /http is for loopback hosts only/],
  ['http://127.0.0.1:65536/cb', /not an absolute URI/],
  ['http://user@127.0.0.1/cb', /credentials/],
  ['myapp://user@host/cb', /credentials/],
  ['myapp://cb#x', /fragment/],
  ['myapp://*', /wildcard/],
  ['my app://cb', /white space/],
] as const) {
  test(`configuration: ${uri} is not a valid redirect URI, and the error says why`, () => {
    for (const key of ['redirect_uris', 'post_logout_redirect_uris']) {
      const outcome = parse({ ...open, redirect_uris: [callback], [key]: [uri] })
      assert.ok(!outcome.ok, uri)
      assert.deepEqual(
        outcome.errors.map(({ path }) => path),
        [`clients[0].${key}[0]`],
      )
      assert.match(outcome.errors[0]!.problem, problem)
    }
  })
}

test('configuration: schemes that clients may register are lower case and not dangerous, or any', () => {
  const errors = (private_use_schemes: unknown) => {
    const outcome = parseConfiguration({ registration: { private_use_schemes } }, { environment: {} })
    return outcome.ok ? [] : outcome.errors.map(({ path, problem }) => `${path}: ${problem}`)
  }
  const at = 'registration.private_use_schemes'
  assert.deepEqual(errors('any'), [])
  assert.deepEqual(errors([]), [])
  assert.deepEqual(errors(['myapp', 'spotify', 'web+app']), [])
  assert.deepEqual(errors(['javascript', 'MyApp', 'myapp://', 'https', 7]), [
    `${at}[0]: javascript: is dangerous to redirect to`,
    `${at}[1]: it is not a URI scheme`,
    `${at}[2]: it is not a URI scheme`,
    `${at}[3]: https: is not the scheme of an application`,
    `${at}[4]: it is a number`,
  ])
  assert.deepEqual(errors('all'), [`${at}: "all" is not known`])
})
