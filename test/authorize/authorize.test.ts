import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { createBrowser } from '../support/browser.ts'
import {
  alice,
  answerOf,
  assertErrorPage,
  authorizePath,
  callback,
  challenge,
  pagesWorld,
  signIn,
  verifier,
} from '../support/sign-in.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'

const issuer = 'https://id.example'

async function start() {
  const server = await createTestServer(pagesWorld)
  return { server, browser: createBrowser(server) }
}

async function startSignedIn() {
  const { server, browser } = await start()
  answerOf(await signIn(browser, authorizePath()))
  return { server, browser }
}

test('authorize: a user who signs in is redirected back with a code, the state and the issuer [RFC 6749 §4.1.2] [RFC 9207 §2] [authorize-007] [authorize-064]', async () => {
  const { server, browser } = await start()
  const page = await signIn(browser, authorizePath())
  assert.equal(page.status, 302)
  const answer = answerOf(page)
  assert.deepEqual([...answer.keys()].sort(), ['code', 'iss', 'session_state', 'state'])
  assert.match(answer.get('code') ?? '', /^tc_[\w-]{52}$/)
  assert.equal(answer.get('state'), 'a state & more')
  assert.equal(answer.get('iss'), issuer)
  const stored = await server.stores.codes.find(hashHandle(answer.get('code') ?? ''))
  assert.equal(stored?.code.code_challenge, challenge)
  assert.equal(stored?.code.code_challenge_method, 'S256')
  assert.equal(stored?.code.nonce, 'n-1')
  assert.equal(stored?.code.redirect_uri, callback)
  assert.equal(stored?.code.expires_at, server.clock.now() + 300)
  assert.deepEqual(stored?.authorization.scope, ['api1', 'openid'])
  assert.equal(stored?.authorization.sub, '1')
  assert.equal(stored?.authorization.idp, 'local')
  assert.deepEqual(stored?.authorization.amr, ['pwd'])
  assert.match(stored?.authorization.sid ?? '', /^[\w-]{22}$/)
})

test('authorize: a signed-in user gets a code immediately, and the URL contains no token [authorize-008] [authorize-001]', async () => {
  const { browser } = await startSignedIn()
  const page = await browser.request('GET', authorizePath())
  assert.equal(page.status, 302)
  assert.equal(page.headers['cache-control'], 'no-store')
  const answer = answerOf(page)
  for (const name of ['access_token', 'id_token', 'refresh_token', 'scope'])
    assert.equal(answer.get(name), null)
})

test('authorize: every code is different, and its authorization expires with it unless it is redeemed', async () => {
  const { server, browser } = await startSignedIn()
  const target = authorizePath({ scope: 'openid offline_access' })
  const [one, two] = [await browser.visit(target), await browser.visit(target)].map(
    page => answerOf(page).get('code') ?? '',
  )
  assert.notEqual(one, two)
  const endOf = async () => (await server.stores.codes.find(hashHandle(one ?? '')))?.authorization.expires_at
  assert.equal(await endOf(), server.clock.now() + 300)
  server.clock.advance(299)
  const redeemed = await server.token({
    ...{ grant_type: 'authorization_code', client_id: 'web', code: one },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })
  assert.equal(redeemed.status, 200)
  // Refreshed at the last moment, and used until that access token expires.
  assert.equal(await endOf(), server.clock.now() + 2_592_000 + 3600)
})

test('authorize: a form post works like a query and finds the session even without cookies [authorize-003]', async () => {
  const { server, browser } = await startSignedIn()
  const [path = '', form = ''] = authorizePath().split('?')
  const posted = await server.send('POST', path, { form })
  assert.equal(posted.status, 303)
  const answer = answerOf(await browser.visit(String(posted.headers.location)))
  assert.equal(answer.get('state'), 'a state & more')
  assert.ok(answer.get('code'))
})

