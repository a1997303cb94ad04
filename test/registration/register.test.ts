/** Clients that register themselves (RFC 7591, OpenID Connect Dynamic Client Registration 1.0). */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { allowLoopback, openLoopback } from '../support/loopback.ts'
import { bearer, jsonType, manage, register } from '../support/registering.ts'
import {
  answerOf,
  assertErrorPage,
  authorizePath,
  callback,
  pagesWorld,
  signIn,
  verifier,
} from '../support/sign-in.ts'
import { basic, createTestServer, issuer, startOfTime, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'

const open = (registration: object = {}, more: object = {}): Promise<TestServer> =>
  createTestServer({ ...pagesWorld, ...more, registration: { mode: 'open', ...registration } })

const web = { redirect_uris: [callback] }

test('registration: no client can register unless the configuration allows it', async () => {
  const server = await createTestServer(pagesWorld)
  assert.equal((await register(server, web)).status, 404)
  assert.equal(
    (await server.send('GET', '/.well-known/openid-configuration')).json.registration_endpoint,
    undefined,
  )
})

test('registration: an empty software statement counts as none, and is not kept', async () => {
  const server = await open()
  for (const software_statement of ['', null]) {
    const { status, json } = await register(server, { ...web, software_statement })
    assert.equal(status, 201)
    assert.equal('software_statement' in json, false)
  }
})

test('registration: minimal metadata is registered with the defaults, and everything is returned [RFC 7591 §2, §3.2.1]', async () => {
  const server = await open()
  const { status, headers, json } = await register(server, web)
  assert.equal(status, 201)
  assert.match(String(headers['cache-control']), /no-store/)
  const { client_id, client_secret, registration_access_token, ...rest } = json
  assert.match(client_id, /^[\w-]{22}$/)
  assert.match(client_secret, /^tcs_[\w-]{43}$/)
  assert.match(registration_access_token, /^tcr_[\w-]{43}$/)
  assert.deepEqual(rest, {
    client_id_issued_at: startOfTime,
    client_secret_expires_at: 0,
    registration_client_uri: `${issuer}/connect/register/${client_id}`,
    application_type: 'web',
    redirect_uris: [callback],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    scope: 'openid profile email address phone',
    token_endpoint_auth_method: 'client_secret_basic',
    id_token_signed_response_alg: 'RS256',
    request_uris: [],
    id_token_encrypted_response_enc: 'A128CBC-HS256',
    userinfo_encrypted_response_enc: 'A128CBC-HS256',
    introspection_encrypted_response_enc: 'A128CBC-HS256',
    authorization_encrypted_response_enc: 'A128CBC-HS256',
    require_signed_authorization_response: false,
    require_signed_request_object: false,
    require_pushed_authorization_requests: false,
    tls_client_certificate_bound_access_tokens: false,
    dpop_bound_access_tokens: false,
    default_acr_values: [],
    require_auth_time: false,
    frontchannel_logout_session_required: false,
    backchannel_logout_session_required: false,
    subject_type: 'public',
    post_logout_redirect_uris: [],
    allowed_cors_origins: [],
  })
  const { json: metadata } = await server.send('GET', '/.well-known/openid-configuration')
  assert.equal(metadata.registration_endpoint, `${issuer}/connect/register`)
})

test('registration: a registered client can sign in users, with their consent', async () => {
  const server = await open()
  const client = await register(server, {
    ...web,
    client_name: 'Newcomer',
    grant_types: ['authorization_code', 'refresh_token'],
  })
  const { client_id, client_secret } = client.json
  const browser = createBrowser(server)
  const asked = await signIn(browser, authorizePath({ client_id, scope: 'openid offline_access' }))
  assert.match(asked.text, /Newcomer/)
  const code = answerOf(await browser.submit(asked, { button: 'yes' })).get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier }
  assert.equal((await server.token(form, { client: [client_id, 'wrong'] })).status, 401)
  const tokens = await server.token(form, { client: [client_id, client_secret] })
  assert.equal(tokens.status, 200, tokens.body)
  const refresh = { grant_type: 'refresh_token', refresh_token: tokens.json.refresh_token }
  assert.equal((await server.token(refresh, { client: [client_id, client_secret] })).status, 200)
})

