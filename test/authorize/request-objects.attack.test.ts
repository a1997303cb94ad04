/**
 * Request objects and pushed requests that try to pass as something else, or to cost more than they appear to (RFC
 * 9101 §10, RFC 9126 §7).
 */

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { CompactEncrypt, exportJWK, importJWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { allTypes } from '../support/hybrid.ts'
import { assertRefused } from '../support/refused.ts'
import { manage, register } from '../support/registering.ts'
import {
  alice,
  answerOf,
  assertErrorPage,
  authorizePath,
  callback,
  challenge,
  pagesWorld,
  redeem,
  signIn,
  verifier,
} from '../support/sign-in.ts'
import { basic, createTestServer, issuer, startOfTime, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const base = {
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'implicit'],
  response_types: allTypes,
  redirect_uris: [callback],
  scope: 'openid profile api1',
  jwks: { keys: [{ ...(await exportJWK(ec.publicKey)), kid: 'ec' }] },
}
const configured = {
  ...pagesWorld,
  clients: [
    { ...base, client_id: 'app' },
    { ...base, client_id: 'acmeonly', tenants: ['acme'] },
    {
      ...base,
      client_id: 'signer',
      token_endpoint_auth_method: 'private_key_jwt',
      grant_types: [...base.grant_types, deviceGrant, 'client_credentials'],
    },
    ...pagesWorld.clients.filter(({ client_id }) => client_id === 'web'),
  ],
}
const whole = {
  client_id: 'app',
  redirect_uri: callback,
  response_type: 'code',
  scope: 'openid',
  state: 'within',
  code_challenge: challenge,
  code_challenge_method: 'S256',
}
const sign = (claims: object = whole, header: object = {}, key: KeyObject = ec.privateKey): Promise<string> =>
  new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'ec', ...header } as JWTHeaderParameters)
    .sign(key)

const visit = (server: TestServer, request: string, more: object = {}) =>
  createBrowser(server).visit(
    `/connect/authorize?${new URLSearchParams({ client_id: 'app', request, ...more })}`,
  )

test('attack: a request object that expands when decompressed is refused [RFC 8725 §3.6]', async () => {
  const server = await createTestServer(configured)
  const { keys } = (await server.send('GET', '/.well-known/openid-configuration/jwks')).json
  const jwk = keys.find(({ use }: { use: string }) => use === 'enc')
  const key = await importJWK(jwk, 'ECDH-ES')
  const encrypt = (text: string, more: object = {}) =>
    new CompactEncrypt(new TextEncoder().encode(text))
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A128GCM', kid: jwk.kid, ...more })
      .encrypt(key)
  assert.ok((await visit(server, await encrypt(await sign()))).form, 'it is accepted uncompressed')
  for (const text of [await sign(), ' '.repeat(200_000), ' '.repeat(10_000_000)]) {
    assertErrorPage(await visit(server, await encrypt(text, { zip: 'DEF' })), 'invalid_request_object')
    assert.equal(server.reason(), 'request_object_encryption_wrong')
  }
})

test('attack: keys from a password with billions of rounds, symmetric ones and many recipients are refused unopened [RFC 8725 §3.2]', async () => {
  const server = await createTestServer(configured)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const iv = Buffer.alloc(12).toString('base64url')
  for (const header of [
    { alg: 'PBES2-HS512+A256KW', enc: 'A128GCM', p2c: 2_147_483_647, p2s: 'c2FsdHNhbHQ' },
    { alg: 'dir', enc: 'A128GCM' },
    { alg: 'A128KW', enc: 'A128GCM' },
    { alg: 'RSA1_5', enc: 'A128CBC-HS256' },
    { alg: 'ECDH-ES', enc: 'A128GCM', crit: ['x'], x: 1 },
    { alg: 'ECDH-ES', enc: 'A128GCM', epk: { kty: 'EC', crv: 'P-521', x: 'AA', y: 'AA' } },
    { alg: 'ECDH-ES', enc: 'A128GCM', epk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } },
  ]) {
    const jwe = `${part(header)}.AAAA.${iv}.AAAA.${Buffer.alloc(16).toString('base64url')}`
    assertErrorPage(await visit(server, jwe), 'invalid_request_object')
    assert.equal(server.reason(), 'request_object_encryption_wrong')
  }
  const recipients = Array.from({ length: 100 }, () => ({ encrypted_key: 'AAAA' }))
  const general = JSON.stringify({
    protected: part({ enc: 'A128GCM' }),
    recipients,
    iv,
    ciphertext: 'A',
    tag: 'A',
  })
  assertErrorPage(await visit(server, general), 'invalid_request_object')
})