test('authorize: a posted request with prompt=login requires a sign-in even of a signed-in user', async () => {
  const { server, browser } = await startSignedIn()
  const [path = '', form = ''] = authorizePath({ prompt: 'login' }).split('?')
  const posted = await server.send('POST', path, { form })
  const page = await browser.visit(String(posted.headers.location))
  assert.ok(page.target.startsWith('/login'))
  assert.ok(answerOf(await browser.submit(page, alice)).get('code'))
})

test('authorize: a post that is no form is refused with 415 [authorize-002]', async () => {
  const { browser } = await start()
  const page = await browser.request('POST', '/connect/authorize', {
    body: '{}',
    headers: { 'content-type': 'application/json' },
  })
  assert.equal(page.status, 415)
})

const untrusted: readonly (readonly [string, Record<string, string | undefined>, string, string?])[] = [
  ['no client_id', { client_id: undefined }, 'invalid_request', 'Missing client_id'],
  ['an unknown client', { client_id: 'nobody' }, 'unauthorized_client'],
  ['a disabled client [authorize-023]', { client_id: 'off' }, 'unauthorized_client'],
  [
    'an unregistered redirect_uri [authorize-020]',
    { redirect_uri: 'https://evil.example/cb' },
    'invalid_request',
    'Invalid redirect_uri',
  ],
  [
    'no redirect_uri, though one is registered [authorize-021]',
    { redirect_uri: undefined },
    'invalid_request',
    'Missing redirect_uri',
  ],
  ['a malformed redirect_uri [authorize-022]', { redirect_uri: 'scheme:///triple' }, 'invalid_request'],
  ['a redirect_uri with a longer path', { redirect_uri: `${callback}/x` }, 'invalid_request'],
  [
    'a redirect_uri with user info',
    { redirect_uri: 'https://app.example@evil.example/cb' },
    'invalid_request',
  ],
  [
    'a redirect_uri with a query that is not registered',
    { redirect_uri: `${callback}?foo=bar` },
    'invalid_request',
  ],
  [
    'a redirect_uri with another query [authorize-063]',
    { client_id: 'query', redirect_uri: 'https://app.example/cb?foo=bar' },
    'invalid_request',
  ],
]
for (const [what, changes, error, description] of untrusted) {
  test(`authorize: ${what} gets an error page and never a redirect [RFC 6749 §4.1.2.1]`, async () => {
    const { browser } = await startSignedIn()
    assertErrorPage(await browser.visit(authorizePath(changes)), error, description)
  })
}

test('authorize: a repeated parameter gets an error page [RFC 6749 §3.1]', async () => {
  const { browser, server } = await startSignedIn()
  assertErrorPage(
    await browser.visit(`${authorizePath()}&redirect_uri=${encodeURIComponent(callback)}`),
    'invalid_request',
  )
  assert.equal(server.reason(), 'repeated_parameter')
})