test('registration: all supported metadata is stored, in each language, and unknown members are ignored [RFC 7591 §2, §2.2]', async () => {
  const server = await open()
  const known = {
    client_name: 'Name',
    'client_name#ja-Jpan-JP': '名前',
    'tos_uri#fr': 'https://app.example/conditions',
    client_uri: 'https://app.example',
    logo_uri: 'https://app.example/logo.png',
    policy_uri: 'https://app.example/policy',
    tos_uri: 'https://app.example/tos',
    contacts: ['ops@app.example'],
    software_id: 'app',
    software_version: '1.2',
    application_type: 'native',
    redirect_uris: ['com.example.app:/cb', 'http://127.0.0.1/cb', 'https://app.example/cb'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    scope: 'openid profile offline_access',
    token_endpoint_auth_method: 'none',
    id_token_signed_response_alg: 'ES256',
    request_uris: ['https://app.example/request'],
    id_token_encrypted_response_enc: 'A128CBC-HS256',
    userinfo_encrypted_response_enc: 'A256GCM',
    introspection_encrypted_response_enc: 'A128CBC-HS256',
    authorization_signed_response_alg: 'ES256',
    authorization_encrypted_response_enc: 'A256GCM',
    require_signed_authorization_response: true,
    userinfo_signed_response_alg: 'ES256',
    request_object_signing_alg: 'ES256',
    require_signed_request_object: false,
    require_pushed_authorization_requests: true,
    tls_client_certificate_bound_access_tokens: false,
    dpop_bound_access_tokens: true,
    default_max_age: 3600,
    default_acr_values: ['high'],
    require_auth_time: true,
    post_logout_redirect_uris: ['https://app.example/bye'],
    frontchannel_logout_uri: 'https://app.example/front',
    frontchannel_logout_session_required: true,
    backchannel_logout_uri: 'https://app.example/back',
    backchannel_logout_session_required: true,
    subject_type: 'public',
    initiate_login_uri: 'https://app.example/start',
    allowed_cors_origins: ['https://spa.example'],
  }
  const { status, json } = await register(server, {
    ...known,
    'client_name#de': null,
    'client_name#no tag': 'Name',
    'scope#de': 'openid',
    unheard_of: { a: 1 },
    jwks: null,
    require_consent: false,
    access_token_lifetime: 31_536_000,
    client_id: 'chosen',
    client_secret: 'chosen',
    enabled: true,
    claims: [{ type: 'admin', value: true }],
  })
  assert.equal(status, 201)
  const { client_id, client_id_issued_at, registration_access_token, registration_client_uri, ...rest } = json
  assert.notEqual(client_id, 'chosen')
  assert.deepEqual(rest, known)
})

test('registration: a public web application may call the endpoints from the pages of its redirection URIs', async () => {
  const server = await open()
  const spa = {
    redirect_uris: ['https://spa.example/cb', 'https://spa.example/silent'],
    token_endpoint_auth_method: 'none',
  }
  const from = async (origin: string) =>
    (await server.send('POST', '/connect/token', { form: {}, headers: { origin } })).headers[
      'access-control-allow-origin'
    ]
  assert.equal(await from('https://spa.example'), undefined)
  const { json } = await register(server, spa)
  assert.deepEqual(json.allowed_cors_origins, ['https://spa.example'])
  assert.equal(json.client_secret, undefined)
  assert.equal(json.client_secret_expires_at, undefined)
  assert.equal(await from('https://spa.example'), 'https://spa.example')
  assert.equal(await from('https://other.example'), undefined)
})

for (const [what, metadata, error, description] of [
  ['no address for a code', {}, 'invalid_redirect_uri', /redirect_uris/],
  ['http', { redirect_uris: ['http://app.example/cb'] }, 'invalid_redirect_uri', /redirect_uris\[0\]/],
  ['a fragment', { redirect_uris: [`${callback}#x`] }, 'invalid_redirect_uri', /fragment/],
  ['a script', { redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri', /dangerous/],
  [
    'a private-use scheme in a web application',
    { redirect_uris: ['com.example:/cb'] },
    'invalid_redirect_uri',
    /'web'/,
  ],
  ['no list', { redirect_uris: callback }, 'invalid_redirect_uri', /redirect_uris/],
  [
    'localhost with the implicit grant',
    {
      redirect_uris: ['https://localhost/cb'],
      grant_types: ['implicit'],
      response_types: ['id_token'],
    },
    'invalid_redirect_uri',
    /implicit/,
  ],
  [
    'a grant that is not allowed',
    { ...web, grant_types: ['password'] },
    'invalid_client_metadata',
    /grant_types/,
  ],
  ['client_credentials', { grant_types: ['client_credentials'] }, 'invalid_client_metadata', /grant_types/],
  [
    'a response type without its grant',
    { ...web, response_types: ['id_token'] },
    'invalid_client_metadata',
    /implicit/,
  ],
  [
    'an unknown method',
    { ...web, token_endpoint_auth_method: 'client_secret_jwt' },
    'invalid_client_metadata',
    /auth_method/,
  ],
  [
    'certificates that no proxy forwards',
    { ...web, token_endpoint_auth_method: 'tls_client_auth' },
    'invalid_client_metadata',
    /tls_client_auth|mtls/,
  ],
  [
    'no keys for its assertions',
    { ...web, token_endpoint_auth_method: 'private_key_jwt' },
    'invalid_client_metadata',
    /jwks/,
  ],
  [
    'a private key',
    { ...web, jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' }] } },
    'invalid_client_metadata',
    /private/,
  ],
  [
    'keys in two places',
    { ...web, jwks_uri: 'https://a.example', jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'x' }] } },
    'invalid_client_metadata',
    /jwks/,
  ],
  [
    'an algorithm that does not exist',
    { ...web, id_token_signed_response_alg: 'none' },
    'invalid_client_metadata',
    /alg/,
  ],
  [
    'an algorithm that the server has no key for',
    { ...web, id_token_signed_response_alg: 'EdDSA' },
    'invalid_client_metadata',
    /alg/,
  ],
] as const) {
  test(`registration: ${what} is refused, and the error names the member [RFC 7591 §3.2.2]`, async () => {
    const server = await open()
    const { status, json } = await register(server, metadata)
    assert.deepEqual([status, json.error], [400, error])
    assert.match(json.error_description, description)
    assert.doesNotMatch(json.error_description, /["\\]|[^\x20-\x7E]/)
  })
}

test('registration: a body that is not a JSON object is refused', async () => {
  const server = await open()
  for (const body of ['', '{', '[]', '"text"', 'null', '1']) {
    const { status, json } = await server.send('POST', '/connect/register', { headers: jsonType, body })
    assert.deepEqual([status, json.error], [400, 'invalid_client_metadata'])
  }
  const form = await server.send('POST', '/connect/register', { form: { redirect_uris: callback } })
  assert.deepEqual([form.status, form.json.error], [400, 'invalid_client_metadata'])
  assert.equal((await server.send('GET', '/connect/register')).status, 405)
})

test('registration: a client authenticates with its keys [RFC 7523 §2.2]', async () => {
  const server = await open({ allowed_grant_types: ['client_credentials'], allowed_scope: 'api1' })
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { json, status } = await register(server, {
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [await exportJWK(publicKey)] },
    grant_types: ['client_credentials'],
  })
  assert.equal(status, 201)
  assert.equal(json.client_secret, undefined)
  const claims = { iss: json.client_id, sub: json.client_id, aud: issuer, exp: startOfTime + 60, jti: '1' }
  const { status: granted } = await server.token({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(privateKey),
  })
  assert.equal(granted, 200)
})

test('registration: an initial access token is required if configured [RFC 7591 §3.1]', async () => {
  const server = await createTestServer({
    ...pagesWorld,
    registration: {
      mode: 'initial_access_token',
      initial_access_tokens: [{ value: 'let me in' }, { value: 'old', expires_at: '2020-01-01T00:00:00Z' }],
    },
  })
  const without = await register(server, web)
  assert.deepEqual([without.status, without.json.error], [401, 'invalid_token'])
  assert.match(String(without.headers['www-authenticate']), /^Bearer /)
  for (const token of ['wrong', 'old', ''])
    assert.equal((await register(server, web, bearer(token))).status, 401)
  assert.equal((await register(server, web, basic('let me in', ''))).status, 401)
  assert.equal((await register(server, web, bearer('let me in'))).status, 201)
  assert.ok(!JSON.stringify(server.logged).includes('let me in'))
})

test('registration: a public client must use PKCE, whatever is configured for others [RFC 9700 §2.1.1]', async () => {
  const server = await open({ client_defaults: { require_consent: false, require_pkce: false } })
  const { client_id } = (await register(server, { ...web, token_endpoint_auth_method: 'none' })).json
  const request = { client_id, scope: 'openid' }
  const without = { ...request, code_challenge: undefined, code_challenge_method: undefined }
  const browser = createBrowser(server)
  assertErrorPage(await browser.visit(authorizePath(without)), 'invalid_request')
  assert.equal(server.reason(), 'code_challenge_missing')
  assert.ok(answerOf(await signIn(browser, authorizePath(request))).get('code'))
})

test('registration: response types whose grants the client lacks are omitted [RFC 7591 §2.1]', async () => {
  const server = await open({ allowed_grant_types: ['authorization_code', 'implicit'] })
  const response_types = ['code', 'id_token', 'code id_token']
  const ask = async (grant_types: readonly string[]) =>
    (await register(server, { ...web, grant_types, response_types })).json.response_types
  assert.deepEqual(await ask(['authorization_code']), ['code'])
  assert.deepEqual(await ask(['implicit']), ['id_token'])
  assert.deepEqual(await ask(['authorization_code', 'implicit']), response_types)
})

test('registration: a public client gets no client_credentials, and that grant alone is refused [RFC 6749 §4.4]', async () => {
  const server = await open({ allowed_grant_types: ['authorization_code', 'client_credentials'] })
  const ask = (method: string, grant_types: readonly string[]) =>
    register(server, { ...web, grant_types, token_endpoint_auth_method: method })
  const both = ['authorization_code', 'client_credentials']
  assert.deepEqual((await ask('none', both)).json.grant_types, ['authorization_code'])
  assert.deepEqual((await ask('client_secret_basic', both)).json.grant_types, both)
  const { status, json } = await ask('none', ['client_credentials'])
  assert.deepEqual(
    [status, json.error, server.reason()],
    [400, 'invalid_client_metadata', 'client_metadata_not_allowed'],
  )
  assert.match(json.error_description, /authentication method other than none/)
})

test('registration: refresh tokens of a public client rotate, whatever is configured for others [RFC 9700 §2.2.2]', async () => {
  const server = await open({
    client_defaults: { require_consent: false, refresh_token_usage: 'reuse' },
    allowed_grant_types: ['authorization_code', 'refresh_token'],
    allowed_scope: 'openid offline_access',
  })
  for (const [method, isKept] of [
    ['none', false],
    ['client_secret_post', true],
  ] as const) {
    const grant_types = ['authorization_code', 'refresh_token']
    const { json } = await register(server, { ...web, grant_types, token_endpoint_auth_method: method })
    const { client_id, client_secret } = json
    const who = { client_id, ...(client_secret !== undefined && { client_secret }) }
    const target = authorizePath({ client_id, scope: 'openid offline_access', prompt: 'consent' })
    const browser = createBrowser(server)
    const asked = await signIn(browser, target)
    const agreed = asked.location ? asked : await browser.submit(asked, { button: 'yes' })
    const code = answerOf(agreed).get('code') ?? ''
    const form = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier }
    const { refresh_token } = (await server.token({ ...form, ...who })).json
    const refreshed = await server.token({ grant_type: 'refresh_token', refresh_token, ...who })
    assert.equal(refreshed.status, 200, refreshed.json.error)
    assert.equal(refreshed.json.refresh_token === refresh_token, isKept, method)
  }
})

test('registration: the operator’s settings for registered clients apply to them', async () => {
  const server = await open({
    client_defaults: {
      require_consent: false,
      require_pkce: false,
      access_token_lifetime: 60,
      access_token_type: 'reference',
    },
  })
  const { client_id, client_secret } = (await register(server, web)).json
  const browser = createBrowser(server)
  const target = authorizePath({
    client_id,
    scope: 'openid',
    code_challenge: undefined,
    code_challenge_method: undefined,
  })
  const code = answerOf(await signIn(browser, target)).get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: callback }
  const { json } = await server.token(form, { client: [client_id, client_secret] })
  assert.equal(json.expires_in, 60)
  assert.match(json.access_token, /^ta_/)
  // RFC 9700 §2.1.1: a public client uses PKCE whatever is configured.
  const spa = (await register(server, { ...web, token_endpoint_auth_method: 'none' })).json
  const refused = await createBrowser(server).visit(
    authorizePath({
      client_id: spa.client_id,
      scope: 'openid',
      code_challenge: undefined,
      code_challenge_method: undefined,
    }),
  )
  assertErrorPage(refused, 'invalid_request')
  assert.equal(server.reason(), 'code_challenge_missing')
})