test('attack: a key in the object, or an address of one, is ignored [RFC 8725 §3.10]', async () => {
  const asked: string[] = []
  const server = await createTestServer(configured, {
    outbound: async url => {
      asked.push(String(url))
      return { ok: false, reason: 'outbound_failed' }
    },
  })
  const jwk = await exportJWK(stranger.publicKey)
  for (const header of [
    { jwk },
    { jwk, kid: undefined },
    { jku: 'https://evil.example/keys' },
    { x5u: 'https://evil.example/cert' },
    { kid: 'https://evil.example/keys' },
    { kid: '../../etc/passwd' },
  ]) {
    assertErrorPage(
      await visit(server, await sign(whole, header, stranger.privateKey)),
      'invalid_request_object',
    )
  }
  for (const header of [{ crit: ['b64'], b64: false }, { crit: ['exp'] }]) {
    const [, payload, signature] = (await sign()).split('.')
    const head = Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'ec', ...header })).toString('base64url')
    assertErrorPage(await visit(server, `${head}.${payload}.${signature}`), 'invalid_request_object')
  }
  assert.deepEqual(asked, [])
})

test('attack: a crowd of browsers makes the server fetch an address once at a time', async () => {
  let asked = 0
  const uri = 'https://objects.example/one'
  const request = await sign()
  const server = await createTestServer(
    { ...configured, clients: configured.clients.map(client => ({ ...client, request_uris: [uri] })) },
    {
      outbound: async () => {
        asked += 1
        await new Promise(resolve => setImmediate(resolve))
        return { ok: true, status: 200, headers: {}, body: request }
      },
    },
  )
  const target = `/connect/authorize?${new URLSearchParams({ client_id: 'app', request_uri: uri })}`
  const crowd = Array.from({ length: 100 }, () => server.send('GET', target))
  const statuses = new Set((await Promise.all(crowd)).map(({ status }) => status))
  assert.deepEqual(statuses, new Set([302]))
  assert.ok(asked < 10, `it was fetched ${asked} times`)
  // And the next one fetches again.
  const before = asked
  await server.send('GET', target)
  assert.equal(asked, before + 1)
})

test('request objects: one whose keys can’t be fetched is not called invalid, at the authorization and the PAR endpoint', async () => {
  const { jwks: _, ...keyless } = base
  const client = { ...keyless, client_id: 'app', jwks_uri: 'https://away.example/keys' }
  const server = await createTestServer(
    { ...configured, clients: [client] },
    { outbound: async () => ({ ok: true, status: 502, headers: {}, body: '' }) },
  )
  const request = await sign()
  const outside = new URLSearchParams({ client_id: 'app', request, redirect_uri: callback })
  const { headers } = await server.send('GET', `/connect/authorize?${outside}`)
  assert.match(String(headers.location), /error=temporarily_unavailable/)
  assert.equal(server.reason(), 'client_keys_unavailable')
  const pushed = await server.send('POST', '/connect/par', { form: { client_id: 'app', request } })
  assert.equal(pushed.status, 503)
  assertRefused(pushed, 'temporarily_unavailable', 'client_keys_unavailable')
})

test('attack: slow URLs occupy a limited number of requests, and do not affect others', async () => {
  let answer = (_: string): void => {}
  const slow = new Promise<string>(resolve => {
    answer = resolve
  })
  const uri = 'https://slow.example/object'
  const { jwks: _, ...keyless } = base
  const server = await createTestServer(
    {
      ...configured,
      clients: [
        { ...base, client_id: 'app', request_uris: [uri] },
        {
          ...keyless,
          client_id: 'signer',
          token_endpoint_auth_method: 'private_key_jwt',
          jwks_uri: 'https://slow.example/keys',
          grant_types: [...base.grant_types, 'client_credentials'],
        },
        ...pagesWorld.clients.filter(({ client_id }) => client_id === 'machine'),
      ],
    },
    { outbound: async () => ({ ok: true, status: 200, headers: {}, body: await slow }) },
  )
  const target = `/connect/authorize?${new URLSearchParams({ client_id: 'app', request_uri: uri, redirect_uri: callback })}`
  const jwt = await assertion('slow')
  const form = { grant_type: 'client_credentials', scope: 'api1', ...asClient(jwt) }
  const done: (string | number)[] = []
  const crowd = [
    ...Array.from({ length: 300 }, () =>
      server.send('GET', target).then(({ headers }) => done.push(String(headers.location))),
    ),
    ...Array.from({ length: 600 }, () => server.token(form).then(({ status }) => done.push(status))),
  ]
  const fast = { grant_type: 'client_credentials', scope: 'api1' }
  assert.equal((await server.token(fast, { client: ['machine', 's'] })).status, 200)
  await until('all except those that wait have responses', () => done.length >= 550)
  const turnedAway = done.filter(one => String(one).includes('error=temporarily_unavailable'))
  // Half of the slots for request objects, and half of those for keys.
  assert.equal(turnedAway.length, 300 - 100)
  assert.equal(done.filter(one => one === 503).length, 600 - 250)
  assert.equal(done.length, 550)
  answer(await sign())
  await Promise.all(crowd)
  assert.equal(done.length, 900)
})