const refused: readonly (readonly [string, Record<string, string | undefined>, string, string?])[] = [
  [
    'no response_type [authorize-026]',
    { response_type: undefined },
    'invalid_request',
    'Missing response_type',
  ],
  [
    'an unknown response_type [authorize-025]',
    { response_type: 'invalid' },
    'unsupported_response_type',
    'Response type not supported',
  ],
  ['response_type=token', { response_type: 'token' }, 'unsupported_response_type'],
  ['response_type=none', { response_type: 'none' }, 'unsupported_response_type'],
  ['a response type that the client did not register', { response_type: 'id_token' }, 'unauthorized_client'],
  [
    'an unknown response_mode [authorize-028]',
    { response_mode: 'invalid' },
    'unsupported_response_type',
    'Invalid response_mode',
  ],
  ['a client without the code grant', { client_id: 'machine', scope: 'api1' }, 'unauthorized_client'],
  ['an unknown scope', { scope: 'openid nothing' }, 'invalid_scope'],
  ['a scope that the client is not allowed', { scope: 'openid api2' }, 'invalid_scope'],
  [
    'identity scopes without openid [authorize-034]',
    { scope: 'profile' },
    'invalid_scope',
    'Identity scopes requested, but openid scope is missing',
  ],
  [
    'a nonce of more than 300 characters [authorize-036]',
    { nonce: 'n'.repeat(301) },
    'invalid_request',
    'Invalid nonce',
  ],
  [
    'acr_values of more than 2048 characters [authorize-041]',
    { acr_values: 'a'.repeat(2049) },
    'invalid_request',
    'Invalid acr_values',
  ],
  ['a max_age that is no number', { max_age: 'abc' }, 'invalid_request', 'Invalid max_age'],
  ['a negative max_age', { max_age: '-1' }, 'invalid_request'],
  ['an unknown prompt [authorize-053]', { prompt: 'unknown' }, 'invalid_request', 'Unsupported prompt mode'],
  ['prompt=create [authorize-054]', { prompt: 'create' }, 'invalid_request'],
  ['prompt=create beside login [authorize-056]', { prompt: 'create login' }, 'invalid_request'],
  ['prompt=none with another value', { prompt: 'none login' }, 'invalid_request'],
  ['two tenants', { acr_values: 'tenant:acme tenant:globex' }, 'invalid_request'],
  ['an unknown tenant', { acr_values: 'tenant:nowhere' }, 'invalid_request'],
  [
    'a tenant that the client is not allowed',
    { client_id: 'acmeonly', acr_values: 'tenant:globex' },
    'invalid_request',
  ],
  ['an unknown resource [RFC 8707 §2]', { resource: 'urn:nothing' }, 'invalid_target'],
  ['a relative resource [RFC 8707 §2]', { resource: '/api' }, 'invalid_target'],
  ['a broken request object', { request: 'e30.e30.' }, 'invalid_request_object'],
  ['a request_uri [jar-019]', { request_uri: 'https://app.example/request' }, 'invalid_request_uri'],
  ['a registration', { registration: '{}' }, 'registration_not_supported'],
  [
    'an id_token_hint of another issuer',
    { id_token_hint: 'e30.e30.e30' },
    'invalid_request',
    'Invalid id_token_hint',
  ],
  [
    'no code_challenge [RFC 7636 §4.4.1]',
    { code_challenge: undefined, code_challenge_method: undefined },
    'invalid_request',
    'code_challenge is missing',
  ],
  [
    'a plain challenge [pkce-001]',
    { code_challenge_method: 'plain' },
    'invalid_request',
    'Transform algorithm not supported',
  ],
  [
    'a challenge without a method, which means plain [RFC 7636 §4.3]',
    { code_challenge_method: undefined },
    'invalid_request',
    'Transform algorithm not supported',
  ],
  [
    'an unknown method',
    { code_challenge_method: 'S512' },
    'invalid_request',
    'Transform algorithm not supported',
  ],
  [
    'a challenge of 42 characters [pkce-006]',
    { code_challenge: challenge.slice(1) },
    'invalid_request',
    'Invalid code_challenge',
  ],
  [
    'a challenge of 129 characters',
    { code_challenge: 'c'.repeat(129) },
    'invalid_request',
    'Invalid code_challenge',
  ],
  [
    'a challenge of other characters',
    { code_challenge: '+'.repeat(43) },
    'invalid_request',
    'Invalid code_challenge',
  ],
  [
    'a method without a challenge',
    { client_id: 'lax', code_challenge: undefined },
    'invalid_request',
    'code_challenge is missing',
  ],
]
for (const [what, changes, error, description] of refused) {
  test(`authorize: ${what} redirects an error to the client, with the state and without a code [RFC 6749 §4.1.2.1]`, async () => {
    const { browser } = await startSignedIn()
    const page = await browser.request('GET', authorizePath(changes))
    const answer = answerOf(page)
    assert.equal(answer.get('error'), error)
    if (description !== undefined) assert.equal(answer.get('error_description'), description)
    assert.equal(answer.get('state'), 'a state & more')
    assert.equal(answer.get('iss'), issuer)
    assert.equal(answer.get('code'), null)
  })
}