test('registration: a network that registers too often must wait', async () => {
  const server = await open({ max_requests_per_hour: 3 })
  const statuses = await Promise.all(
    Array.from({ length: 5 }, async () => (await register(server, web)).status),
  )
  assert.deepEqual(statuses.sort(), [201, 201, 201, 429, 429])
  const { headers } = await register(server, web)
  assert.equal(headers['retry-after'], '3600')
  server.clock.advance(3600)
  assert.equal((await register(server, web)).status, 201)
})

test('registration: the number of clients is limited', async () => {
  const server = await open({ max_clients: 2 })
  const statuses = await Promise.all(
    Array.from({ length: 4 }, async () => (await register(server, web)).status),
  )
  assert.deepEqual(statuses.sort(), [201, 201, 503, 503])
})

test('registration: an unused client is deleted, one that a user consented to remains', async () => {
  const server = await open({ unused_client_lifetime: 1000 })
  const [used, unused] = [(await register(server, web)).json, (await register(server, web)).json]
  const knows = async ({ client_id }: { client_id: string }): Promise<boolean> =>
    (await createBrowser(server).visit(authorizePath({ client_id, scope: 'openid' }))).status !== 400
  server.clock.advance(900)
  // Anyone can visit the sign-in page of a client.
  assert.equal(await knows(unused), true)
  const browser = createBrowser(server)
  const asked = await signIn(browser, authorizePath({ client_id: used.client_id, scope: 'openid' }))
  await browser.submit(asked, { button: 'yes' })
  // Not awaited by the request.
  const find = async () => server.stores.registeredClients.find(used.client_id)
  await until('the use is recorded', async () => (await find())?.used_at !== undefined)
  server.clock.advance(200)
  assert.equal(await knows(used), true)
  assert.equal(await knows(unused), false)
  assert.equal(await server.stores.cleanUp(server.clock.now()), 1)
  server.clock.advance(1000)
  assert.equal(await knows(used), false)
})