const assertion = (jti: string, claims: object = {}, header: object = {}) =>
  sign({ iss: 'signer', sub: 'signer', aud: issuer, exp: startOfTime + 60, jti, ...claims }, header)
const asClient = (client_assertion: string) => ({
  client_assertion,
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
})

test('attack: a JWT made for one purpose is accepted for no other [RFC 8725 §3.11]', async () => {
  const server = await createTestServer(configured)
  const browser = createBrowser(server)
  const page = await signIn(browser, authorizePath())
  const { json } = await server.token({
    ...{ grant_type: 'authorization_code', client_id: 'web', code: answerOf(page).get('code') ?? '' },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })
  for (const jwt of [json.id_token, json.access_token, await assertion('as-request')]) {
    const refused = await visit(server, jwt, { client_id: 'signer' })
    assertErrorPage(refused, 'invalid_request_object')
  }
  // The client's own request object, with itself as sub, is not accepted as its authentication.
  const request = {
    ...whole,
    client_id: 'signer',
    iss: 'signer',
    aud: issuer,
    exp: startOfTime + 60,
    jti: 'r',
  }
  for (const [claims, header] of [
    [request, {}],
    [request, { typ: 'oauth-authz-req+jwt' }],
    [{ ...request, sub: 'signer' }, { typ: 'oauth-authz-req+jwt' }],
    [{ ...request, sub: 'signer' }, { typ: 'dpop+jwt' }],
  ]) {
    const answer = await server.token({
      grant_type: 'client_credentials',
      scope: 'api1',
      ...asClient(await sign(claims, header)),
    })
    assertRefused(
      answer,
      'invalid_client',
      claims === request ? 'client_assertion_malformed' : 'client_assertion_type_wrong',
    )
  }
  // Nor are the server's own tokens accepted as authentication, or as a bearer token of another kind.
  for (const jwt of [json.id_token, json.access_token]) {
    const answer = await server.token({ grant_type: 'client_credentials', ...asClient(jwt) })
    assertRefused(answer, 'invalid_client', 'client_unknown')
  }
  const hinted = await browser.visit(authorizePath({ prompt: 'none', id_token_hint: json.access_token }))
  assert.equal(answerOf(hinted).get('error'), 'invalid_request')
})

test('attack: an assertion used at one endpoint is consumed for all, even concurrently', async () => {
  const server = await createTestServer(configured)
  const ask = (path: string, client_assertion: string, more: object = {}) =>
    server.send('POST', path, { form: { ...asClient(client_assertion), ...more } })
  const { client_id: _, ...request } = whole
  const everywhere = [
    ['/connect/token', { grant_type: 'client_credentials', scope: 'api1' }],
    ['/connect/par', request],
    ['/connect/deviceauthorization', {}],
    ['/connect/introspect', { token: 'x' }],
    ['/connect/revocation', { token: 'x' }],
  ] as const
  for (const [index, [first, form]] of everywhere.entries()) {
    const jwt = await assertion(`once-${index}`)
    assert.ok((await ask(first, jwt, form)).status < 300, first)
    for (const [path, more] of everywhere) assert.equal((await ask(path, jwt, more)).status, 401, path)
  }
  const jwt = await assertion('at once')
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => everywhere.map(([path, more]) => ask(path, jwt, more))).flat(),
  )
  assert.equal(answers.filter(({ status }) => status < 300).length, 1)
  // An assertion for another endpoint is not accepted at this one.
  const forPar = await assertion('for par', { aud: `${issuer}/connect/par` })
  assert.equal((await ask('/connect/token', forPar, everywhere[0][1])).status, 401)
  assert.equal((await ask('/connect/par', forPar, request)).status, 201)
})