test('authorize: plain PKCE is accepted where the client allows it, explicitly or by default [pkce-002] [pkce-016]', async () => {
  const { server, browser } = await startSignedIn()
  for (const method of ['plain', undefined]) {
    const page = await browser.visit(authorizePath({ client_id: 'plain', code_challenge_method: method }))
    const stored = await server.stores.codes.find(hashHandle(answerOf(page).get('code') ?? ''))
    assert.equal(stored?.code.code_challenge_method, 'plain')
  }
})

test('authorize: a confidential client with optional PKCE may omit it, but a sent challenge is enforced', async () => {
  const { browser } = await startSignedIn()
  const without = authorizePath({
    client_id: 'lax',
    code_challenge: undefined,
    code_challenge_method: undefined,
  })
  assert.ok(answerOf(await browser.visit(without)).get('code'))
  const short = authorizePath({ client_id: 'lax', code_challenge: 'short' })
  assert.equal(answerOf(await browser.visit(short)).get('error_description'), 'Invalid code_challenge')
})

test('authorize: response_mode=fragment returns the response in the fragment [authorize-045]', async () => {
  const { browser } = await startSignedIn()
  const page = await browser.visit(authorizePath({ response_mode: 'fragment' }))
  assert.ok(page.location?.startsWith(`${callback}#code=tc_`), String(page.location))
})

test('authorize: the form_post page works without scripts and allows only its own script [authorize-046]', async () => {
  const { browser } = await startSignedIn()
  const page = await browser.visit(
    authorizePath({ response_mode: 'form_post', state: '"><script>alert(1)</script>' }),
  )
  assert.equal(page.status, 200)
  assert.equal(page.form?.action, callback)
  assert.match(page.form?.fields.code ?? '', /^tc_/)
  assert.equal(page.form?.fields.state, '"><script>alert(1)</script>')
  assert.equal(page.form?.fields.iss, issuer)
  assert.match(page.body, /<button type="submit"/)
  assert.equal(page.body.match(/<script>/g)?.length, 1)
  const policy = String(page.headers['content-security-policy'])
  assert.match(policy, /default-src 'none'.*script-src 'sha256-[^']+'; frame-ancestors 'none'/)
  // CSP 3 §6.4.1: form-action does not restrict where the client redirects from its redirect_uri.
  assert.doesNotMatch(policy, /form-action/)
  assert.equal(page.headers['referrer-policy'], 'no-referrer')
})

test('authorize: form_post also returns errors', async () => {
  const { browser } = await startSignedIn()
  const page = await browser.visit(authorizePath({ response_mode: 'form_post', scope: 'nothing' }))
  assert.equal(page.form?.action, callback)
  assert.equal(page.form?.fields.error, 'invalid_scope')
})

test('authorize: the query of a registered redirect_uri is preserved [authorize-062]', async () => {
  const { browser } = await startSignedIn()
  const redirect_uri = 'https://app.example/cb?foo=bar&baz=quux'
  const page = await browser.visit(authorizePath({ client_id: 'query', redirect_uri }))
  assert.ok(page.location?.startsWith(`${redirect_uri}&code=tc_`), String(page.location))
})

test('authorize: prompt=login shows the login page once, even with a session [authorize-047]', async () => {
  const { server, browser } = await startSignedIn()
  for (const prompt of ['login', 'login select_account']) {
    const page = await browser.visit(authorizePath({ prompt }))
    assert.ok(page.target.startsWith('/login'))
    const before = browser.cookies.get('__Host-tessera_session')
    assert.ok(answerOf(await browser.submit(page, alice)).get('code'))
    assert.notEqual(browser.cookies.get('__Host-tessera_session'), before)
  }
  assert.equal(server.clock.now(), 1_790_000_000)
})

