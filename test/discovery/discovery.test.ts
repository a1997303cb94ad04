/** Discovery and the JWK Set: what the server announces is what it does. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import { withClients, world } from '../support/world.ts'

const configuration = '/.well-known/openid-configuration'
const jwksPath = `${configuration}/jwks`

let server: TestServer
before(async () => {
  server = await createTestServer(world)
})
const metadataOf = async (from: TestServer, path = configuration) => (await from.send('GET', path)).json

test('discovery: both documents are the same, public, and contain the configured issuer whatever the request [RFC 8414 §3] [discovery-003]', async () => {
  const headers = { host: 'EVIL.example', 'x-forwarded-host': 'evil.example' }
  const openid = await server.send('GET', configuration, { headers })
  const oauth = await server.send('GET', '/.well-known/oauth-authorization-server', { headers })
  assert.equal(openid.status, 200)
  assert.equal(openid.headers['content-type'], 'application/json; charset=utf-8')
  assert.equal(openid.headers['cache-control'], 'public, max-age=3600')
  assert.equal(openid.json.issuer, issuer)
  assert.equal(oauth.body, openid.body)
})

test('discovery: contains every member that OpenID Connect Discovery 1.0 §3 and RFC 8414 §2 require', async () => {
  const metadata = await metadataOf(server)
  const required = [
    ...['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri', 'response_types_supported'],
    ...['subject_types_supported', 'id_token_signing_alg_values_supported'],
    // RFC 8414 §2: required if private_key_jwt is a method.
    ...['token', 'introspection', 'revocation'].map(
      name => `${name}_endpoint_auth_signing_alg_values_supported`,
    ),
  ]
  for (const name of required) assert.ok(metadata[name] !== undefined, name)
  assert.ok(metadata.introspection_endpoint_auth_methods_supported.includes('private_key_jwt'))
  assert.ok(!metadata.introspection_endpoint_auth_methods_supported.includes('none'))
  assert.ok(metadata.id_token_signing_alg_values_supported.includes('RS256'))
})

test('discovery: every listed endpoint responds, and no missing endpoint is listed', async () => {
  const metadata = await metadataOf(server)
  const urls = Object.entries<string>(metadata).filter(([name]) => /_(endpoint|uri)$/.test(name))
  assert.deepEqual(urls.map(([name]) => name).sort(), [
    'authorization_endpoint',
    'device_authorization_endpoint',
    'end_session_endpoint',
    'introspection_endpoint',
    'jwks_uri',
    'pushed_authorization_request_endpoint',
    'revocation_endpoint',
    'token_endpoint',
    'userinfo_endpoint',
  ])
  for (const [name, url] of urls) {
    assert.ok(url.startsWith(`${issuer}/`), name)
    const { status } = await server.send('POST', url.slice(issuer.length), { form: { nothing: 'else' } })
    // Endpoints that are only read return 405, and end session needs no parameter; the others lack parameters or
    // authentication.
    assert.ok([303, 400, 401, 405].includes(status), `${name}: ${status}`)
  }
})

test('discovery: a grant is listed if the configuration makes it possible', async () => {
  const { grant_types_supported: all } = await metadataOf(server)
  assert.ok(all.includes('password'))
  const { grant_types_supported } = await metadataOf(await createTestServer({ ...world, users: [] }))
  assert.ok(grant_types_supported.includes('urn:ietf:params:oauth:grant-type:token-exchange'))
  // No password could be verified, and no issuer of assertions is trusted.
  assert.ok(!grant_types_supported.includes('password'))
  assert.ok(!grant_types_supported.includes('urn:ietf:params:oauth:grant-type:jwt-bearer'))
})

test('discovery: other methods get 405 with Allow [discovery-002]', async () => {
  for (const path of [configuration, jwksPath, '/.well-known/oauth-authorization-server']) {
    const { status, headers } = await server.send('POST', path)
    assert.equal(status, 405)
    assert.match(String(headers.allow), /\bGET\b/)
    assert.equal((await server.send('HEAD', path)).status, 200)
  }
})

test('discovery: the token endpoint knows exactly the listed grants', async () => {
  const { grant_types_supported } = await metadataOf(server)
  // `implicit` means tokens from the authorization endpoint (RFC 7591 §2.1).
  assert.ok(grant_types_supported.includes('implicit'))
  for (const grant of grant_types_supported.filter((name: string) => name !== 'implicit')) {
    const { json } = await server.token({ grant_type: grant }, { client: ['client', 'secret'] })
    assert.notEqual(json.error, 'unsupported_grant_type', grant)
  }
  assert.equal(new Set(grant_types_supported).size, grant_types_supported.length)
})

test('discovery: the listed algorithms are those of the keys [discovery-004] [discovery-009]', async () => {
  const apis = {
    ...world,
    api_resources: [{ name: 'urn:api', scopes: ['api1'], access_token_signing_alg: 'PS256' }],
  }
  for (const each of [server, await createTestServer(apis)]) {
    const metadata = await metadataOf(each)
    const { keys } = (await each.send('GET', jwksPath)).json
    const signing = keys.filter(({ use }: { use: string }) => use === 'sig')
    const algorithms = signing.map(({ alg }: { alg: string }) => alg).sort()
    assert.deepEqual([...metadata.id_token_signing_alg_values_supported].sort(), algorithms)
    assert.ok(algorithms.length >= 2)
  }
})

test('discovery: unavailable features are not listed [discovery-005] [discovery-013]', async () => {
  const metadata = await metadataOf(server)
  const absent = [
    'registration_endpoint',
    ...['backchannel_authentication_endpoint', 'service_documentation'],
    ...['tls_client_certificate_bound_access_tokens', 'mtls_endpoint_aliases'],
  ]
  for (const name of absent) assert.ok(!(name in metadata), name)
  for (const method of ['tls_client_auth', 'self_signed_tls_client_auth'])
    assert.ok(!metadata.token_endpoint_auth_methods_supported.includes(method))
})

test('discovery: the algorithms of DPoP proofs are asymmetric, and not listed where DPoP is disabled [RFC 9449 §5.1]', async () => {
  const { dpop_signing_alg_values_supported: algorithms } = await metadataOf(server)
  assert.ok(algorithms.includes('ES256') && algorithms.includes('PS256'))
  assert.ok(!algorithms.some((alg: string) => /^(none|HS)/.test(alg)))
  const off = await metadataOf(await createTestServer({ ...world, dpop: { enabled: false } }))
  assert.ok(!('dpop_signing_alg_values_supported' in off))
})

test('discovery: request objects and pushed requests are supported and not required [RFC 9101 §10.5] [RFC 9126 §5]', async () => {
  const metadata = await metadataOf(server)
  for (const name of [
    'request_parameter_supported',
    'request_uri_parameter_supported',
    'require_request_uri_registration',
  ])
    assert.equal(metadata[name], true)
  for (const name of ['require_signed_request_object', 'require_pushed_authorization_requests'])
    assert.equal(metadata[name], false)
  assert.ok(metadata.request_object_signing_alg_values_supported.includes('ES256'))
  assert.ok(!metadata.request_object_signing_alg_values_supported.includes('HS256'))
})

test('discovery: responses in a JWT are offered, and no others where they are required [JARM §2.3, §4]', async () => {
  const metadata = await metadataOf(server)
  const jwt = ['query.jwt', 'fragment.jwt', 'form_post.jwt', 'jwt']
  assert.deepEqual(metadata.response_modes_supported, ['query', 'fragment', 'form_post', ...jwt])
  const signing = metadata.authorization_signing_alg_values_supported
  assert.deepEqual(signing, metadata.id_token_signing_alg_values_supported)
  assert.ok(metadata.authorization_encryption_alg_values_supported.includes('RSA-OAEP-256'))
  assert.ok(metadata.authorization_encryption_enc_values_supported.includes('A128CBC-HS256'))
  const strict = await createTestServer({ ...world, authorization_responses: { require_signed: true } })
  assert.deepEqual((await metadataOf(strict)).response_modes_supported, jwt)
})

test('discovery: response types, subject types and the claims parameter are listed', async () => {
  const metadata = await metadataOf(server)
  assert.deepEqual(metadata.response_types_supported, [
    ...['code', 'id_token', 'id_token token'],
    ...['code id_token', 'code token', 'code id_token token'],
  ])
  assert.deepEqual(metadata.subject_types_supported, ['public', 'pairwise'])
  assert.equal(metadata.claims_parameter_supported, true)
  assert.deepEqual(metadata.claim_types_supported, ['normal'])
})

test('discovery: prompts are listed [discovery-011]', async () => {
  const { prompt_values_supported } = await metadataOf(server)
  assert.deepEqual(prompt_values_supported, ['none', 'login', 'consent', 'select_account'])
})

test('discovery: plain PKCE is listed only if a client may use it [RFC 9700 §2.1.1]', async () => {
  const plain = await createTestServer(withClients({ client_id: 'web', allow_plain_pkce: true } as any))
  assert.deepEqual((await metadataOf(server)).code_challenge_methods_supported, ['S256'])
  assert.deepEqual((await metadataOf(plain)).code_challenge_methods_supported, ['S256', 'plain'])
})

test('discovery: with client certificates, lists the methods and the mTLS endpoints [RFC 8705 §3.3, §5] [discovery-012]', async () => {
  const mtls = { certificate_header: 'x-client-cert', trusted_proxies: ['127.0.0.1'] }
  const metadata = await metadataOf(await createTestServer({ ...world, mtls }))
  assert.equal(metadata.tls_client_certificate_bound_access_tokens, true)
  for (const method of ['tls_client_auth', 'self_signed_tls_client_auth'])
    assert.ok(metadata.token_endpoint_auth_methods_supported.includes(method))
  for (const name of ['token', 'introspection', 'revocation', 'device_authorization', 'userinfo'])
    assert.equal(metadata.mtls_endpoint_aliases[`${name}_endpoint`], metadata[`${name}_endpoint`])
})

test('discovery: client certificates may use another origin, with the issuer’s path [RFC 8705 §5]', async () => {
  const mtls = {
    ...{ certificate_header: 'x-client-cert', trusted_proxies: ['127.0.0.1'] },
    endpoint_origin: 'https://mtls.id.example',
  }
  for (const path of ['', '/realm']) {
    const server = await createTestServer({ ...world, issuer: issuer + path, mtls })
    const metadata = await metadataOf(server, `${path}${configuration}`)
    assert.equal(metadata.token_endpoint, `${issuer}${path}/connect/token`)
    const names = 'token introspection revocation device_authorization userinfo pushed_authorization_request'
    for (const name of names.split(' ')) {
      const ordinary: string = metadata[`${name}_endpoint`]
      const alias = ordinary.replace(issuer, mtls.endpoint_origin)
      assert.equal(metadata.mtls_endpoint_aliases[`${name}_endpoint`], alias)
    }
  }
})

test('discovery: aliases of a tenant by path contain the path; a tenant by host has none, since its host identifies it', async () => {
  const server = await createTestServer({
    ...world,
    mtls: {
      ...{ certificate_header: 'x-client-cert', trusted_proxies: ['127.0.0.1'] },
      endpoint_origin: 'https://mtls.id.example',
    },
    tenants: [
      { name: 'acme', issuer: 'path' },
      { name: 'globex', issuer: 'https://globex.example' },
    ],
    users: [],
    clients: [],
  })
  const aliasAt = async (path: string, host: string) =>
    (await server.send('GET', path, { headers: { host } })).json.mtls_endpoint_aliases.token_endpoint
  const own = 'https://mtls.id.example'
  assert.equal(await aliasAt(configuration, 'id.example'), `${own}/connect/token`)
  assert.equal(await aliasAt(configuration, 'mtls.id.example'), `${own}/connect/token`)
  assert.equal(await aliasAt(`/t/acme${configuration}`, 'mtls.id.example'), `${own}/t/acme/connect/token`)
  assert.equal(await aliasAt(configuration, 'globex.example'), 'https://globex.example/connect/token')
})

test('discovery: an issuer with a path is found below it and by path insertion [RFC 8414 §3.1]', async () => {
  const below = await createTestServer({ ...world, issuer: `${issuer}/tenants/one` })
  const paths = [
    `/tenants/one${configuration}`,
    '/tenants/one/.well-known/oauth-authorization-server',
    `${configuration}/tenants/one`,
    '/.well-known/oauth-authorization-server/tenants/one',
  ]
  for (const path of paths) {
    const metadata = await metadataOf(below, path)
    assert.equal(metadata?.issuer, `${issuer}/tenants/one`, path)
    assert.equal((await below.send('GET', metadata.jwks_uri.slice(issuer.length))).status, 200)
    const token = metadata.token_endpoint.slice(issuer.length)
    assert.equal((await below.send('POST', token, { form: {} })).status, 401)
  }
  assert.equal((await below.send('GET', configuration)).status, 404)
})

for (const path of [configuration, jwksPath])
  test(`discovery: pages of any origin can read ${path} [cors-002]`, async () => {
    const headers = { origin: 'https://client', 'access-control-request-method': 'GET' }
    const preflight = await server.send('OPTIONS', path, { headers })
    assert.equal(preflight.status, 204)
    for (const answer of [preflight, await server.send('GET', path, { headers })]) {
      assert.ok(['*', 'https://client'].includes(String(answer.headers['access-control-allow-origin'])))
      assert.equal(answer.headers['access-control-allow-credentials'], undefined)
    }
  })

for (const path of [configuration, jwksPath])
  test(`discovery: a cache that has ${path} gets 304 if it is unchanged [RFC 9110 §13.1.2]`, async () => {
    const { headers } = await server.send('GET', path)
    const etag = String(headers.etag)
    assert.match(etag, /^"[\w-]{22}"$/)
    for (const held of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await server.send('GET', path, { headers: { 'if-none-match': held } })
      assert.deepEqual([again.status, again.body], [304, ''])
      assert.equal(again.headers.etag, etag)
      assert.equal(again.headers['cache-control'], headers['cache-control'])
    }
    for (const held of ['"other"', etag.slice(1, -1), ''])
      assert.equal((await server.send('GET', path, { headers: { 'if-none-match': held } })).status, 200)
  })

test('jwks: the set is a JWK Set, cached for a minute at most, with use and kid in every entry [RFC 7517 §8.5.2] [discovery-008]', async () => {
  const { status, headers, json } = await server.send('GET', jwksPath)
  assert.equal(status, 200)
  assert.equal(headers['content-type'], 'application/jwk-set+json; charset=utf-8')
  assert.equal(headers['cache-control'], 'public, max-age=60')
  for (const { kid } of json.keys) assert.match(kid, /^[\w-]{43}$/)
  const [forEncryption, ...signing] = json.keys.toReversed()
  for (const { use, alg } of signing) assert.deepEqual([use, typeof alg], ['sig', 'string'])
  assert.ok(signing.length >= 2)
  // It is used with several algorithms.
  assert.deepEqual([forEncryption.use, forEncryption.alg, forEncryption.d], ['enc', undefined, undefined])
})

test('jwks: tokens verify before, during and after a rotation, and the set’s ETag changes with it', async () => {
  const rotating = await createTestServer(world)
  const issueAndVerify = async () => {
    const { json } = await rotating.token(
      { grant_type: 'client_credentials' },
      { client: ['client', 'secret'] },
    )
    const set = await rotating.send('GET', jwksPath)
    const { protectedHeader } = await jwtVerify(json.access_token, createLocalJWKSet(set.json), {
      issuer,
      currentDate: new Date(rotating.clock.now() * 1000),
    })
    return { kid: protectedHeader.kid, etag: set.headers.etag, token: json.access_token as string }
  }
  const before = await issueAndVerify()
  await rotating.keys.rotate({ now: true })
  const between = await issueAndVerify()
  rotating.clock.advance(120)
  const after = await issueAndVerify()
  assert.equal(between.kid, before.kid)
  assert.notEqual(after.kid, before.kid)
  assert.notEqual(between.etag, before.etag)
  assert.equal(after.etag, between.etag)
  const { json } = await rotating.send('GET', jwksPath)
  const old = createLocalJWKSet(json)
  await jwtVerify(before.token, old, { currentDate: new Date(rotating.clock.now() * 1000) })
})

test('discovery: lists the languages of the pages, and the operator’s policies if there are any [OIDC Discovery §3]', async () => {
  const read = async (branding: object) =>
    (await (await createTestServer({ branding })).send('GET', '/.well-known/openid-configuration')).json
  const named = await read({
    terms_url: 'https://acme.example/terms',
    privacy_url: 'https://acme.example/privacy',
  })
  assert.deepEqual(named.ui_locales_supported, ['en', 'de', 'fr', 'es', 'pt', 'zh-Hans', 'ja', 'ar'])
  assert.equal(named.op_tos_uri, 'https://acme.example/terms')
  assert.equal(named.op_policy_uri, 'https://acme.example/privacy')
  assert.equal((await read({})).op_tos_uri, undefined)
})
