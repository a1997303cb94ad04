/** Security profiles at a running server: a foreign client signs in, and what a profile does not permit is refused. */

import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign as signBytes } from 'node:crypto'
import { test } from 'node:test'
import type { JsonObject } from '@tessera/protocol/result'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import * as oauth from 'oauth4webapi'
import { actor, made, refused } from '../administration/outcomes.ts'
import { createBrowser } from '../support/browser.ts'
import { one } from '../support/certificates.ts'
import { createProver, signProof } from '../support/dpop.ts'
import { assertRefused } from '../support/refused.ts'
import { register } from '../support/registering.ts'
import { answerOf, callback, challenge, signIn, verifier } from '../support/sign-in.ts'
import { basic, createTestServer, issuer, type TestServer } from '../support/tessera.ts'

const now = Math.floor(Date.now() / 1000)
const { publicKey, privateKey } = await generateKeyPair('ES256')
const { privateKey: short, publicKey: shortPublic } = generateKeyPairSync('rsa', { modulusLength: 1024 })
const jwk = { ...(await exportJWK(publicKey)), kid: 'one' }
const jwks = { keys: [jwk, { ...shortPublic.export({ format: 'jwk' }), kid: 'short' }] }

/** A client with nothing but what every client needs. */
const bank = {
  client_id: 'bank',
  jwks,
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [callback],
  scope: 'openid accounts offline_access',
}
const world = {
  mtls: {
    certificate_header: 'client-cert',
    trusted_proxies: ['127.0.0.1'],
    endpoint_origin: 'https://mtls.id.example',
  },
  clients: [
    bank,
    {
      ...bank,
      client_id: 'bank-tls',
      token_endpoint_auth_method: 'private_key_jwt',
      tls_client_certificate_bound_access_tokens: true,
    },
  ],
  api_scopes: [{ name: 'accounts' }],
  api_resources: [{ name: 'urn:api', scopes: ['accounts'], api_secrets: [{ value: 'secret of the API' }] }],
  users: [{ sub: '1', username: 'alice', password: 'wonderland' }],
}
const profiles = ['fapi2-security', 'fapi2-message-signing'] as const
const [security, signing] = await Promise.all(
  profiles.map(security_profile => createTestServer({ ...world, security_profile }, { at: now })),
)
assert.ok(security && signing)

/** Sends the requests of a library to the server. */
const fetchFrom =
  (server: TestServer, certificate?: string) =>
  async (address: string, { method = 'GET', headers, body }: RequestInit = {}): Promise<Response> => {
    const url = new URL(address)
    const answer = await server.send(method, url.pathname + url.search, {
      headers: Object.fromEntries(new Headers(headers)),
      ...(body !== undefined && body !== null && { body: String(body) }),
      ...(certificate !== undefined && { certificate }),
    })
    return new Response(answer.body, {
      status: answer.status,
      headers: answer.headers as Record<string, string>,
    })
  }

const pathOf = (url: URL): string => url.pathname + url.search