test('registration: a client_secret expires if configured', async () => {
  const server = await open({
    client_secret_lifetime: 100,
    allowed_grant_types: ['client_credentials'],
    allowed_scope: 'api1',
  })
  const { client_id, client_secret, client_secret_expires_at } = (
    await register(server, { grant_types: ['client_credentials'] })
  ).json
  assert.equal(client_secret_expires_at, startOfTime + 100)
  const ask = async () =>
    (await server.token({ grant_type: 'client_credentials' }, { client: [client_id, client_secret] })).status
  assert.equal(await ask(), 200)
  server.clock.advance(100)
  assert.equal(await ask(), 401)
})

const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const trusted = {
  trusted_software_issuers: [
    {
      issuer: 'https://store.example',
      jwks: { keys: [{ ...(await exportJWK(signer.publicKey)), alg: 'ES256' }] },
    },
  ],
}
const statement = (claims: object, key = signer.privateKey): Promise<string> =>
  new SignJWT({ iss: 'https://store.example', ...claims }).setProtectedHeader({ alg: 'ES256' }).sign(key)

test('registration: members of a software statement take precedence over the request [RFC 7591 §2.3, §3.1.1]', async () => {
  const server = await open(trusted)
  const software_statement = await statement({ ...web, client_name: 'Signed', software_id: 'app' })
  const { status, json } = await register(server, {
    software_statement,
    client_name: 'Unsigned',
    redirect_uris: ['https://thief.example/cb'],
    client_uri: 'https://app.example',
  })
  assert.equal(status, 201)
  assert.equal(json.client_name, 'Signed')
  assert.equal(json.software_id, 'app')
  assert.deepEqual(json.redirect_uris, web.redirect_uris)
  assert.equal(json.client_uri, 'https://app.example')
  assert.equal(json.software_statement, software_statement)
})

