/** Guards of the token endpoint and of the rules under it: for each, a request that only this guard refuses. */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { parseParameters } from '@tessera/protocol/parameters'
import { matchesRedirectUri, redirectUriProblem } from '@tessera/protocol/redirect-uri'
import { parseScope } from '@tessera/protocol/scope'
import { jwkOfOne, one } from '../support/certificates.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { register } from '../support/registering.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const web = { client: ['web', secret] as const }

test('refresh: the tokens remain within the consented APIs [RFC 8707 §2.2]', async () => {
  const server = await createTestServer(world)
  const scope = ['api1', 'offline_access', 'openid', 'other_api']
  const code = await issueCode(server, { scope, resources: ['urn:api'] })
  const first = await server.token(
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
    web,
  )
  const form = { grant_type: 'refresh_token', refresh_token: first.json.refresh_token }
  const other = await server.token({ ...form, resource: 'urn:other' }, web)
  assert.equal(other.json.error, 'invalid_target')
  assert.match(String(server.reason()), /^resource_/)
  const { json } = await server.token(form, web)
  assert.equal(claimsOf(json.access_token).aud, 'urn:api')
  assert.equal(claimsOf(json.access_token).scope.includes('other_api'), false)
})

test('scope: a repeated name counts once [RFC 6749 §3.3]', async () => {
  assert.deepEqual(parseScope('api1 api1'), ['api1'])
  assert.deepEqual(parseScope('b a b a a'), ['a', 'b'])
  const server = await createTestServer(world)
  const { json } = await server.token(
    { grant_type: 'client_credentials', scope: 'api1 api2 api1' },
    { client: ['client', secret] },
  )
  assert.equal(json.scope, 'api1 api2')
  assert.equal(claimsOf(json.access_token).scope, 'api1 api2')
})

test('redirect URIs: loopback addresses are distinct, and only loopback matches any port [RFC 8252 §7.3]', () => {
  const matches = (requested: string, registered: string) =>
    matchesRedirectUri(requested, [registered], { anyLocalhostPort: false })
  assert.equal(matches('http://127.0.0.1:4711/cb', 'http://127.0.0.1/cb'), true)
  assert.equal(matches('http://[::1]:4711/cb', 'http://[::1]/cb'), true)
  for (const [requested, registered] of [
    ['http://[::1]:4711/cb', 'http://127.0.0.1/cb'],
    ['http://127.0.0.1:4711/cb', 'http://[::1]/cb'],
    ['http://127.0.0.1:4711/other', 'http://127.0.0.1/cb'],
    ['http://127.0.0.1:4711', 'http://127.0.0.1/cb'],
    ['http://127.0.0.1:4711/cb', 'http://127.0.0.1'],
    ['http://127.0.0.1:99999/cb', 'http://127.0.0.1/cb'],
    ['http://127.0.0.1:/cb', 'http://127.0.0.1/cb'],
    ['http://127.0.0.1:4711@evil.example/cb', 'http://127.0.0.1/cb'],
    ['http://127.0.0.2:4711/cb', 'http://127.0.0.1/cb'],
    ['https://127.0.0.1:4711/cb', 'http://127.0.0.1/cb'],
    ['https://app.example:444/cb', 'https://app.example/cb'],
  ] as const)
    assert.equal(matches(requested, registered), false, `${requested} as ${registered}`)
})

test('redirect URIs: none contains credentials, even an empty user, and each other guard refuses what it alone refuses', () => {
  for (const uri of [
    'https://user@app.example/cb',
    'https://user:word@app.example/cb',
    'https://:word@app.example/cb',
    'https://@app.example/cb',
    'https://:@app.example/cb',
    'com.example.app://@host/cb',
  ])
    assert.equal(redirectUriProblem(uri), 'it contains credentials', uri)
  for (const [uri, fault] of [
    ['https://app.example/ cb', /white space/],
    ['https://app.example/ü', /non-ASCII/],
    ['https://*.app.example/cb', /wildcard/],
    ['https://app.example/cb#', /fragment/],
    ['/cb', /not an absolute/],
    ['javascript:alert(1)', /dangerous/],
    ['http://app.example/cb', /loopback hosts only/],
    ['https:app.example/cb', /not a valid URL/],
    ['https://app.example\\cb', /not a valid URL/],
    ['https://app.example;x/cb', /not valid in host names/],
    ['urn:ietf:wg:oauth:2.0:oob', /display the code for copying/],
    ['localhost:3000/cb', /begins with a host/],
    ['http://127.1/cb', /must be written as 127/],
  ] as const)
    assert.match(String(redirectUriProblem(uri)), fault, uri)
  for (const uri of [
    'https://app.example/@me',
    'https://app.example/cb?to=a@b',
    'com.example.app:/cb',
    'http://localhost:3000/cb',
  ])
    assert.equal(redirectUriProblem(uri), undefined, uri)
})