test('attack: tenant and provider are read only from acr_values, and only once', async () => {
  const server = await createTestServer(configured)
  const errorOf = async (claims: object, more: object = {}) => {
    const request = await sign({ ...whole, ...claims })
    const page = await visit(server, request, {
      client_id: (claims as typeof whole).client_id ?? 'app',
      ...more,
    })
    return page.location === undefined ? undefined : answerOf(page).get('error')
  }
  assert.equal(await errorOf({ acr_values: 'tenant:acme tenant:globex' }), 'invalid_request')
  assert.equal(await errorOf({ acr_values: 'idp:corp idp:other' }), 'invalid_request')
  assert.notEqual(await errorOf({ client_id: 'acmeonly', acr_values: 'tenant:globex' }), undefined)
  assert.equal(await errorOf({ client_id: 'acmeonly', acr_values: 'tenant:acme' }), undefined)
  // Values outside do not add to those inside.
  assert.equal(await errorOf({ acr_values: 'tenant:acme' }, { acr_values: 'tenant:globex' }), undefined)
  // In `claims` they are acr values like any other, which nobody reaches.
  const claims = { id_token: { acr: { essential: true, values: ['tenant:acme', 'idp:corp'] } } }
  const browser = createBrowser(server)
  const target = authorizePath({ client_id: 'web', claims: JSON.stringify(claims) })
  const page = await browser.submit(await browser.visit(target), alice)
  assert.equal(answerOf(page).get('error'), 'unmet_authentication_requirements')
  const voluntary = { id_token: { acr: { values: ['tenant:acme'] } } }
  const again = await browser.visit(authorizePath({ client_id: 'web', claims: JSON.stringify(voluntary) }))
  const idToken = await redeem(server, again)
  assert.equal(idToken.tenant, undefined)
  assert.equal(idToken.acr, '1')
})

test('attack: no token is returned in a query, whatever the request says, and every response has iss [RFC 9207 §2]', async () => {
  const server = await createTestServer(configured)
  const browser = createBrowser(server)
  await signIn(browser, authorizePath())
  for (const response_type of allTypes.filter(type => type !== 'code')) {
    const claims = { ...whole, response_type, nonce: 'n', response_mode: 'query', scope: 'openid' }
    const query = new URLSearchParams({ client_id: 'app', request: await sign(claims) })
    const page = await browser.visit(`/connect/authorize?${query}`)
    const { search, hash } = new URL(page.location ?? '')
    assert.equal(search, '', response_type)
    const answer = new URLSearchParams(hash.slice(1))
    assert.equal(answer.get('error'), 'invalid_request')
    assert.equal(answer.get('iss'), issuer)
    const right = new URLSearchParams({
      client_id: 'app',
      request: await sign({ ...claims, response_mode: 'fragment' }),
    })
    const told = new URL((await browser.visit(`/connect/authorize?${right}`)).location ?? '')
    assert.equal(told.search, '')
    assert.equal(new URLSearchParams(told.hash.slice(1)).get('iss'), issuer)
  }
})

test('attack: form_post returns the parameters as text, whatever they contain [OAuth 2.0 Form Post Response Mode 1.0 §4]', async () => {
  const server = await createTestServer(configured)
  const state = `"><script>alert(1)</script>&quot;'\`\${7*7}<%= 7*7 %>{{7*7}}`
  const browser = createBrowser(server)
  const page = await signIn(browser, authorizePath({ state, response_mode: 'form_post' }))
  assert.equal(page.form?.fields.state, state)
  assert.doesNotMatch(String(page.body), /<script>alert/)
  assert.equal(page.form?.action, callback)
})

test('attack: a pushed request is checked against the client’s metadata at the time of the browser’s request', async () => {
  const server = await createTestServer({
    ...configured,
    registration: { mode: 'open', client_defaults: { require_consent: false } },
  })
  const metadata = { redirect_uris: [callback, 'https://app.example/other'], scope: 'openid profile' }
  for (const [change, error] of [
    [{ redirect_uris: ['https://app.example/other'] }, 'invalid_request'],
    [{ scope: 'openid' }, 'invalid_scope'],
    [{ response_types: ['id_token'], grant_types: ['implicit'] }, 'unauthorized_client'],
  ] as const) {
    const { json } = await register(server, metadata)
    const { client_id, client_secret } = json
    const form = { ...whole, client_id, scope: 'openid profile' }
    const pushed = await server.send('POST', '/connect/par', {
      form,
      headers: basic(client_id, client_secret),
    })
    assert.equal(pushed.status, 201)
    assert.equal((await manage(server, 'PUT', json, { ...metadata, ...change, client_id })).status, 200)
    const query = new URLSearchParams({ client_id, request_uri: pushed.json.request_uri })
    const page = await createBrowser(server).visit(`/connect/authorize?${query}`)
    assertErrorPage(page, error)
  }
})
