/** Authorization responses in a JWT (JWT Secured Authorization Response Mode for OAuth 2.0 (JARM)). */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { compactDecrypt, createLocalJWKSet, decodeProtectedHeader, exportJWK, jwtVerify } from 'jose'
import { createBrowser, type Page } from '../support/browser.ts'
import { allTypes, hybridWorld, redeem } from '../support/hybrid.ts'
import { allowLoopback, openLoopback } from '../support/loopback.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, assertErrorPage, authorizePath, callback, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'

const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'enc', use: 'enc' }] }
const [web] = hybridWorld.clients
const there = await openLoopback()

const world = {
  ...hybridWorld,
  ...allowLoopback,
  clients: [
    web,
    { ...web, client_id: 'ps256', authorization_signed_response_alg: 'PS256' },
    { ...web, client_id: 'encrypted', jwks, authorization_encrypted_response_alg: 'ECDH-ES' },
    {
      ...web,
      client_id: 'keyless',
      jwks_uri: `${there.origin}/jwks`,
      authorization_encrypted_response_alg: 'ECDH-ES+A128KW',
      authorization_encrypted_response_enc: 'A256GCM',
    },
    { ...web, client_id: 'strict', require_signed_authorization_response: true },
    { ...web, client_id: 'asking', require_consent: true },
    { ...web, client_id: 'native', redirect_uris: ['com.example.app:/cb'] },
  ],
}

/** Starts a server, and a browser in which Alice is signed in. */
async function open(more: object = {}) {
  const server = await createTestServer({ ...world, ...more })
  const browser = createBrowser(server)
  await signIn(browser, authorizePath({ response_mode: 'jwt' }))
  return { server, browser }
}

const shared = await open()

/** Verifies a response, and returns its claims. */
async function claimsOf(jwt: string, client_id = 'web', { server }: { server: TestServer } = shared) {
  const { json } = await server.send('GET', '/.well-known/openid-configuration/jwks')
  const currentDate = new Date(server.clock.now() * 1000)
  const verified = await jwtVerify(jwt, createLocalJWKSet(json), { issuer, audience: client_id, currentDate })
  return verified.payload as Readonly<Record<string, string>>
}

/** Returns the one parameter of a response. */
function jwtOf(page: Page, separator = '?'): string {
  assert.ok(page.location?.startsWith(`${callback}${separator}response=`), page.location ?? page.text)
  assert.deepEqual([...answerOf(page).keys()], ['response'])
  return answerOf(page).get('response') ?? ''
}

for (const response_type of allTypes) {
  test(`JARM: ${response_type} returns its members as claims, in the place of the response type [JARM §2.1, §2.3.4]`, async () => {
    const page = await shared.browser.visit(authorizePath({ response_type, response_mode: 'jwt' }))
    const claims = await claimsOf(jwtOf(page, response_type === 'code' ? '?' : '#'))
    const plain = answerOf(await shared.browser.visit(authorizePath({ response_type })))
    // `iss` is a claim as it is a parameter (RFC 9207); `aud` and `exp` are added.
    assert.deepEqual(Object.keys(claims).sort(), ['aud', 'exp', ...plain.keys()].sort())
    assert.equal(claims.exp, shared.server.clock.now() + 300)
    assert.equal(claims.state, 'a state & more')
    assert.ok(claims.session_state)
    // Each parameter is a string, as the examples of §2.1 have them.
    for (const name of plain.keys()) assert.equal(typeof claims[name], 'string', name)
    if (claims.code === undefined) return
    assert.equal((await redeem(shared.server, new URLSearchParams({ code: claims.code }), 'web')).status, 200)
  })
}

test('JARM: each mode puts the JWT where it says, and form_post.jwt posts it [JARM §2.3]', async () => {
  for (const [response_mode, separator] of [
    ['query.jwt', '?'],
    ['fragment.jwt', '#'],
  ] as const) {
    const page = await shared.browser.visit(authorizePath({ response_mode }))
    assert.match((await claimsOf(jwtOf(page, separator))).code ?? '', /^tc_/)
  }
  for (const response_type of ['code', 'code id_token']) {
    const posted = await shared.browser.visit(
      authorizePath({ response_type, response_mode: 'form_post.jwt' }),
    )
    assert.equal(posted.form?.action, callback)
    // Chromium applies it to the whole redirect chain of the client.
    assert.doesNotMatch(String(posted.headers['content-security-policy']), /form-action/)
    const { response = '', ...others } = posted.form?.fields ?? {}
    assert.deepEqual(others, {})
    assert.match((await claimsOf(String(response))).code ?? '', /^tc_/)
  }
})