test('registration: metadata in the request does not override the software statement, in any language [RFC 7591 §2.2, §2.3]', async () => {
  const server = await open(trusted)
  const stated = { ...web, client_name: 'Signed', 'logo_uri#de': 'https://app.example/de.png' }
  const { json } = await register(server, {
    software_statement: await statement(stated),
    'client_name#en': 'Your Bank',
    'client_name#de-AT': 'Ihre Bank',
    logo_uri: 'https://thief.example/logo.png',
    'logo_uri#en': 'https://thief.example/en.png',
    'tos_uri#en': 'https://app.example/tos',
  })
  const shown = Object.entries(json).filter(([name]) => /^(client_name|logo_uri|tos_uri)/.test(name))
  assert.deepEqual(Object.fromEntries(shown), {
    client_name: 'Signed',
    'logo_uri#de': 'https://app.example/de.png',
    'tos_uri#en': 'https://app.example/tos',
  })

  const updated = await manage(server, 'PUT', json, {
    ...{ client_id: json.client_id, software_statement: json.software_statement },
    'client_name#en': 'Your Bank',
  })
  assert.equal(updated.status, 200)
  assert.equal('client_name#en' in updated.json, false)
})

test('registration: with required statements, users see only what a statement contains [RFC 7591 §2.3]', async () => {
  const server = await open({ ...trusted, require_software_statement: true })
  const { status, json } = await register(server, {
    software_statement: await statement({ ...web, client_name: 'Signed' }),
    client_uri: 'https://thief.example',
    logo_uri: 'https://thief.example/logo.png',
    'tos_uri#en': 'https://thief.example/tos',
    contacts: ['operator@app.example'],
  })
  assert.equal(status, 201)
  const described = /^(client_name|client_uri|logo_uri|policy_uri|tos_uri)/
  const shown = Object.keys(json).filter(name => described.test(name))
  assert.deepEqual(shown, ['client_name'])
  assert.deepEqual(json.contacts, ['operator@app.example'])
})