for (const profile of profiles)
  for (const binding of ['DPoP', 'mutual TLS'] as const)
    test(`profiles: a user signs in by ${binding} of the profile ${profile} with oauth4webapi`, async () => {
      // The library uses the machine's clock, and other files may run before this one.
      const at = Math.floor(Date.now() / 1000)
      const server = await createTestServer({ ...world, security_profile: profile }, { at })
      const byTls = binding === 'mutual TLS'
      const isSigned = profile === 'fapi2-message-signing'
      const client: oauth.Client = {
        client_id: byTls ? 'bank-tls' : 'bank',
        id_token_signed_response_alg: 'ES256',
        authorization_signed_response_alg: 'ES256',
        use_mtls_endpoint_aliases: byTls,
      }
      const options = { [oauth.customFetch]: fetchFrom(server, byTls ? one : undefined) as never }
      const discovered = await oauth.discoveryRequest(new URL(issuer), options)
      const metadata = await oauth.processDiscoveryResponse(new URL(issuer), discovered)
      const authentication = oauth.PrivateKeyJwt({ key: privateKey as never, kid: 'one' })
      const DPoP = byTls ? undefined : oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
      const requests = { ...options, ...(DPoP && { DPoP }) }

      const codeVerifier = oauth.generateRandomCodeVerifier()
      const asked = new URLSearchParams({
        response_type: 'code',
        redirect_uri: callback,
        scope: bank.scope,
        state: 'some-state',
        code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        ...(isSigned && { response_mode: 'jwt' }),
      })
      const parameters = !isSigned
        ? asked
        : new URLSearchParams({
            request: await oauth.issueRequestObject(metadata, client, asked, {
              key: privateKey as never,
              kid: 'one',
            }),
          })
      const pushed = await oauth.processPushedAuthorizationResponse(
        metadata,
        client,
        await oauth.pushedAuthorizationRequest(metadata, client, authentication, parameters, requests),
      )
      assert.ok(pushed.expires_in < 600)
      const address = new URL(metadata.authorization_endpoint!)
      address.searchParams.set('client_id', client.client_id)
      address.searchParams.set('request_uri', pushed.request_uri)
      const page = await signIn(createBrowser(server), pathOf(address))
      // FAPI 2.0 Security Profile §5.3.2.2 (10).
      assert.ok(page.status === 302 || page.status === 303, String(page.status))
      const back = new URL(`${callback}?${answerOf(page)}`)
      const checked = isSigned
        ? await oauth.validateJwtAuthResponse(metadata, client, back, 'some-state', options)
        : oauth.validateAuthResponse(metadata, client, back, 'some-state')
      const tokens = await oauth.processAuthorizationCodeResponse(
        metadata,
        client,
        await oauth.authorizationCodeGrantRequest(
          metadata,
          client,
          authentication,
          checked,
          callback,
          codeVerifier,
          requests,
        ),
      )
      assert.equal(tokens.token_type, byTls ? 'bearer' : 'dpop')
      const user = await oauth.processUserInfoResponse(
        metadata,
        client,
        '1',
        await oauth.userInfoRequest(metadata, client, tokens.access_token, requests),
      )
      assert.equal(user.sub, '1')
      // §5.3.2.1 (9): the refresh token is not rotated.
      for (let time = 0; time < 2; time++) {
        const refreshed = await oauth.processRefreshTokenResponse(
          metadata,
          client,
          await oauth.refreshTokenGrantRequest(
            metadata,
            client,
            authentication,
            tokens.refresh_token!,
            requests,
          ),
        )
        assert.equal(refreshed.refresh_token ?? tokens.refresh_token, tokens.refresh_token)
      }
    })

const assertion = async (
  claims: object = {},
  alg = 'ES256',
  key: CryptoKey | KeyObject = privateKey,
): Promise<string> =>
  new SignJWT({
    iss: 'bank',
    sub: 'bank',
    aud: issuer,
    jti: randomUUID(),
    exp: now + 60,
    ...claims,
  })
    .setProtectedHeader({ alg, kid: 'one' })
    .sign(key)

const authenticated = (client_assertion: string) => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion,
})

const request = {
  client_id: 'bank',
  response_type: 'code',
  redirect_uri: callback,
  scope: 'openid accounts',
  code_challenge: challenge,
  code_challenge_method: 'S256',
}

/** Pushes a request of the client. */
const push = async (
  server: TestServer,
  more: object = {},
  { client_assertion, dpop }: { readonly client_assertion?: string; readonly dpop?: string } = {},
) =>
  server.send('POST', '/connect/par', {
    form: { ...request, ...authenticated(client_assertion ?? (await assertion())), ...more },
    headers: dpop === undefined ? {} : { dpop },
  })

/** Signs in and returns a code. */
async function codeOf(server: TestServer): Promise<string> {
  const { status, json } = await push(server)
  assert.equal(status, 201, JSON.stringify(json))
  const query = new URLSearchParams({ client_id: 'bank', request_uri: json.request_uri })
  return answerOf(await signIn(createBrowser(server), `/connect/authorize?${query}`)).get('code') ?? ''
}

test('profiles: fapi2-security: a bearer token is not issued', async () => {
  const code = await codeOf(security)
  const answer = await security.token({
    grant_type: 'authorization_code',
    code,
    redirect_uri: callback,
    code_verifier: verifier,
    ...authenticated(await assertion()),
  })
  assertRefused(answer, 'invalid_dpop_proof', 'dpop_proof_missing')
})

