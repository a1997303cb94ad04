/** Clients that try to get more than they may, or to pass as another (RFC 7591 §5, RFC 7592 §5). */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { bearer, jsonType, manage, register } from '../support/registering.ts'
import {
  alice,
  answerOf,
  assertErrorPage,
  authorizePath,
  callback,
  pagesWorld,
  verifier,
} from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import {
  type Answer,
  basic,
  claimsOf,
  createTestServer,
  issuer,
  type TestServer,
} from '../support/tessera.ts'

const web = { redirect_uris: [callback], scope: 'openid profile offline_access' }
const refreshing = { ...web, grant_types: ['authorization_code', 'refresh_token'] }
const open = (registration: object = {}, more: object = {}) =>
  createTestServer({ ...pagesWorld, ...more, registration: { mode: 'open', ...registration } })

test('attack: metadata nested deeper than any that a client needs is refused, and counted', async () => {
  const server = await open({ max_requests_per_hour: 2 })
  const nested = (levels: number): object => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`)
  const key = await exportJWK(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
  const withKey = (levels: number) => ({
    ...web,
    ...{ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...key, z: nested(levels) }] } },
  })
  assert.equal((await register(server, withKey(496))).status, 201)
  const refused = await register(server, withKey(497))
  assertRefused(refused, 'invalid_client_metadata', 'client_metadata_not_json')
  assert.equal((await register(server, web)).status, 429)
})

const hostileUris = [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  ' javascript:alert(1)',
  'java\tscript:alert(1)',
  'data:text/html,x',
  'vbscript:x',
  'blob:https://app.example/x',
  'file:///etc/passwd',
  'about:blank',
  'http://app.example/cb',
  'http://127.0.0.2/cb',
  'http://127.0.0.1.evil.example/cb',
  'http://localhost.evil.example/cb',
  'http://2130706434/cb',
  'https://user@app.example/cb',
  'https://user:pass@app.example/cb',
  'https://app.example/cb#part',
  'https://app.example/cb#',
  'https://*.app.example/cb',
  'https://app.example/\ncb',
  'https://app.example/日本',
  'https://',
  '//app.example/cb',
  '/cb',
  'custom:/cb',
  '',
]

for (const field of ['redirect_uris', 'post_logout_redirect_uris']) {
  test(`attack: a ${field} that runs code, reads files, or sends secrets unencrypted can’t be registered`, async () => {
    const server = await open({ max_requests_per_hour: 1000 })
    for (const uri of hostileUris) {
      for (const application_type of ['web', 'native']) {
        const answer = await register(server, { ...web, application_type, [field]: [callback, uri] })
        const about = `${uri} as ${field} of ${application_type}`
        if (answer.status === 201) assert.deepEqual(answer.json[field], [callback], about)
        else assert.equal(answer.status, 400, about)
      }
    }
  })
}

test('attack: addresses that pages link to, show, frame or fetch must use http or https', async () => {
  const server = await open({ max_requests_per_hour: 1000 })
  const assertNotRegistered = async (field: string, value: string | string[], about: string) => {
    const { status, json } = await register(server, { ...web, [field]: value })
    if (status === 201) assert.deepEqual(json[field] ?? [], [], about)
    else assert.equal(status, 400, about)
  }
  const single = [
    'client_uri',
    'logo_uri',
    'policy_uri',
    'tos_uri',
    'initiate_login_uri',
    'jwks_uri',
  ] as const
  const more = ['sector_identifier_uri', 'frontchannel_logout_uri', 'backchannel_logout_uri'] as const
  for (const field of [...single, ...more, 'request_uris'] as const) {
    for (const uri of [
      'javascript:alert(1)',
      'data:text/html,x',
      'file:///etc/passwd',
      'ftp://a.example/x',
      '//x',
    ]) {
      await assertNotRegistered(field, field === 'request_uris' ? [uri] : uri, `${field} ${uri}`)
    }
    const credentials = 'https://user:pass@app.example/x'
    const value = field === 'request_uris' ? [credentials] : credentials
    await assertNotRegistered(field, value, `${field} with credentials`)
  }
})

/** Members that an operator decides, and members that the server sets. */
const wider = {
  client_id: 'web',
  client_secret: 'chosen',
  client_secrets: [{ value: 'chosen' }],
  client_id_issued_at: 1,
  client_secret_expires_at: 0,
  registration_access_token: 'chosen',
  registration_client_uri: 'https://evil.example/',
  enabled: true,
  require_consent: false,
  require_pkce: false,
  allow_plain_pkce: true,
  allow_remember_consent: true,
  access_token_lifetime: 31_000_000,
  identity_token_lifetime: 31_000_000,
  authorization_code_lifetime: 3600,
  absolute_refresh_token_lifetime: 0,
  refresh_token_expiration: 'sliding',
  refresh_token_usage: 'reuse',
  access_token_type: 'reference',
  always_include_user_claims_in_id_token: true,
  always_send_client_claims: true,
  client_claims_prefix: '',
  user_claims: [{ claim: 'groups', value: ['admin'] }],
  claims: [{ type: 'role', value: 'admin' }],
  tenants: ['acme'],
  enable_local_login: true,
  identity_provider_restrictions: ['other'],
  mfa: { required: false },
  device_code_lifetime: 80_000,
  accent_color: '#ff0000',
}

test('attack: whatever members a client sends at registration, by update or by statement, the operator’s settings apply', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const store = 'https://store.example'
  const server = await open({
    trusted_software_issuers: [{ issuer: store, jwks: { keys: [await exportJWK(publicKey)] } }],
  })
  const software_statement = await new SignJWT({ iss: store, ...wider })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey)
  const plain = await register(server, { ...wider, ...refreshing })
  const stated = await register(server, { ...refreshing, software_statement })
  for (const { status, json } of [plain, stated]) {
    assert.equal(status, 201)
    assert.match(json.client_id, /^[\w-]{22}$/)
    assert.match(json.client_secret, /^tcs_/)
    const { client_id, client_secret, registration_client_uri } = json
    assert.ok(registration_client_uri.startsWith(`${issuer}/connect/register/`))
    const { json: updated } = await manage(server, 'PUT', json, {
      ...refreshing,
      enabled: false,
      require_consent: false,
      claims: wider.claims,
      client_id,
    })
    for (const name of Object.keys(wider)) {
      if (/^client_(id|secret)|^registration_/.test(name)) continue
      assert.equal(json[name], undefined, name)
      assert.equal(updated[name], undefined, name)
    }
    // PKCE is still required, and the user is still asked.
    const browser = createBrowser(server)
    const bare = authorizePath({
      client_id,
      scope: 'openid',
      code_challenge: undefined,
      code_challenge_method: undefined,
    })
    assertErrorPage(await browser.visit(bare), 'invalid_request')
    assert.equal(server.reason(), 'code_challenge_missing')
    const asked = await browser.submit(
      await browser.visit(authorizePath({ client_id, scope: 'openid' })),
      alice,
    )
    assert.match(asked.target, /^\/consent/)
    const code = answerOf(await browser.submit(asked, { button: 'yes' })).get('code') ?? ''
    const { json: tokens } = await server.token(
      { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier },
      { client: [client_id, client_secret] },
    )
    const { exp, iat, role } = claimsOf(tokens.access_token)
    assert.equal(exp - iat, 3600)
    assert.equal(role, undefined)
  }
})

test("attack: a client can't register or update to a scope, grant, response type or authentication method that is not allowed", async () => {
  const server = await open({ max_requests_per_hour: 1000 })
  const { json } = await register(server, web)
  const urn = 'urn:ietf:params:oauth:grant-type:'
  for (const change of [
    { scope: ['openid'] },
    { grant_types: [['password']] },
    { grant_types: 'password' },
    { response_types: ['id_token'] },
    { grant_types: ['password', 'client_credentials'] },
    { response_types: ['none'] },
    { token_endpoint_auth_method: 'client_secret_jwt' },
    { token_endpoint_auth_method: 'tls_client_auth' },
    { token_endpoint_auth_method: 'private_key_jwt' },
    { token_endpoint_auth_signing_alg: 'HS256' },
    { token_endpoint_auth_signing_alg: 'none' },
    { id_token_signed_response_alg: 'none' },
    { id_token_signed_response_alg: 'HS256' },
    { id_token_encrypted_response_alg: 'dir' },
    { id_token_encrypted_response_alg: 'RSA1_5' },
    { id_token_encrypted_response_alg: 'PBES2-HS256+A128KW' },
    { request_object_signing_alg: 'HS256' },
    { jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } },
    { subject_type: 'private' },
    { default_acr_values: ['a', 7] },
  ]) {
    const said = JSON.stringify(change)
    assert.equal((await register(server, { ...web, ...change })).status, 400, said)
    const update = { ...web, ...change, client_id: json.client_id }
    assert.equal((await manage(server, 'PUT', json, update)).status, 400, said)
  }
  assert.equal((await manage(server, 'GET', json)).json.scope, web.scope)

  // A permission that is not allowed is omitted if another one is (RFC 7591 §3.2.1).
  let client = json
  for (const [change, registered] of [
    [{ scope: 'openid api1' }, { scope: 'openid' }],
    [{ scope: 'openid nothing' }, { scope: 'openid' }],
    [{ response_types: ['code', 'token'] }, { response_types: ['code'] }],
    ...['password', 'client_credentials', `${urn}token-exchange`, `${urn}jwt-bearer`].map(
      grant =>
        [{ grant_types: ['authorization_code', grant] }, { grant_types: ['authorization_code'] }] as const,
    ),
  ] as const) {
    const said = JSON.stringify(change)
    const { client_id } = client
    const answers = [
      await register(server, { ...web, ...change }),
      await manage(server, 'PUT', client, { ...web, ...change, client_id }),
    ]
    for (const { json: told } of answers) {
      for (const [name, value] of Object.entries(registered)) assert.deepEqual(told[name], value, said)
    }
    client = answers[1]?.json
  }
})

test('attack: a name that would reverse or break the text around it on our pages is refused', async () => {
  const server = await open()
  for (const code of [0x202e, 0x2066, 0x202a, 0x2028, 0x0a, 0x00, 0x7f, 0x9b]) {
    const client_name = `Bank${String.fromCodePoint(code)}moc.live`
    const { status, json } = await register(server, { ...web, client_name, 'client_name#en': client_name })
    assert.equal(status, 201, `U+${code.toString(16)}`)
    assert.deepEqual([json.client_name, json['client_name#en']], [undefined, undefined])
  }
  const client_name = 'Bücher & 日本 <b>שלום</b> ’'
  assert.equal((await register(server, { ...web, client_name })).json.client_name, client_name)
})

test('attack: a client with hundreds of keys does not have them all tried for a request without kid', async () => {
  const pairs = Array.from({ length: 60 }, () => generateKeyPairSync('ec', { namedCurve: 'P-256' }))
  const keys = await Promise.all(
    pairs.map(async ({ publicKey }, index) => ({ ...(await exportJWK(publicKey)), kid: `k${index}` })),
  )
  const server = await open()
  const metadata = { ...web, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } }
  const { client_id } = (await register(server, metadata)).json
  const ask = async (index: number, kid?: string) => {
    const client_assertion = await new SignJWT({
      ...{ iss: client_id, sub: client_id, aud: issuer, exp: server.clock.now() + 60 },
      jti: `${index} ${kid}`,
    })
      .setProtectedHeader({ alg: 'ES256', ...(kid !== undefined && { kid }) })
      .sign(pairs[index]!.privateKey)
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    return (await server.token({ client_assertion, client_assertion_type })).json.error
  }
  assert.equal(await ask(3), 'invalid_request', 'authenticated, and without a grant')
  assert.equal(await ask(9), 'invalid_request', 'the tenth key is tried')
  assert.equal(await ask(10), 'invalid_client', 'the next one is not')
  assert.equal(await ask(59), 'invalid_client')
  const refusal = server.logged.findLast(({ event }) => event === 'refused')
  assert.equal(refusal?.error_code, 'too_many_keys_without_kid')
  assert.equal(await ask(59, 'k59'), 'invalid_request')
})

test('attack: metadata of a client can’t fill the memory', async () => {
  const server = await open()
  const contacts = Array.from({ length: 20 }, () => 'x'.repeat(500))
  assert.equal((await register(server, { ...web, contacts })).status, 201)
  const redirect_uris = Array.from({ length: 30 }, (_, index) => `${callback}/${index}/${'x'.repeat(1500)}`)
  const { status, json } = await register(server, { ...web, redirect_uris })
  assert.deepEqual([status, json.error], [400, 'invalid_client_metadata'])
  assert.equal(server.reason(), 'client_metadata_too_large')
  const ofLength = (length: number) => {
    const body = JSON.stringify(web).padEnd(length)
    return server.send('POST', '/connect/register', { headers: jsonType, body })
  }
  assert.equal((await ofLength(32_768)).status, 201)
  assert.equal((await ofLength(32_769)).reason, 'client_metadata_too_large')
})

test('attack: a key that is expensive to use is refused', async () => {
  const server = await open()
  const [n, e] = [Buffer.alloc(512, 0xaf).toString('base64url'), 'AQAB']
  const huge = Buffer.alloc(2048, 0xaf).toString('base64url')
  for (const [key, status] of [
    [{ n, e }, 201],
    [{ n: huge, e }, 400],
    [{ n, e: n }, 400],
  ] as const) {
    const metadata = { ...web, token_endpoint_auth_method: 'private_key_jwt' }
    const answer = await register(server, { ...metadata, jwks: { keys: [{ kty: 'RSA', ...key }] } })
    assert.equal(answer.status, status)
  }
})

test('attack: names of JavaScript’s own properties are not metadata', async () => {
  const server = await open()
  const body = `{"redirect_uris":["${callback}"],"__proto__":{"scope":"openid api1","grant_types":["password"]},
    "constructor":{"prototype":{"scope":"api1"}},"toString":1,"hasOwnProperty":null}`
  const { status, json } = await server.send('POST', '/connect/register', { headers: jsonType, body })
  assert.equal(status, 201)
  assert.deepEqual(json.grant_types, ['authorization_code'])
  assert.ok(!json.scope.includes('api1'))
  assert.equal(({} as { scope?: string }).scope, undefined)
})

test('attack: a JWT that a trusted issuer made for others, or for another purpose, is not a software statement [RFC 8725 §3.9, §3.11]', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const store = 'https://store.example'
  const server = await open({
    trusted_software_issuers: [{ issuer: store, jwks: { keys: [await exportJWK(publicKey)] } }],
    require_software_statement: true,
  })
  const statement = (claims: object, typ?: string) =>
    new SignJWT({ iss: store, ...claims })
      .setProtectedHeader({ alg: 'ES256', ...(typ !== undefined && { typ }) })
      .sign(privateKey)
  const ask = async (made: Promise<string>) =>
    (await register(server, { ...web, software_statement: await made })).json.error
  assert.equal(await ask(statement({ aud: 'some-client', nonce: 'n' }, 'JWT')), 'invalid_software_statement')
  assert.equal(await ask(statement({}, 'at+jwt')), 'invalid_software_statement')
  assert.equal(await ask(statement({}, 'logout+jwt')), 'invalid_software_statement')
  assert.equal(await ask(statement({ aud: ['https://other.example', issuer] }, 'JWT')), undefined)
  assert.equal(await ask(statement({})), undefined)
})

test('attack: an address in our network is not called, and the error reveals nothing of it', async () => {
  const server = await open({ max_requests_per_hour: 1000 })
  const answers = await Promise.all(
    [
      'https://127.0.0.1/list',
      'https://localhost/list',
      'https://2130706433/list',
      'https://0x7f.1/list',
      'https://017700000001/list',
      'https://[::1]/list',
      'https://[::ffff:127.0.0.1]/list',
      'https://[::ffff:a9fe:a9fe]/list',
      'https://[64:ff9b::7f00:1]/list',
      'https://169.254.169.254/latest/meta-data',
      'https://10.0.0.1/list',
      'https://0.0.0.0/list',
    ].map(async sector_identifier_uri => {
      const { status, json } = await register(server, {
        ...web,
        subject_type: 'pairwise',
        sector_identifier_uri,
      })
      return `${status} ${json.error} ${json.error_description}`
    }),
  )
  assert.deepEqual(
    [...new Set(answers)],
    ['400 invalid_client_metadata sector_identifier_uri: can not be fetched'],
  )
  const asked = server.logged.filter(({ reason }) => reason === 'sector_identifier_not_fetched')
  assert.deepEqual([...new Set(asked.map(({ outbound }) => outbound))], ['outbound_address_private'])
})

test('attack: a network over its registration limit can’t update either, and nothing is fetched for it', async () => {
  const server = await open({ max_requests_per_hour: 5 })
  const { json } = await register(server, web)
  const sector = { subject_type: 'pairwise', sector_identifier_uri: 'https://127.0.0.1/' }
  const updates = await Promise.all(
    Array.from({ length: 20 }, () =>
      manage(server, 'PUT', json, { ...web, ...sector, client_id: json.client_id }),
    ),
  )
  const statuses = updates.map(({ status }) => status)
  assert.equal(statuses.filter(status => status === 400).length, 4)
  assert.equal(statuses.filter(status => status === 429).length, 16)
  // Reading and deleting still work.
  assert.equal((await manage(server, 'GET', json)).status, 200)
  assert.equal((await manage(server, 'DELETE', json)).status, 204)
})

test('attack: two processes on one database share the limits for registrations and clients', async () => {
  const { open } = await beginShared()
  const nodes = await Promise.all([open(), open()])
  const flood = async (registration: object) => {
    const servers = await Promise.all(
      nodes.map(tenantStores =>
        createTestServer(
          { ...pagesWorld, registration: { mode: 'open', ...registration } },
          { tenantStores },
        ),
      ),
    )
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => register(servers[index % 2]!, web)),
    )
    return answers.filter(({ status }) => status === 201).length
  }
  assert.equal(await flood({ max_requests_per_hour: 10 }), 10)
  assert.equal(await flood({ max_requests_per_hour: 1000, max_clients: 15 }), 5)
})

test('attack: the token of one client gives no access to another, wherever it is sent', async () => {
  const server = await open()
  const [mine, theirs] = [(await register(server, web)).json, (await register(server, web)).json]
  const path = new URL(theirs.registration_client_uri).pathname
  const own = new URL(mine.registration_client_uri).pathname
  const attempts: readonly [string, string, Readonly<Record<string, string>>?][] = [
    ['GET', path, bearer(mine.registration_access_token)],
    ['DELETE', path, bearer(mine.registration_access_token)],
    ['GET', `${path}?access_token=${theirs.registration_access_token}`],
    ['GET', path, bearer(theirs.client_secret)],
    ['GET', path, basic(theirs.client_id, theirs.client_secret)],
    ['GET', `${own}/../${theirs.client_id}`, bearer(mine.registration_access_token)],
    ['GET', '/connect/register/web', bearer(mine.registration_access_token)],
    ['GET', '/connect/register/', bearer(mine.registration_access_token)],
  ]
  for (const [method, target, headers = {}] of attempts) {
    const { status, json } = await server.send(method, target, { headers })
    assert.ok(status === 401 || status === 404, `${method} ${target}: ${status}`)
    assert.equal(json?.client_secret ?? json?.redirect_uris, undefined)
  }
  // A body with another client_id does not update that client.
  const swapped = await manage(server, 'PUT', mine, { ...web, client_id: theirs.client_id })
  assert.equal(swapped.status, 400)
  assert.equal((await manage(server, 'GET', theirs)).status, 200)
})

/** Everything that a client could still be used for. */
async function usesOf(server: TestServer, client: Answer['json'], tokens: Answer['json'], left: Left) {
  const { client_id, client_secret } = client
  const { pushed, device_code } = left
  const credentials = { headers: basic(client_id, client_secret) }
  const post = (path: string, form: Readonly<Record<string, string>>) =>
    server.send('POST', path, { form, ...credentials })
  const browser = createBrowser(server)
  const request = { client_id, scope: 'openid', redirect_uri: callback, response_type: 'code' }
  return {
    authorize: (await browser.visit(authorizePath({ client_id, scope: 'openid' }))).status !== 400,
    pushed:
      (await browser.visit(`/connect/authorize?client_id=${client_id}&request_uri=${pushed}`)).status !== 400,
    par:
      (
        await post('/connect/par', {
          ...request,
          code_challenge: 'x'.repeat(43),
          code_challenge_method: 'S256',
        })
      ).status === 201,
    refresh:
      (await post('/connect/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }))
        .status === 200,
    device:
      (await post('/connect/token', { grant_type: deviceGrant, device_code })).json.error !==
      'invalid_client',
    newDevice: (await post('/connect/deviceauthorization', { scope: 'openid' })).status === 200,
    introspect: (await post('/connect/introspect', { token: tokens.access_token })).json.active === true,
    userinfo:
      (await server.send('GET', '/connect/userinfo', { headers: bearer(tokens.access_token) })).status ===
      200,
    revoke: (await post('/connect/revocation', { token: tokens.access_token })).status === 200,
    hint: await (async () => {
      await browser.visit(`/connect/endsession?id_token_hint=${tokens.id_token}`)
      return !/^client_(unknown|disabled)$/.test(String(server.reason()))
    })(),
    manage: (await manage(server, 'GET', client)).status === 200,
  }
}
type Left = { readonly pushed: string; readonly device_code: string }
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

for (const [how, remove] of [
  [
    'removed itself',
    async (server: TestServer, client: Answer['json']) => void (await manage(server, 'DELETE', client)),
  ],
  ['was not used for too long', async (server: TestServer) => server.clock.advance(200_000)],
] as const) {
  test(`attack: a client that ${how} can’t be used anywhere, and neither can its tokens`, async () => {
    const server = await open({
      allowed_grant_types: [...refreshing.grant_types, deviceGrant],
      unused_client_lifetime: 100_000,
      client_defaults: { access_token_lifetime: 1_000_000, device_code_lifetime: 80_000 },
    })
    const metadata = { ...refreshing, grant_types: [...refreshing.grant_types, deviceGrant] }
    const client = (await register(server, metadata)).json
    const { client_id, client_secret } = client
    const headers = basic(client_id, client_secret)
    const browser = createBrowser(server)
    const target = authorizePath({ client_id, scope: web.scope })
    const asked = await browser.submit(await browser.visit(target), alice)
    const code = answerOf(await browser.submit(asked, { button: 'yes' })).get('code') ?? ''
    const form = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier }
    const tokens = (await server.token(form, { headers })).json
    const query = Object.fromEntries(new URLSearchParams(target.split('?')[1]))
    const push = async () =>
      (await server.send('POST', '/connect/par', { form: query, headers })).json.request_uri
    const begin = async () =>
      (await server.send('POST', '/connect/deviceauthorization', { form: {}, headers })).json
    const left = async () => ({ pushed: await push(), device_code: (await begin()).device_code })
    const before = await usesOf(server, client, tokens, await left())
    assert.deepEqual(new Set(Object.values(before)), new Set([true]), JSON.stringify(before))
    const last = await left()
    const { refresh_token } = tokens
    const fresh = (await server.token({ grant_type: 'refresh_token', refresh_token }, { headers })).json
    await remove(server, client)
    const after = await usesOf(server, client, { ...tokens, ...fresh }, last)
    assert.deepEqual(new Set(Object.values(after)), new Set([false]), JSON.stringify(after))
    // The user still sees the consent, and revokes it.
    const again = await browser.visit('/account/consents')
    if (again.form) assert.ok(!String(again.body).includes('undefined'))
  })
}

test('attack: JSON of thousands of levels is refused or ignored like any other value of the wrong type', async () => {
  const server = await open()
  const members = ['jwks', 'client_name', 'client_name#de', 'contacts', 'redirect_uris', 'software_statement']
  for (const member of [...members, 'default_max_age', 'dpop_bound_access_tokens', 'unknown']) {
    for (const [before, after] of [
      ['{"a":', '}'],
      ['[', ']'],
    ] as const) {
      const nested = `${before.repeat(5000)}1${after.repeat(5000)}`
      const body = `{"redirect_uris":["${callback}"],"${member}":${nested}}`
      const { status } = await server.send('POST', '/connect/register', { headers: jsonType, body })
      assert.ok(status === 201 || status === 400, `${member} ${before}: ${status}`)
    }
  }
})