test('JARM: the algorithm is that of the client, RS256 by default, and the header tells it from an ID token [JARM §3] [RFC 8725 §3.11]', async () => {
  for (const [client_id, alg] of [
    ['web', 'RS256'],
    ['ps256', 'PS256'],
  ] as const) {
    const page = await shared.browser.visit(authorizePath({ client_id, response_mode: 'jwt' }))
    const jwt = jwtOf(page)
    await claimsOf(jwt, client_id)
    const { kid: _, ...header } = decodeProtectedHeader(jwt)
    assert.deepEqual(header, { alg, typ: 'JWT', token_use: 'authorization_response' })
    const hinted = await shared.browser.visit(authorizePath({ client_id, id_token_hint: jwt }))
    assert.equal(answerOf(hinted).get('error'), 'invalid_request')
    assert.equal(hinted.reason, 'id_token_hint_invalid')
  }
})

test('JARM: the lifetime is configurable, up to ten minutes [JARM §2.1]', async () => {
  const own = await open({ authorization_responses: { jwt_lifetime: 60 } })
  const page = await own.browser.visit(authorizePath({ response_mode: 'jwt' }))
  assert.equal((await claimsOf(jwtOf(page), 'web', own)).exp, own.server.clock.now() + 60)
  await assert.rejects(createTestServer({ ...world, authorization_responses: { jwt_lifetime: 601 } }))
})

for (const [what, changes, error, reason] of [
  ['a wrong scope', { scope: 'openid nothing' }, 'invalid_scope', 'scope_unknown'],
  ['prompt=none without a consent', { client_id: 'asking', prompt: 'none' }, 'consent_required', undefined],
  ['a missing response type', { response_type: undefined }, 'invalid_request', 'response_type_missing'],
  ['a bad request object', { request: 'x' }, 'invalid_request_object', 'request_object_malformed'],
] as const) {
  test(`JARM: the error for ${what} is a JWT as well [JARM §2.1]`, async () => {
    const page = await shared.browser.visit(authorizePath({ ...changes, response_mode: 'query.jwt' }))
    const client_id = 'client_id' in changes ? changes.client_id : 'web'
    const claims = await claimsOf(jwtOf(page), client_id)
    assert.equal(claims.error, error)
    assert.equal(claims.state, 'a state & more')
    assert.equal(claims.code, undefined)
    if (reason !== undefined) assert.equal(page.reason, reason)
  })
}

test('JARM: prompt=none without a session, and a refusal of the user, are errors in a JWT', async () => {
  const browser = createBrowser(shared.server)
  const silent = await browser.visit(authorizePath({ prompt: 'none', response_mode: 'jwt' }))
  assert.equal((await claimsOf(jwtOf(silent))).error, 'login_required')
  const asked = await signIn(browser, authorizePath({ client_id: 'asking', response_mode: 'jwt' }))
  const refused = await browser.submit(asked, { button: 'no' })
  const claims = await claimsOf(jwtOf(refused), 'asking')
  assert.equal(claims.error, 'access_denied')
  assert.ok(claims.session_state)
})

test('JARM: a request whose target is not proven gets a page, not a JWT [RFC 6749 §4.1.2.1]', async () => {
  const redirect_uri = 'https://evil.example/cb'
  const page = await shared.browser.visit(authorizePath({ redirect_uri, response_mode: 'jwt' }))
  assertErrorPage(page, 'invalid_request')
})

async function decrypt(jwe: string) {
  const { plaintext, protectedHeader } = await compactDecrypt(jwe, keys.privateKey)
  return { text: new TextDecoder().decode(plaintext), header: protectedHeader }
}

test('JARM: a client that registered it gets the signed response encrypted, errors too [JARM §2.2]', async () => {
  for (const changes of [{}, { scope: 'openid nothing' }]) {
    const target = authorizePath({ client_id: 'encrypted', response_mode: 'jwt', ...changes })
    const { text, header } = await decrypt(jwtOf(await shared.browser.visit(target)))
    assert.deepEqual(header, {
      ...header,
      ...{ alg: 'ECDH-ES', enc: 'A128CBC-HS256', kid: 'enc', cty: 'JWT' },
    })
    const claims = await claimsOf(text, 'encrypted')
    assert.ok('scope' in changes ? claims.error : claims.code)
  }
})