test('profiles: assertions for an endpoint, or with another algorithm, are refused', async () => {
  for (const aud of [`${issuer}/connect/par`, [issuer]])
    assertRefused(
      await push(security, {}, { client_assertion: await assertion({ aud }) }),
      'invalid_client',
      'client_assertion_audience_wrong',
    )
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const server = await createTestServer(
    {
      ...world,
      security_profile: 'fapi2-security',
      clients: [{ ...bank, jwks: { keys: [{ ...(await exportJWK(rsa.publicKey)), kid: 'one' }] } }],
    },
    { at: now },
  )
  for (const [alg, reason] of [
    ['RS256', 'client_assertion_invalid'],
    ['PS384', 'client_assertion_invalid'],
    ['PS256', undefined],
  ] as const) {
    const answer = await push(server, {}, { client_assertion: await assertion({}, alg, rsa.privateKey) })
    if (reason === undefined) assert.equal(answer.status, 201, String(answer.reason))
    else assertRefused(answer, 'invalid_client', reason)
  }
  assertRefused(
    await server.send('POST', '/connect/par', { form: request }),
    'invalid_client',
    'client_assertion_missing',
  )
})

test('profiles: assertions and request objects of a client with a profile need its algorithms, also if the server has others', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = { jwks: { keys: [{ ...(await exportJWK(rsa.publicKey)), kid: 'one' }] } }
  const client = { ...bank, ...keys, token_endpoint_auth_method: 'private_key_jwt' }
  const serverWith = (more: object) =>
    createTestServer({ ...world, clients: [{ ...client, ...more }] }, { at: now })
  const [strict, lax] = [await serverWith({ security_profile: 'fapi2-security' }), await serverWith({})]
  const signedBy = (alg: string) =>
    new SignJWT({ ...request, iss: 'bank', exp: now + 60 })
      .setProtectedHeader({ alg, kid: 'one' })
      .sign(rsa.privateKey)
  const by = async (alg: string) => ({ client_assertion: await assertion({}, alg, rsa.privateKey) })
  assertRefused(await push(strict, {}, await by('RS256')), 'invalid_client', 'client_assertion_invalid')
  assertRefused(
    await push(strict, { request: await signedBy('RS256') }, await by('PS256')),
    'invalid_request_object',
    'request_object_signature_invalid',
  )
  assert.equal((await push(strict, { request: await signedBy('PS256') }, await by('PS256'))).status, 201)
  assert.equal((await push(lax, { request: await signedBy('RS256') }, await by('RS256'))).status, 201)
})

test('profiles: short keys of clients are refused', async () => {
  const head = { alg: 'PS256', kid: 'short' }
  const claims = { iss: 'bank', sub: 'bank', aud: issuer, jti: randomUUID(), exp: now + 60 }
  const client_assertion = signProof(head, claims, text =>
    signBytes('sha256', Buffer.from(text), { key: short, padding: 6, saltLength: 32 }),
  )
  assertRefused(await push(security, {}, { client_assertion }), 'invalid_client', 'client_assertion_invalid')
})

test('profiles: a request that is not pushed is refused, and so is one by plain PKCE', async () => {
  const page = await security.send('GET', `/connect/authorize?${new URLSearchParams(request)}`)
  assert.equal(page.reason, 'pushed_request_required')
  for (const [more, reason] of [
    [{ code_challenge_method: 'plain' }, 'code_challenge_method_not_allowed'],
    [{ code_challenge: undefined, code_challenge_method: undefined }, 'code_challenge_missing'],
  ] as const)
    assertRefused(await push(security, more), 'invalid_request', reason)
})