test('authorize: returning to a prompt=login request without signing in again leads to the login page, not to a code', async () => {
  const { browser } = await startSignedIn()
  const page = await browser.visit(authorizePath({ prompt: 'login' }))
  const skipped = await browser.visit(page.target.replace('/login', '/connect/authorize/callback'))
  assert.ok(skipped.target.startsWith('/login'))
})

test('authorize: max_age shows the login page once the sign-in is older [OpenID Connect Core 1.0 §3.1.2.1] [authorize-049]', async () => {
  const { server, browser } = await startSignedIn()
  server.clock.advance(100)
  assert.ok(answerOf(await browser.visit(authorizePath({ max_age: '100' }))).get('code'))
  const page = await browser.visit(authorizePath({ max_age: '99' }))
  assert.ok(page.target.startsWith('/login'))
  assert.ok(answerOf(await browser.submit(page, alice)).get('code'))
  assert.ok((await browser.visit(authorizePath({ max_age: '0' }))).target.startsWith('/login'))
})

test('authorize: prompt=none returns login_required, later a code, never a page [OpenID Connect Core 1.0 §3.1.2.6]', async () => {
  const { server, browser } = await start()
  const target = authorizePath({ prompt: 'none' })
  assert.equal(answerOf(await browser.visit(target)).get('error'), 'login_required')
  await signIn(browser, authorizePath())
  assert.ok(answerOf(await browser.visit(target)).get('code'))
  server.clock.advance(36_000)
  assert.equal(answerOf(await browser.visit(target)).get('error'), 'login_required')
})

test('authorize: prompt=none returns consent_required if the user has not agreed [authorize-051]', async () => {
  const { browser } = await startSignedIn()
  const page = await browser.visit(authorizePath({ client_id: 'asking', prompt: 'none' }))
  assert.equal(answerOf(page).get('error'), 'consent_required')
})

test('authorize: a session of another tenant does not count [authorize-016]', async () => {
  const { server, browser } = await startSignedIn()
  const target = authorizePath({ acr_values: 'tenant:acme' })
  const page = await browser.visit(target)
  assert.ok(page.target.startsWith('/login'))
  const wrong = await browser.submit(page, alice)
  assert.equal(wrong.status, 400)
  const answer = answerOf(await browser.submit(page, { username: 'carol', password: 'carol' }))
  const stored = await server.stores.codes.find(hashHandle(answer.get('code') ?? ''))
  assert.equal(stored?.authorization.tenant, 'acme')
  assert.ok(answerOf(await browser.visit(target)).get('code'))
  assert.ok((await browser.visit(authorizePath())).target.startsWith('/login'))
})

test('authorize: idp:NAME redirects to that provider, and a session of another does not count [authorize-012] [authorize-015]', async () => {
  const { server, browser } = await startSignedIn()
  const page = await browser.visit(authorizePath({ acr_values: 'idp:directory' }))
  assert.match(page.text, /with Staff directory to continue to Web & Co/)
  assert.equal((await browser.submit(page, alice)).status, 400)
  const answer = answerOf(await browser.submit(page, { username: 'dora', password: 'staff' }))
  const stored = await server.stores.codes.find(hashHandle(answer.get('code') ?? ''))
  assert.equal(stored?.authorization.sub, 'staff-dora')
  assert.equal(stored?.authorization.idp, 'directory')
})

test('authorize: a provider that the client may not use is ignored, and the login page is shown [authorize-013]', async () => {
  const { browser } = await start()
  const page = await browser.visit(authorizePath({ client_id: 'restricted', acr_values: 'idp:directory' }))
  assert.ok(page.target.startsWith('/login'))
  assert.ok(answerOf(await browser.submit(page, alice)).get('code'))
})