for (const [what, made, error] of [
  ['signed with another key', statement(web, stranger.privateKey), 'invalid_software_statement'],
  [
    'of an untrusted issuer',
    statement({ ...web, iss: 'https://other.example' }),
    'unapproved_software_statement',
  ],
  ['that has expired', statement({ ...web, exp: startOfTime - 61 }), 'invalid_software_statement'],
  ['that is not a JWT', Promise.resolve('statement'), 'invalid_software_statement'],
  [
    'that is unsigned',
    statement(web).then(one => one.replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString('base64url'))),
    'invalid_software_statement',
  ],
  ['that is not a string', Promise.resolve(7), 'invalid_software_statement'],
] as const) {
  test(`registration: a software statement ${what} is refused [RFC 7591 §3.2.2]`, async () => {
    const server = await open(trusted)
    const { status, json } = await register(server, { ...web, software_statement: await made })
    assert.deepEqual([status, json.error], [400, error])
  })
}

test('registration: a client from before trust was recorded is trusted if registration requires a credential', async () => {
  const before = await open()
  const policy_uri = 'https://policy.example/read'
  const { client_id } = (await register(before, { ...web, client_name: 'Old', policy_uri })).json
  const row = (await before.stores.registeredClients.find(client_id))!
  const initial_access_tokens = [{ value: 'an-initial-access-token' }]
  for (const [registration, isTrusted] of [
    [{ mode: 'open' }, false],
    [{ ...trusted, mode: 'open' }, false],
    [{ mode: 'initial_access_token', initial_access_tokens }, true],
    [{ ...trusted, mode: 'open', require_software_statement: true }, true],
  ] as const) {
    const server = await createTestServer({ ...pagesWorld, registration })
    await server.stores.registeredClients.add({ ...row, vouched_by: 'unknown' }, 10)
    const consent = await signIn(createBrowser(server), authorizePath({ client_id, scope: 'openid' }))
    assert.match(consent.text, /Old/)
    // Pages show the redirect host of an untrusted client.
    assert.equal(consent.text.includes('policy.example'), !isTrusted, JSON.stringify(registration))
  }
})