test('client authentication: a certificate and an assertion are two methods at once [RFC 6749 §2.3]', async () => {
  const byCertificate = (method: string) => ({
    client_id: method,
    token_endpoint_auth_method: method,
    ...(method === 'tls_client_auth'
      ? { tls_client_auth_subject_dn: 'CN=one.example,OU=Payments,O=Example\\, Inc.,C=SE' }
      : { jwks: { keys: [{ ...jwkOfOne, x5c: [one] }] } }),
    grant_types: ['client_credentials'],
    scope: 'api1',
  })
  const server = await createTestServer({
    ...withClients(byCertificate('tls_client_auth'), byCertificate('self_signed_tls_client_auth')),
    mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
  })
  for (const client_id of ['tls_client_auth', 'self_signed_tls_client_auth']) {
    const form = { grant_type: 'client_credentials', client_id }
    assert.equal((await server.token(form, { certificate: one })).status, 200, client_id)
    const assertion = [{ alg: 'none' }, { sub: client_id }]
      .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    for (const more of [
      {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: `${assertion}.x`,
      },
      { client_secret: secret },
    ]) {
      const both = await server.token({ ...form, ...more }, { certificate: one })
      assert.equal(both.status, 401, client_id)
      assert.equal(both.json.error, 'invalid_client')
      assert.equal(server.reason(), 'client_authentication_method_not_registered')
    }
  }
})

test('parameters: more than 64 are refused [RFC 6749 §3.2]', async () => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => `p${index}=x`).join('&')
  assert.equal(parseParameters(names(64)).ok, true)
  const refused = parseParameters(names(65))
  assert.equal(!refused.ok && refused.reason, 'too_many_parameters')
  // Even of one that may be repeated.
  assert.equal(parseParameters('resource=x&'.repeat(65)).ok, false)
  const server = await createTestServer(world)
  const { json } = await server.token(`grant_type=client_credentials&${names(64)}`, {
    client: ['client', secret],
  })
  assert.equal(json.error, 'invalid_request')
  assert.equal(server.reason(), 'too_many_parameters')
})

test('registration: a client whose algorithm this server no longer supports is unknown until the algorithm is supported again', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const registration = { mode: 'open', allowed_grant_types: ['authorization_code', 'client_credentials'] }
  const signs = (alg: string) => ({
    ...world,
    registration,
    clients: [
      ...world.clients,
      { ...world.clients[0], client_id: 'other', id_token_signed_response_alg: alg },
    ],
  })
  const server = await createTestServer(signs('PS256'))
  const { json, status, body } = await register(server, {
    redirect_uris: ['https://registered.example/cb'],
    grant_types: ['authorization_code', 'client_credentials'],
    id_token_signed_response_alg: 'PS256',
    jwks: { keys: [publicKey.export({ format: 'jwk' })] },
  })
  assert.equal(status, 201, body)
  const ask = () =>
    server.token({ grant_type: 'client_credentials' }, { client: [json.client_id, json.client_secret] })
  assert.notEqual((await ask()).status, 401)
  await server.reconfigure({ ...world, registration })
  const gone = await ask()
  assert.equal(gone.status, 401)
  assert.equal(gone.json.error, 'invalid_client')
  assert.equal(server.reason(), 'client_unknown')
  const unfit = server.logged.findLast(({ event }) => event === 'registered_client_unfit')
  assert.deepEqual(unfit?.faults, ['id_token_signed_response_alg'])
})

const deciding = (decision: object) => ({
  ...withClients(
    {
      client_id: 'deciding',
      client_secrets: [{ value: secret }],
      grant_types: ['custom'],
      scope: 'api1',
    } as never,
    { client_id: 'device2', enabled: false } as never,
  ),
  grants: [{ grantType: 'custom', parameters: {}, decide: () => decision }],
})

test('extension: nothing is issued to a disabled client, whichever client requests it', async () => {
  const server = await createTestServer(deciding({ ok: true, client_id: 'device2', scope: ['api1'] }))
  const { json } = await server.token({ grant_type: 'custom' }, { client: ['deciding', secret] })
  assert.equal(json.error, 'invalid_grant')
  assert.equal(server.reason(), 'extension_client_unknown')
})

test('extension: a grant does not decide the tenant of a user, even of one without a record', async () => {
  for (const sub of ['nobody-known', '88421113']) {
    const server = await createTestServer(deciding({ ok: true, subject: { sub, idp: 'x', tenant: 'acme' } }))
    const { status, json, body } = await server.token(
      { grant_type: 'custom' },
      { client: ['deciding', secret] },
    )
    assert.equal(status, 200, body)
    assert.equal(claimsOf(json.access_token).tenant, undefined)
  }
})

test('refresh: a bound family requires its key, even once its client is public [RFC 8705 §4]', async () => {
  const changed = (change: object) => ({
    ...withClients({ client_id: 'roclient', client_secrets: undefined, ...change } as never),
    mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
  })
  const server = await createTestServer(
    changed({
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [{ ...jwkOfOne, x5c: [one] }] },
    }),
  )
  const user = { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1 offline_access' }
  const { json } = await server.token({ ...user, client_id: 'roclient' }, { certificate: one })
  await server.reconfigure(changed({ token_endpoint_auth_method: 'none' }))
  const form = { grant_type: 'refresh_token', client_id: 'roclient', refresh_token: json.refresh_token }
  const refused = await server.token(form)
  assert.equal(refused.json.error, 'invalid_grant')
  assert.equal(server.reason(), 'refresh_token_bound_to_another_key')
})