test('authorize: a session of a provider that the client may not use does not count [authorize-014]', async () => {
  const { browser } = await start()
  answerOf(
    await signIn(browser, authorizePath({ acr_values: 'idp:directory' }), {
      username: 'dora',
      password: 'staff',
    }),
  )
  assert.ok((await browser.visit(authorizePath({ client_id: 'restricted' }))).target.startsWith('/login'))
})

test('authorize: a user who is no longer active must sign in, and can’t', async () => {
  let active = true
  const server = await createTestServer({ ...pagesWorld, profile: { isActive: () => active } })
  const browser = createBrowser(server)
  answerOf(await signIn(browser, authorizePath()))
  active = false
  const page = await browser.visit(authorizePath())
  assert.ok(page.target.startsWith('/login'))
  assert.equal((await browser.submit(page, alice)).status, 400)
})

/** Signs in and redeems the code. */
async function startWithTokens() {
  const { server, browser } = await start()
  const code = answerOf(await signIn(browser, authorizePath())).get('code') ?? ''
  const { json } = await server.token({
    grant_type: 'authorization_code',
    client_id: 'web',
    code,
    redirect_uri: callback,
    code_verifier: verifier,
  })
  return { server, browser, tokens: json as { id_token: string; access_token: string } }
}

test('authorize: the code yields tokens of the sign-in, with nonce and sid', async () => {
  const { server, tokens } = await startWithTokens()
  const claims = claimsOf(tokens.id_token)
  assert.equal(claims.sub, '1')
  assert.equal(claims.nonce, 'n-1')
  assert.equal(claims.auth_time, server.clock.now())
  assert.equal(claimsOf(tokens.access_token).sid, claims.sid)
})

test('authorize: an id_token_hint of the signed-in user is accepted, expired or not [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const { server, browser, tokens } = await startWithTokens()
  const target = authorizePath({ prompt: 'none', id_token_hint: tokens.id_token })
  assert.ok(answerOf(await browser.visit(target)).get('code'))
  server.clock.advance(301)
  assert.ok(answerOf(await browser.visit(target)).get('code'))
})

test('authorize: an id_token_hint of another user is login_required, silently or after a sign-in as someone else', async () => {
  const { server, tokens } = await startWithTokens()
  const browser = createBrowser(server)
  const bob = { username: 'bob', password: 'builder' }
  answerOf(await signIn(browser, authorizePath(), bob))
  const silent = authorizePath({ prompt: 'none', id_token_hint: tokens.id_token })
  assert.equal(answerOf(await browser.visit(silent)).get('error'), 'login_required')
  const page = await browser.visit(authorizePath({ id_token_hint: tokens.id_token }))
  assert.ok(page.target.startsWith('/login'))
  assert.equal(answerOf(await browser.submit(page, bob)).get('error'), 'login_required')
  const again = await browser.visit(authorizePath({ id_token_hint: tokens.id_token }))
  assert.ok(answerOf(await browser.submit(again, alice)).get('code'))
})

test('authorize: an access token is not accepted as id_token_hint', async () => {
  const { browser, tokens } = await startWithTokens()
  const page = await browser.visit(authorizePath({ id_token_hint: tokens.access_token }))
  assert.equal(answerOf(page).get('error_description'), 'Invalid id_token_hint')
})

test('authorize: resources limit the authorization [RFC 8707 §2]', async () => {
  const { server, browser } = await startSignedIn()
  const answer = answerOf(await browser.visit(authorizePath({ resource: 'urn:api' })))
  const stored = await server.stores.codes.find(hashHandle(answer.get('code') ?? ''))
  assert.deepEqual(stored?.authorization.resources, ['urn:api'])
})