test('registration: a software statement has at most 16,384 characters', async () => {
  const server = await open(trusted)
  const ofLength = async (length: number) => {
    const { length: bare } = await statement({ ...web, software_id: 'app', note: '' })
    // Three bytes are four characters of base64url.
    for (let more = Math.floor(((length - bare) * 3) / 4) - 4; ; more++) {
      const made = await statement({ ...web, software_id: 'app', note: 'x'.repeat(more) })
      if (made.length >= length) return made
    }
  }
  const [fits, long] = [await ofLength(16_380), await ofLength(16_385)]
  assert.ok(fits.length <= 16_384 && long.length > 16_384)
  assert.equal((await register(server, { ...web, software_statement: fits })).status, 201)
  const { status, json } = await register(server, { ...web, software_statement: long })
  assert.deepEqual([status, json.error], [400, 'invalid_software_statement'])
  assert.equal(server.reason(), 'software_statement_invalid')
})

test('registration: a software statement can be required', async () => {
  const server = await open({ ...trusted, require_software_statement: true })
  assert.equal((await register(server, web)).json.error, 'invalid_software_statement')
  assert.equal((await register(server, { software_statement: await statement(web) })).status, 201)
})

const there = await openLoopback()

test('registration: redirect URIs on several hosts must be in the list of their sector [OpenID Connect Dynamic Client Registration 1.0 §5]', async () => {
  const server = await open({}, allowLoopback)
  const redirect_uris = ['https://one.example/cb', 'https://two.example/cb']
  const pairwise = { redirect_uris, subject_type: 'pairwise' }
  assert.equal((await register(server, pairwise)).json.error, 'invalid_client_metadata')
  const sector_identifier_uri = `${there.origin}/sector`
  const answers = [
    [{ body: JSON.stringify([...redirect_uris, 'https://more.example']) }, undefined],
    [{ body: JSON.stringify(redirect_uris.slice(1)) }, 'sector_identifier_incomplete'],
    [{ body: '{}' }, 'sector_identifier_incomplete'],
    [{ body: '<html>' }, 'sector_identifier_incomplete'],
    [{ status: 404, body: '' }, 'sector_identifier_not_fetched'],
  ] as const
  for (const [page, reason] of answers) {
    there.pages.set('/sector', page)
    const { status, json } = await register(server, { ...pairwise, sector_identifier_uri })
    assert.equal(status, reason === undefined ? 201 : 400, json.error_description)
    if (reason !== undefined) assert.equal(server.reason(), reason)
  }
})