test('JARM: a response with a token is only sent in the query if it is encrypted [JARM §2.3.1]', async () => {
  for (const response_type of allTypes.slice(1)) {
    const refused = await shared.browser.visit(authorizePath({ response_type, response_mode: 'query.jwt' }))
    const claims = await claimsOf(jwtOf(refused, '#'))
    assert.equal(claims.error, 'invalid_request')
    assert.equal(refused.reason, 'response_mode_query')
    for (const name of ['code', 'id_token', 'access_token']) assert.equal(claims[name], undefined)
  }
  const target = authorizePath({
    ...{ client_id: 'encrypted', response_type: 'code id_token', response_mode: 'query.jwt' },
  })
  const { text } = await decrypt(jwtOf(await shared.browser.visit(target)))
  assert.ok((await claimsOf(text, 'encrypted')).id_token)
  const plain = await shared.browser.visit(
    authorizePath({ client_id: 'encrypted', response_type: 'code id_token', response_mode: 'query' }),
  )
  assert.equal(answerOf(plain).get('error'), 'invalid_request')
})

test('JARM: without a suitable key of the client nothing is issued, and the browser stays here', async () => {
  there.pages.set('/jwks', { body: JSON.stringify({ keys: [{ ...jwks.keys[0], use: 'sig' }] }) })
  const target = authorizePath({ client_id: 'keyless', response_mode: 'jwt' })
  const issuedBefore = shared.server.logged.filter(({ event }) => event === 'authorization_issued').length
  for (const changes of ['', '&prompt=none', '&max_age=x']) {
    const page = await shared.browser.visit(target + changes)
    assert.equal(page.status, 503, changes)
    assert.equal(page.location, undefined)
  }
  const issued = shared.server.logged.filter(({ event }) => event === 'authorization_issued')
  assert.equal(issued.length, issuedBefore)
  there.pages.set('/jwks', { body: JSON.stringify(jwks) })
  // A key set is fetched again at most every 30 seconds.
  assert.equal((await shared.browser.visit(target)).status, 503)
  shared.server.clock.advance(30)
  const { text, header } = await decrypt(jwtOf(await shared.browser.visit(target)))
  assert.deepEqual([header.alg, header.enc], ['ECDH-ES+A128KW', 'A256GCM'])
  assert.ok((await claimsOf(text, 'keyless')).code)
})

test('JARM: form_post.jwt is refused for a private-use scheme, whose applications receive no forms', async () => {
  const redirect_uri = 'com.example.app:/cb'
  const page = await shared.browser.visit(
    authorizePath({ client_id: 'native', redirect_uri, response_mode: 'form_post.jwt' }),
  )
  const json = await claimsOf(answerOf(page, redirect_uri).get('response') ?? '', 'native')
  assertRefused({ json, reason: page.reason }, 'invalid_request', 'response_mode_form_post')
})

test('JARM: a client or a server can require it; the error for another mode is signed', async () => {
  const all = await open({ authorization_responses: { require_signed: true } })
  for (const [where, client_id] of [
    [shared, 'strict'],
    [all, 'web'],
  ] as const) {
    for (const response_mode of [undefined, 'query', 'fragment', 'form_post', 'pigeon']) {
      const page = await where.browser.visit(authorizePath({ client_id, response_mode }))
      const claims = await claimsOf(jwtOf(page), client_id, where)
      const isUnknown = response_mode === 'pigeon'
      assert.equal(claims.error, isUnknown ? 'unsupported_response_type' : 'invalid_request')
      assert.equal(page.reason, isUnknown ? 'response_mode_unknown' : 'response_mode_unsigned')
    }
    const page = await where.browser.visit(authorizePath({ client_id, response_mode: 'jwt' }))
    assert.ok((await claimsOf(jwtOf(page), client_id, where)).code)
  }
})

test('JARM: a pushed request carries the mode, and is refused when it is pushed [RFC 9126 §2.3]', async () => {
  const push = async (changes: Record<string, string>) => {
    const query = authorizePath({ client_id: 'strict', ...changes }).split('?')[1]
    return shared.server.send('POST', '/connect/par', {
      form: Object.fromEntries(new URLSearchParams(query)),
    })
  }
  assertRefused(await push({}), 'invalid_request', 'response_mode_unsigned')
  const { json } = await push({ response_mode: 'jwt' })
  const query = new URLSearchParams({ client_id: 'strict', request_uri: json.request_uri })
  const page = await shared.browser.visit(`/connect/authorize?${query}`)
  assert.ok((await claimsOf(jwtOf(page), 'strict')).code)
  // A used request: the error comes from the plain parameters, and is signed because the client requires it.
  query.set('redirect_uri', callback)
  const again = await shared.browser.visit(`/connect/authorize?${query}`)
  assert.equal(again.reason, 'pushed_request_used')
  assert.equal((await claimsOf(jwtOf(again), 'strict')).error, 'invalid_request_uri')
})