test('authorize: a changed continuation is refused without a code [RFC 9700 §4.7]', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(authorizePath())
  const sealed = page.form?.fields.continue ?? ''
  answerOf(await browser.submit(page, alice))
  const [payload = '', proof = ''] = sealed.split('.')
  const plain = Buffer.from(JSON.stringify({ kind: 'authorization', asked_at: server.clock.now() }))
  const changes = [
    plain.toString('base64url'),
    `${plain.toString('base64url')}.${proof}`,
    `${payload}.`,
    payload,
    `.${proof}`,
    `${sealed}.`,
    `${sealed}.x`,
    `${sealed}=`,
    `${sealed}A`,
    sealed.slice(0, -1),
    `${payload}.${proof.slice(0, 22)}`,
    'x',
    '',
  ]
  // Every character of ciphertext, salt and tag matters, including the unused bits of the last one.
  for (const at of [0, 20, payload.length - 1, payload.length + 1, sealed.length - 22, sealed.length - 1]) {
    for (const letter of ['A', 'B', '-']) {
      const changed = sealed.slice(0, at) + letter + sealed.slice(at + 1)
      if (changed !== sealed) changes.push(changed)
    }
  }
  for (const changed of changes) {
    const answer = await browser.visit(`/connect/authorize/callback?continue=${changed}`)
    assertErrorPage(answer, 'invalid_request')
    assert.equal(server.reason(), 'continuation_invalid')
  }
})

test('authorize: a page of another kind does not lead back to a client', async () => {
  const { server, browser } = await start()
  const { target } = await browser.visit('/account')
  const { search } = new URL(target, issuer)
  assertErrorPage(await browser.visit(`/connect/authorize/callback${search}`), 'invalid_request')
  assert.equal(server.reason(), 'continuation_invalid')
})

test('authorize: a login page older than an hour starts again, and the password sent from it is ignored', async () => {
  const { server, browser } = await start()
  const page = await browser.visit(authorizePath())
  server.clock.advance(3600)
  const again = await browser.submit(page, alice)
  assert.equal(server.reason(), 'continuation_expired')
  assert.equal(browser.cookies.has('__Host-tessera_session'), false)
  assert.ok(again.target.startsWith('/login'))
  assert.match(again.text, /open for too long/)
  const answer = answerOf(await browser.submit(again, alice))
  assert.ok(answer.get('code'))
  assert.equal(answer.get('state'), 'a state & more')
})

test('authorize: a forged, foreign or ended session cookie is ignored', async () => {
  const { server, browser } = await startSignedIn()
  const handle = browser.cookies.get('__Host-tessera_session') ?? ''
  for (const forged of [
    '',
    'ts_',
    `${handle.slice(0, -1)}${handle.endsWith('A') ? 'B' : 'A'}`,
    `ts_${'0'.repeat(9)}${'A'.repeat(43)}`,
    handle.toUpperCase(),
  ]) {
    browser.cookies.set('__Host-tessera_session', forged)
    assert.ok((await browser.visit(authorizePath())).target.startsWith('/login'), forged)
  }
  browser.cookies.set('__Host-tessera_session', handle)
  const session = await server.stores.sessions.find(hashHandle(handle))
  await server.endSession(session?.sid ?? '', 'ended_by_operator')
  assert.ok((await browser.visit(authorizePath())).target.startsWith('/login'))
})

test('authorize: the client gets an error if its request is too long to redirect', async () => {
  const { browser } = await start()
  const page = await browser.visit(`${authorizePath({ state: 's'.repeat(8000) })}`)
  assert.equal(answerOf(page).get('error'), 'invalid_request')
})

test('authorize: an error page uses the language that the client requested, whatever the display [authorize-042]', async () => {
  const server = await createTestServer(pagesWorld)
  const changes = { redirect_uri: 'https://app.example/other', display: 'popup' }
  for (const [ui_locales, lang] of [
    ['fr-FR', 'fr'],
    ['xx de', 'de'],
    [undefined, 'en'],
  ] as const) {
    const page = await createBrowser(server).visit(authorizePath({ ...changes, ui_locales }))
    assert.equal(page.status, 400)
    assert.ok(page.body.includes(`<html lang="${lang}"`), page.body.slice(0, 100))
  }
})