const object = (claims: object): Promise<string> =>
  new SignJWT({ ...request, iss: 'bank', nbf: now, exp: now + 60, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .sign(privateKey)

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
/** Returns a DPoP proof by an RSA key, which has several algorithms. */
const rsaProof = (alg: 'RS256' | 'PS256', claims: object): string =>
  signProof(
    { typ: 'dpop+jwt', alg, jwk: rsa.publicKey.export({ format: 'jwk' }) },
    { jti: randomUUID(), iat: now, ...claims },
    text =>
      signBytes('sha256', Buffer.from(text), {
        key: rsa.privateKey,
        ...(alg === 'PS256' && { padding: 6, saltLength: 32 }),
      }),
  )

test('profiles: unsigned request objects, and proofs with another algorithm, are refused', async () => {
  const unsigned = signProof({ alg: 'none' }, request, () => Buffer.alloc(0))
  assertRefused(
    await push(security, { request: unsigned }),
    'invalid_request_object',
    'request_object_unsigned',
  )
  const target = { htm: 'POST', htu: `${issuer}/connect/par` }
  const refusedProof = await push(security, {}, { dpop: rsaProof('RS256', target) })
  assertRefused(refusedProof, 'invalid_dpop_proof', 'dpop_algorithm_not_allowed')
  assert.equal((await push(security, {}, { dpop: rsaProof('PS256', target) })).status, 201)
})

test('profiles: the tokens of a client with a profile need proofs with its algorithms at UserInfo too', async () => {
  const machine = { client_id: 'bank', jwks, grant_types: ['client_credentials'], scope: 'accounts' }
  const server = await createTestServer(
    { ...world, clients: [{ ...machine, security_profile: 'fapi2-security' }] },
    { at: now },
  )
  const form = { grant_type: 'client_credentials', ...authenticated(await assertion()) }
  const dpop = rsaProof('PS256', { htm: 'POST', htu: `${issuer}/connect/token` })
  const { status, json } = await server.token(form, { headers: { dpop } })
  assert.equal(status, 200)
  const token: string = json.access_token
  const ath = createHash('sha256').update(token).digest('base64url')
  for (const [alg, reason] of [
    ['RS256', 'dpop_algorithm_not_allowed'],
    ['PS256', 'token_without_openid'],
  ] as const) {
    const proof = rsaProof(alg, { htm: 'GET', htu: `${issuer}/connect/userinfo`, ath })
    const headers = { authorization: `DPoP ${token}`, dpop: proof }
    assert.equal((await server.send('GET', '/connect/userinfo', { headers })).reason, reason)
  }
})

test('profiles: assertions as grants need an algorithm of the profile of the client', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const partner = 'https://partner.example'
  const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
  const exchanger = { client_id: 'bank', jwks, grant_types: [grant_type], scope: 'accounts' }
  const server = await createTestServer(
    {
      ...world,
      trusted_issuers: [{ issuer: partner, jwks: { keys: [rsa.publicKey.export({ format: 'jwk' })] } }],
      clients: [{ ...exchanger, security_profile: 'fapi2-security' }],
    },
    { at: now },
  )
  const redeem = async (alg: string) => {
    const granted = new SignJWT({ iss: partner, sub: '1', aud: issuer, exp: now + 60, jti: alg })
    return server.token(
      {
        ...{ grant_type, assertion: await granted.setProtectedHeader({ alg }).sign(rsa.privateKey) },
        ...authenticated(await assertion()),
      },
      { headers: { dpop: rsaProof('PS256', { htm: 'POST', htu: `${issuer}/connect/token` }) } },
    )
  }
  assertRefused(await redeem('RS256'), 'invalid_grant', 'assertion_invalid')
  assert.equal((await redeem('PS256')).status, 200)
})

test('profiles: a request object without an audience is refused where messages are signed', async () => {
  assert.equal((await push(security, { request: await object({}) })).status, 201)
  assertRefused(
    await push(signing, { request: await object({}) }),
    'invalid_request_object',
    'request_object_audience_wrong',
  )
  const complete = await object({ aud: issuer, response_mode: 'jwt' })
  assert.equal((await push(signing, { request: complete })).status, 201)
})

test('profiles: a request for an unsigned response is refused where messages are signed', async () => {
  for (const response_mode of [undefined, 'query', 'form_post'])
    assertRefused(
      await push(signing, { request: await object({ aud: issuer, response_mode }) }),
      'invalid_request',
      'response_mode_unsigned',
    )
})

test('profiles: scripts of other origins can not read the authorization endpoint', async () => {
  const server = await createTestServer({
    security_profile: 'oauth2.1',
    clients: [
      {
        client_id: 'spa',
        token_endpoint_auth_method: 'none',
        redirect_uris: [callback],
        scope: 'openid',
        allowed_cors_origins: ['https://app.example'],
      },
    ],
  })
  const headers = { origin: 'https://app.example' }
  const query = new URLSearchParams({ ...request, client_id: 'spa', scope: 'openid' })
  const page = await server.send('GET', `/connect/authorize?${query}`, { headers })
  assert.equal(page.headers['access-control-allow-origin'], undefined)
  const token = await server.send('POST', '/connect/token', { headers, form: { client_id: 'spa' } })
  assert.equal(token.headers['access-control-allow-origin'], 'https://app.example')
})

test('profiles: OAuth 2.1: a code needs a challenge, and its redemption no redirect_uri [draft-ietf-oauth-v2-1-16 §4.1.1, §10]', async () => {
  const spa = {
    client_id: 'spa',
    token_endpoint_auth_method: 'none',
    redirect_uris: [callback],
    scope: 'openid',
  }
  const input = (security_profile?: string) => ({ ...world, clients: [{ ...spa, security_profile }] })
  const server = await createTestServer(input('oauth2.1'))
  const query = { ...request, client_id: 'spa', scope: 'openid' }
  const without = new URLSearchParams({ ...query, code_challenge: '', code_challenge_method: '' })
  await server.send('GET', `/connect/authorize?${without}`)
  assert.equal(server.reason(), 'code_challenge_missing')
  const redeem = async (at: TestServer, more: object = {}) => {
    const path = `/connect/authorize?${new URLSearchParams(query)}`
    const code = answerOf(await signIn(createBrowser(at), path)).get('code') ?? ''
    return at.token({
      grant_type: 'authorization_code',
      client_id: 'spa',
      code,
      code_verifier: verifier,
      ...more,
    })
  }
  assert.equal((await redeem(server)).status, 200)
  assert.equal((await redeem(server, { redirect_uri: callback })).status, 200)
  const wrong = await redeem(server, { redirect_uri: 'https://app.example/' })
  assertRefused(wrong, 'invalid_grant', 'redirect_uri_differs')
  const other = await createTestServer(input())
  assertRefused(await redeem(other), 'invalid_request', 'redirect_uri_missing')

  const whole = await createTestServer({ ...world, clients: [spa], security_profile: 'oauth2.1' })
  const { json } = await whole.send('GET', '/.well-known/openid-configuration')
  assert.ok(!json.grant_types_supported.includes('password'))
  assert.ok(json.response_types_supported.every((type: string) => !type.split(' ').includes('token')))
  const password = { grant_type: 'password', client_id: 'spa', username: 'alice', password: 'wonderland' }
  assertRefused(await whole.token(password), 'unauthorized_client', 'grant_type_not_allowed')
})

test('profiles: the metadata of a server with a FAPI profile offers only what the profile permits', async () => {
  const { json } = await security.send('GET', '/.well-known/openid-configuration')
  const algorithms = ['PS256', 'ES256', 'EdDSA', 'Ed25519']
  for (const [name, list] of Object.entries(json))
    if (/_signing_alg_values_supported$/.test(name))
      assert.deepEqual(
        (list as string[]).filter(alg => !algorithms.includes(alg)),
        [],
        name,
      )
  assert.deepEqual(json.token_endpoint_auth_methods_supported, [
    'private_key_jwt',
    'tls_client_auth',
    'self_signed_tls_client_auth',
  ])
  assert.deepEqual(json.response_types_supported, ['code'])
  assert.deepEqual(
    ['password', 'implicit'].filter(grant => json.grant_types_supported.includes(grant)),
    [],
  )
  assert.equal(json.require_pushed_authorization_requests, true)
  assert.deepEqual(json.code_challenge_methods_supported, ['S256'])
  assert.equal(json.require_signed_request_object, false)
  const signed = await signing.send('GET', '/.well-known/openid-configuration')
  assert.equal(signed.json.require_signed_request_object, true)
})

test('profiles: clients that register themselves meet the profile, or are refused', async () => {
  const server = await createTestServer({
    ...world,
    security_profile: 'fapi2-security',
    registration: { mode: 'open' },
  })
  const keys = { jwks: { keys: [jwk] }, redirect_uris: [callback] }
  for (const metadata of [
    { redirect_uris: [callback] },
    { redirect_uris: [callback], token_endpoint_auth_method: 'none' },
    { ...keys, token_endpoint_auth_method: 'private_key_jwt', redirect_uris: ['http://localhost/cb'] },
    { ...keys, token_endpoint_auth_method: 'private_key_jwt', id_token_signed_response_alg: 'RS256' },
  ]) {
    const answer = await register(server, metadata)
    assert.equal(answer.status, 400, JSON.stringify(answer.json))
    assert.match(answer.json.error_description, /FAPI 2\.0 Security Profile section /)
  }
  const { status, json } = await register(server, { ...keys, token_endpoint_auth_method: 'private_key_jwt' })
  assert.equal(status, 201, JSON.stringify(json))
  assert.equal(json.dpop_bound_access_tokens, true)
  assert.equal(json.require_pushed_authorization_requests, true)
  assert.equal(json.id_token_signed_response_alg, 'ES256')
  const pushed = { ...request, client_id: json.client_id, scope: 'openid' }
  const names = { iss: json.client_id, sub: json.client_id, exp: server.clock.now() + 60 }
  const answer = await server.send('POST', '/connect/par', {
    form: { ...pushed, ...authenticated(await assertion(names)) },
  })
  assert.equal(answer.status, 201, String(answer.reason))
})

test('profiles: clients and tenants that are made at run time meet the profile, or are refused', async () => {
  const server = await createTestServer({ ...world, security_profile: 'fapi2-security' }, { at: now })
  const { clients, tenants } = server.administration
  const machine: JsonObject = { client_id: 'made', grant_types: ['client_credentials'], scope: 'accounts' }
  assert.equal(
    refused(await clients.create({ ...machine, client_secrets: [{ value: 'top secret' }] }, { actor })),
    'entry_invalid, token_endpoint_auth_method',
  )
  const weak = { ...machine, jwks: { keys: [jwk] }, security_profile: 'oauth2.1' } as JsonObject
  assert.equal(refused(await clients.create(weak, { actor })), 'entry_invalid, security_profile')
  const { entry } = made(await clients.create({ ...machine, jwks: { keys: [jwk] } } as JsonObject, { actor }))
  // The entry is shown as it was written.
  assert.equal('dpop_bound_access_tokens' in entry, false)
  const prover = await createProver()
  const token = async (at: TestServer, headers: Readonly<Record<string, string>> = {}) =>
    at.token(
      {
        grant_type: 'client_credentials',
        ...authenticated(await assertion({ iss: 'made', sub: 'made' })),
      },
      { headers },
    )
  assertRefused(await token(server), 'invalid_dpop_proof', 'dpop_proof_missing')
  assert.equal((await token(server, { dpop: prover.proof({ at: now }) })).status, 200)

  const acme = { name: 'acme', issuer: 'path' }
  const lax = { ...acme, authorization_requests: { require_pushed: false } }
  assert.equal(
    refused(await tenants.create(lax, { actor })),
    'entry_invalid, authorization_requests.require_pushed',
  )
  made(await tenants.create({ ...acme, authorization_requests: { pushed_lifetime: 90 } }, { actor }))
  const { json } = await server.send('GET', '/t/acme/.well-known/openid-configuration')
  assert.equal(json.require_pushed_authorization_requests, true)

  // The profile holds for stored clients from the reload on.
  await server.reconfigure({ ...world, security_profile: 'fapi2-message-signing' })
  const { json: after } = await server.send('GET', '/.well-known/openid-configuration')
  assert.equal(after.require_signed_request_object, true)
  assertRefused(await token(server), 'invalid_dpop_proof', 'dpop_proof_missing')
})

test('profiles: a tenant that is made at run time has a profile by one key, as in the file', async () => {
  const { clients: _, ...server } = world
  const strict = { name: 'strict', issuer: 'path', security_profile: 'fapi2-message-signing' }
  const metadata = async (at: TestServer) => {
    const { json } = await at.send('GET', '/t/strict/.well-known/openid-configuration')
    return [
      json.require_pushed_authorization_requests,
      json.require_signed_request_object,
      json.response_modes_supported,
      json.request_object_signing_alg_values_supported,
    ]
  }
  const inFile = await createTestServer({ ...server, tenants: [strict] }, { at: now })
  const later = await createTestServer(server, { at: now })
  made(await later.administration.tenants.create(strict, { actor }))
  assert.deepEqual((await metadata(later)).slice(0, 2), [true, true])
  assert.deepEqual(await metadata(later), await metadata(inFile))
  const lax = { ...strict, name: 'lax', authorization_requests: { require_signed: false } }
  assert.equal(
    refused(await later.administration.tenants.create(lax, { actor })),
    'entry_invalid, authorization_requests.require_signed',
  )
})

test('profiles: a client that is made at run time is refused if settings of the server contradict its profile', async () => {
  const keys = { jwks: { keys: [jwk] }, token_endpoint_auth_method: 'private_key_jwt' }
  const machine: JsonObject = {
    client_id: 'bank',
    grant_types: ['client_credentials'],
    scope: 'accounts',
    ...keys,
  }
  for (const [security_profile, settings, named] of [
    ['oauth2.1', { compatibility: 'identityserver4' }, /^compatibility: /],
    [
      'fapi2-security',
      { authorization_requests: { pushed_lifetime: 600 } },
      /pushed_lifetime: it is 600 or more/,
    ],
  ] as const) {
    const lax = { ...world, ...settings, clients: [] }
    const server = await createTestServer(lax, { at: now })
    const { clients } = server.administration
    const strict: JsonObject = { ...machine, security_profile }
    const outcome = await clients.create(strict, { actor })
    assert.equal(refused(outcome), 'entry_invalid, security_profile')
    assert.match(JSON.stringify(outcome), new RegExp(named.source.replace('^', '"problem":"')))
    made(await clients.create(machine, { actor }))
    // A reload that brings such a setting back stops the client, as the server would refuse it in the file.
    const token = async () =>
      server.token(
        { grant_type: 'client_credentials', ...authenticated(await assertion()) },
        { headers: { dpop: (await createProver()).proof({ at: now }) } },
      )
    await server.reconfigure({ ...world, clients: [] })
    made(await clients.replace('bank', strict, { actor }))
    assert.equal((await token()).status, 200)
    await server.reconfigure(lax)
    assertRefused(await token(), 'invalid_client', 'client_unknown')
  }
})

test('profiles: a client that no longer meets the profile is refused after a reload, until it does', async () => {
  const server = await createTestServer({ ...world, clients: [] })
  const secret = 'a secret of this client'
  made(
    await server.administration.clients.create(
      {
        client_id: 'made',
        client_secrets: [{ value: secret }],
        grant_types: ['client_credentials'],
        scope: 'accounts',
      },
      { actor },
    ),
  )
  const token = () => server.token({ grant_type: 'client_credentials' }, { client: ['made', secret] })
  assert.equal((await token()).status, 200)
  await server.reconfigure({ ...world, clients: [], security_profile: 'fapi2-security' })
  assertRefused(await token(), 'invalid_client', 'client_unknown')
  await server.reconfigure({ ...world, clients: [] })
  assert.equal((await token()).status, 200)
})

test('profiles: of a client with a profile, other clients keep their settings, and an API can not weaken its tokens', async () => {
  const machine = { grant_types: ['client_credentials'], scope: 'accounts' }
  const server = await createTestServer(
    {
      ...world,
      clients: [
        { ...machine, client_id: 'bank', jwks, security_profile: 'fapi2-security' },
        { ...machine, client_id: 'old', client_secrets: [{ value: 'secret of this client' }] },
      ],
      api_resources: [],
    },
    { at: now },
  )
  const prover = await createProver()
  const own = async () =>
    server.token(
      { grant_type: 'client_credentials', ...authenticated(await assertion()) },
      { headers: { dpop: prover.proof({ at: now }) } },
    )
  const others = () =>
    server.token({ grant_type: 'client_credentials' }, { headers: basic('old', 'secret of this client') })
  assert.equal((await own()).json.token_type, 'DPoP')
  assert.equal((await others()).json.token_type, 'Bearer')
  made(
    await server.administration.api_resources.create(
      { name: 'urn:api', scopes: ['accounts'], access_token_signing_alg: 'RS256' },
      { actor },
    ),
  )
  assertRefused(await own(), 'invalid_scope', 'signing_algorithm_not_permitted')
  assert.equal((await others()).status, 200)
})
