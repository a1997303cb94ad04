/** Request objects by value and by reference (RFC 9101, OpenID Connect Core 1.0 §6). */

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { CompactEncrypt, exportJWK, importJWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { createBrowser, type Page } from '../support/browser.ts'
import { allowLoopback, openLoopback } from '../support/loopback.ts'
import {
  answerOf,
  assertErrorPage,
  callback,
  challenge,
  pagesWorld,
  signIn,
  verifier,
} from '../support/sign-in.ts'
import { createTestServer, issuer, startOfTime, type TestServer } from '../support/tessera.ts'

const there = await openLoopback()
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = {
  keys: [
    { ...(await exportJWK(rsa.publicKey)), kid: 'rsa' },
    { ...(await exportJWK(ec.publicKey)), kid: 'ec' },
  ],
}

const base = {
  token_endpoint_auth_method: 'none',
  redirect_uris: [callback],
  scope: 'openid profile api1',
  jwks,
}
const configured = (more: object = {}) => ({
  ...pagesWorld,
  ...allowLoopback,
  clients: [
    { ...base, client_id: 'app', request_uris: [`${there.origin}/object`, `${there.origin}/object#v2`] },
    { ...base, client_id: 'other' },
    { ...base, client_id: 'lax', request_object_signing_alg: 'none' },
    { ...base, client_id: 'strict', require_signed_request_object: true },
    { ...base, client_id: 'rsaonly', request_object_signing_alg: 'RS256' },
  ],
  ...more,
})

const whole = {
  client_id: 'app',
  redirect_uri: callback,
  response_type: 'code',
  scope: 'openid api1',
  state: 'inner',
  nonce: 'n-1',
  code_challenge: challenge,
  code_challenge_method: 'S256',
}
const plainly = (claims: object, header: object = { alg: 'none' }): string =>
  `${[header, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`

type Sign = { readonly header?: Partial<JWTHeaderParameters>; readonly key?: KeyObject }
const sign = (claims: object = {}, { header, key = ec.privateKey }: Sign = {}): Promise<string> =>
  new SignJWT({ iss: 'app', aud: issuer, ...whole, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'ec', ...header })
    .sign(key)

const visit = async (server: TestServer, parameters: Readonly<Record<string, string>>): Promise<Page> =>
  createBrowser(server).visit(`/connect/authorize?${new URLSearchParams(parameters)}`)

const isLogin = (page: Page): boolean => page.form !== undefined && 'password' in page.form.fields

for (const [what, made] of [
  [
    'signed by an RSA key [jar-002] [jar-004]',
    sign({}, { header: { alg: 'RS256', kid: 'rsa' }, key: rsa.privateKey }),
  ],
  ['signed by an EC key', sign()],
  ['without issuer and audience', sign({ iss: undefined, aud: undefined })],
  ['with several audiences', sign({ aud: ['https://other.example', issuer] })],
  ['that has not expired', sign({ exp: startOfTime + 60, iat: startOfTime, nbf: startOfTime })],
  ['typed JWT', sign({}, { header: { typ: 'JWT' } })],
  ['typed as a request', sign({}, { header: { typ: 'application/oauth-authz-req+jwt' } })],
] as const) {
  test(`request object: one ${what} is accepted, and its parameters are used [RFC 9101 §5]`, async () => {
    const server = await createTestServer(configured())
    const browser = createBrowser(server)
    const target = `/connect/authorize?${new URLSearchParams({ client_id: 'app', request: await made })}`
    const answer = answerOf(await signIn(browser, target))
    assert.equal(answer.get('state'), 'inner')
    const tokens = await server.token({
      grant_type: 'authorization_code',
      client_id: 'app',
      code: answer.get('code') ?? '',
      redirect_uri: callback,
      code_verifier: verifier,
    })
    assert.equal(tokens.json.scope, 'api1 openid')
  })
}

test('request object: parameters outside are added and never override [OpenID Connect Core 1.0 §6.1] [jar-006]', async () => {
  const server = await createTestServer(configured())
  const request = await sign({ redirect_uri: undefined, scope: 'openid' })
  const outside = {
    client_id: 'app',
    response_type: 'code',
    redirect_uri: callback,
    scope: 'openid api1',
    state: 'outer',
    request,
  }
  const answer = answerOf(
    await signIn(createBrowser(server), `/connect/authorize?${new URLSearchParams(outside)}`),
  )
  assert.equal(answer.get('state'), 'inner')
})

test('request object: parameters outside are ignored if it has the type of RFC 9101, or must be signed [RFC 9101 §5]', async () => {
  const server = await createTestServer(configured())
  for (const [client_id, typ] of [
    ['app', 'oauth-authz-req+jwt'],
    ['strict', 'JWT'],
  ] as const) {
    const request = await sign({ client_id, iss: client_id, redirect_uri: undefined }, { header: { typ } })
    assertErrorPage(await visit(server, { client_id, redirect_uri: callback, request }), 'invalid_request')
    assert.equal(server.reason(), 'redirect_uri_missing')
  }
})

test('request object: numbers, objects and lists are read as parameters [jar-009]', async () => {
  const server = await createTestServer(configured())
  const request = await sign({
    max_age: 3600,
    claims: { id_token: { acr: null } },
    resource: ['urn:api'],
    ui_locales: 'de',
  })
  const page = await visit(server, { client_id: 'app', request })
  assert.ok(isLogin(page), page.text)
})

test('request object: prompt=login in it asks once [jar-027]', async () => {
  const server = await createTestServer(configured())
  const request = await sign({ prompt: 'login' })
  const browser = createBrowser(server)
  const answer = answerOf(
    await signIn(browser, `/connect/authorize?${new URLSearchParams({ client_id: 'app', request })}`),
  )
  assert.ok(answer.get('code'))
})

for (const [what, made, reason, error = 'invalid_request_object'] of [
  ['without client_id [jar-011]', sign({ client_id: undefined }), 'request_object_client_id_mismatch'],
  ['of another client [jar-017]', sign({ client_id: 'other' }), 'request_object_client_id_mismatch'],
  ['for another server [jar-012]', sign({ aud: 'https://other.example' }), 'request_object_audience_wrong'],
  ['for nobody', sign({ aud: [] }), 'request_object_audience_wrong'],
  ['of another issuer [jar-013]', sign({ iss: 'other' }), 'request_object_issuer_wrong'],
  ['with a nested request [jar-014]', sign({ request: 'x' }), 'request_object_nested'],
  [
    'with a nested request_uri [jar-015]',
    sign({ request_uri: 'https://a.example' }),
    'request_object_nested',
  ],
  ['signed by a stranger', sign({}, { key: stranger.privateKey }), 'request_object_signature_invalid'],
  ['that has expired', sign({ exp: startOfTime - 61 }), 'request_object_signature_invalid'],
  ['that is not valid yet', sign({ nbf: startOfTime + 61 }), 'request_object_signature_invalid'],
  ['from the future', sign({ iat: startOfTime + 61 }), 'request_object_from_the_future'],
  [
    'typed for another purpose [jar-008]',
    sign({}, { header: { typ: 'client-authentication+jwt' } }),
    'request_object_type_wrong',
  ],
  ['that is not a JWT', Promise.resolve('nonsense'), 'request_object_malformed'],
  [
    'with one signature taken from another',
    sign().then(one =>
      one.replace(
        /\.[^.]+\./,
        `.${Buffer.from(JSON.stringify({ ...whole, scope: 'openid profile' })).toString('base64url')}.`,
      ),
    ),
    'request_object_signature_invalid',
  ],
] as const) {
  test(`request object: one ${what} is refused on an error page`, async () => {
    const server = await createTestServer(configured())
    const page = await visit(server, { client_id: 'app', request: await made })
    assertErrorPage(page, error)
    assert.equal(server.reason(), reason)
  })
}

test('request object: the error is redirected to the client if the parameters outside identify its address', async () => {
  const server = await createTestServer(configured())
  const request = await sign({ aud: 'https://other.example' })
  const answer = answerOf(
    await visit(server, { client_id: 'app', redirect_uri: callback, state: 's', request }),
  )
  assert.deepEqual([answer.get('error'), answer.get('state')], ['invalid_request_object', 's'])
  const elsewhere = await visit(server, { client_id: 'app', redirect_uri: 'https://thief.example', request })
  assertErrorPage(elsewhere, 'invalid_request_object')
})

test('request object: response_type must be the same inside and outside [jar-016]', async () => {
  const server = await createTestServer(configured())
  assertErrorPage(
    await visit(server, { client_id: 'app', response_type: 'id_token', request: await sign() }),
    'invalid_request',
  )
})

test('request object: without client_id outside, there are no keys to verify it with [jar-010]', async () => {
  const server = await createTestServer(configured())
  assertErrorPage(await visit(server, { request: await sign() }), 'invalid_request', 'client_id')
})

test('request object: only the algorithm that the client registered is accepted [jar-018]', async () => {
  const server = await createTestServer(configured())
  const of = { client_id: 'rsaonly', iss: 'rsaonly' }
  const byRsa = await sign(of, { header: { alg: 'RS256', kid: 'rsa' }, key: rsa.privateKey })
  assert.ok(isLogin(await visit(server, { client_id: 'rsaonly', request: byRsa })))
  assertErrorPage(
    await visit(server, { client_id: 'rsaonly', request: await sign(of) }),
    'invalid_request_object',
  )
})

test('request object: an unsigned one is accepted from a client that registered none or nothing, unless it has expired [OpenID Connect Dynamic Client Registration 1.0 §2]', async () => {
  const server = await createTestServer(configured())
  const ask = (claims: object) =>
    visit(server, { client_id: 'lax', request: plainly({ ...whole, client_id: 'lax', ...claims }) })
  assert.ok(isLogin(await visit(server, { client_id: 'app', request: plainly(whole) })))
  assert.ok(isLogin(await ask({})))
  assert.ok(isLogin(await ask({ exp: startOfTime + 1 })))
  for (const claims of [
    { exp: startOfTime - 61 },
    { nbf: startOfTime + 61 },
    { exp: 'soon' },
    { aud: 'https://other.example' },
  ])
    assertErrorPage(await ask(claims), 'invalid_request_object')
  const trailing = `${plainly({ ...whole, client_id: 'lax' })}AAAA`
  assertErrorPage(await visit(server, { client_id: 'lax', request: trailing }), 'invalid_request_object')
})

test('request object: one that is nested deeper than any request is refused, signed or not', async () => {
  const server = await createTestServer(configured())
  const deep = JSON.parse(`${'['.repeat(2000)}${']'.repeat(2000)}`)
  for (const [request, reason] of [
    [plainly({ ...whole, deep }), 'request_object_malformed'],
    [await sign({ deep }), 'request_object_signature_invalid'],
  ] as const) {
    assertErrorPage(await visit(server, { client_id: 'app', request }), 'invalid_request_object')
    assert.equal(server.reason(), reason)
  }
})

test('request object: an unsigned one is refused from a client that registered an algorithm', async () => {
  const server = await createTestServer(configured())
  const request = plainly({ ...whole, client_id: 'rsaonly' })
  assertErrorPage(await visit(server, { client_id: 'rsaonly', request }), 'invalid_request_object')
  assert.equal(server.reason(), 'request_object_unsigned')
})

test('request object: if the client or the server requires signed ones, others are refused [RFC 9101 §10.5]', async () => {
  const server = await createTestServer(configured())
  assert.equal(
    answerOf(await visit(server, { ...whole, client_id: 'strict' })).get('error'),
    'invalid_request',
  )
  assert.equal(server.reason(), 'request_object_missing')
  assert.ok(
    isLogin(
      await visit(server, {
        client_id: 'strict',
        request: await sign({ client_id: 'strict', iss: 'strict' }),
      }),
    ),
  )
  const all = await createTestServer(configured({ authorization_requests: { require_signed: true } }))
  assert.equal(answerOf(await visit(all, whole)).get('error'), 'invalid_request')
  assert.equal(
    (await all.send('GET', '/.well-known/openid-configuration')).json.require_signed_request_object,
    true,
  )
  const request = plainly({ ...whole, client_id: 'lax' })
  assertErrorPage(await visit(all, { client_id: 'lax', request }), 'invalid_request_object')
})

test('request_uri: a registered address is fetched once per request', async () => {
  const server = await createTestServer(configured())
  there.pages.set('/object', {
    headers: { 'content-type': 'application/oauth-authz-req+jwt' },
    body: await sign(),
  })
  const before = there.asked.length
  for (const request_uri of [`${there.origin}/object`, `${there.origin}/object#v2`]) {
    const browser = createBrowser(server)
    const target = `/connect/authorize?${new URLSearchParams({ client_id: 'app', request_uri })}`
    assert.ok(answerOf(await signIn(browser, target)).get('code'))
  }
  assert.equal(there.asked.length - before, 2)
})

test('request_uri: an unsigned object at a registered address is accepted', async () => {
  const server = await createTestServer(configured())
  there.pages.set('/object', { headers: { 'content-type': 'application/jwt' }, body: plainly(whole) })
  const outside = { client_id: 'app', response_type: 'code', scope: 'openid', redirect_uri: callback }
  const request = { ...outside, request_uri: `${there.origin}/object#v2` }
  const page = await signIn(createBrowser(server), `/connect/authorize?${new URLSearchParams(request)}`)
  assert.equal(answerOf(page).get('state'), 'inner')
})

for (const [what, page, reason] of [
  ['answers 500 [jar-023]', { status: 500, body: '' }, 'request_uri_not_fetched'],
  ['answers 404 [jar-024]', { status: 404, body: '' }, 'request_uri_not_fetched'],
  ['redirects', { status: 302, headers: { location: '/elsewhere' }, body: '' }, 'request_uri_not_fetched'],
  [
    'returns a page [jar-022]',
    { headers: { 'content-type': 'text/html' }, body: await sign() },
    'request_uri_media_type_wrong',
  ],
  [
    'returns too much',
    { headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(20_000) },
    'request_uri_not_fetched',
  ],
] as const) {
  test(`request_uri: an address that ${what} is refused`, async () => {
    const server = await createTestServer(configured())
    there.pages.set('/object', page)
    assertErrorPage(
      await visit(server, { client_id: 'app', request_uri: `${there.origin}/object` }),
      'invalid_request_uri',
    )
    assert.equal(server.reason(), reason)
  })
}

test('request_uri: an unregistered address, or one of another client, is not fetched', async () => {
  const server = await createTestServer(configured())
  const path = `/${randomUUID()}`
  there.pages.set(path, { headers: { 'content-type': 'application/jwt' }, body: await sign() })
  for (const [client_id, request_uri] of [
    ['app', there.origin + path],
    ['other', `${there.origin}/object`],
    ['app', `${there.origin}/object?x`],
  ] as const)
    assertErrorPage(await visit(server, { client_id, request_uri }), 'invalid_request_uri')
  assert.ok(!there.asked.includes(path))
  const open = await createTestServer(
    configured({ authorization_requests: { allow_unregistered_request_uris: true } }),
  )
  assert.ok(isLogin(await visit(open, { client_id: 'app', request_uri: there.origin + path })))
  const { json } = await open.send('GET', '/.well-known/openid-configuration')
  assert.equal(json.require_request_uri_registration, false)
})

test('request_uri: a private address is not fetched unless allowed, registered or not', async () => {
  const server = await createTestServer({ ...configured(), outbound: {} })
  assertErrorPage(
    await visit(server, { client_id: 'app', request_uri: `${there.origin}/object` }),
    'invalid_request_uri',
  )
})

test('request_uri: one that is too long, and one with a request parameter, are refused [jar-025]', async () => {
  const server = await createTestServer(configured())
  const long = `https://a.example/${'x'.repeat(512)}`
  assertErrorPage(await visit(server, { client_id: 'app', request_uri: long }), 'invalid_request_uri')
  assertErrorPage(
    await visit(server, { client_id: 'app', request_uri: `${there.origin}/object`, request: await sign() }),
    'invalid_request',
  )
})

test('authorize: a client’s default max_age and acr_values apply to requests without them [OpenID Connect Dynamic Client Registration 1.0 §2]', async () => {
  const clients = [{ ...base, client_id: 'app', default_max_age: 60, default_acr_values: ['idp:local'] }]
  const server = await createTestServer({ ...pagesWorld, clients })
  const browser = createBrowser(server)
  const target = `/connect/authorize?${new URLSearchParams(whole)}`
  assert.ok(answerOf(await signIn(browser, target)).get('code'))
  server.clock.advance(60)
  assert.ok(answerOf(await browser.visit(target)).get('code'))
  server.clock.advance(1)
  assert.ok(isLogin(await browser.visit(target)))
  assert.ok(answerOf(await browser.visit(`${target}&max_age=3600`)).get('code'))
})

const encrypt = async (
  server: TestServer,
  text: string,
  { alg = 'ECDH-ES', enc = 'A128CBC-HS256' }: { alg?: string; enc?: string } = {},
): Promise<string> => {
  const { keys } = (await server.send('GET', '/.well-known/openid-configuration/jwks')).json
  const jwk = keys.find(({ use }: { use: string }) => use === 'enc')
  return new CompactEncrypt(new TextEncoder().encode(text))
    .setProtectedHeader({ alg, enc, kid: jwk.kid, cty: 'JWT' })
    .encrypt(await importJWK(jwk, alg))
}

test('request object: one encrypted for this server is decrypted, and the same rules apply [RFC 9101 §6.1]', async () => {
  const server = await createTestServer(configured())
  for (const [alg, enc] of [
    ['ECDH-ES', 'A128CBC-HS256'],
    ['ECDH-ES+A128KW', 'A256GCM'],
    ['ECDH-ES+A256KW', 'A256CBC-HS512'],
  ] as const)
    assert.ok(
      isLogin(
        await visit(server, { client_id: 'app', request: await encrypt(server, await sign(), { alg, enc }) }),
      ),
    )
  const unsigned = await encrypt(server, plainly({ ...whole, client_id: 'rsaonly' }))
  assertErrorPage(await visit(server, { client_id: 'rsaonly', request: unsigned }), 'invalid_request_object')
  assert.equal(server.reason(), 'request_object_unsigned')
  const sealed = await encrypt(server, await sign())
  const flipped = sealed.replace(/\.[^.]+\.([^.]+)$/, (_, tag: string) => `.AAAA.${tag}`)
  assertErrorPage(await visit(server, { client_id: 'app', request: flipped }), 'invalid_request_object')
  assert.equal(server.reason(), 'request_object_encryption_wrong')
})

test('request object: with an encrypted one, the length of an address reveals nothing of it [RFC 9101 §6.1]', async () => {
  const server = await createTestServer(configured())
  const secret = 'alice.of.the.long.name.of.example'
  const request = await encrypt(server, await sign({ login_hint: secret }))
  const lengthBeside = async (ui_locales: string): Promise<number> => {
    const query = new URLSearchParams({ client_id: 'app', request, ui_locales })
    const { status, headers } = await server.send('GET', `/connect/authorize?${query}`)
    assert.equal(status, 302)
    return String(headers.location).length
  }
  const guess = 'xq7vkzj0wpfy4uh8gdnmct2brl5s6ae9o'
  assert.equal(guess.length, secret.length)
  assert.equal(await lengthBeside(secret), await lengthBeside(guess))
})

test('request object: a client that registered encryption may use another one, or none [OpenID Connect Dynamic Client Registration 1.0 §2]', async () => {
  const clients = [
    {
      ...base,
      client_id: 'app',
      request_object_encryption_alg: 'ECDH-ES',
      request_object_encryption_enc: 'A256GCM',
    },
  ]
  const server = await createTestServer(configured({ clients }))
  const ask = async (request: string) => visit(server, { client_id: 'app', request })
  for (const request of [
    await sign(),
    await encrypt(server, await sign(), { enc: 'A256GCM' }),
    await encrypt(server, await sign()),
    await encrypt(server, await sign(), { alg: 'ECDH-ES+A128KW', enc: 'A256GCM' }),
  ])
    assert.ok(isLogin(await ask(request)))
})
