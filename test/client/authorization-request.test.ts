import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import {
  type AuthorizationOptions,
  clientSecretBasic,
  createAuthorizationRequest,
  type PrivateKey,
  signedRequests,
  unwrap,
  validateAuthorizationResponse,
} from '@tessera/client'
import { exportJWK, generateKeyPair } from 'jose'
import { hybridWorld } from '../support/hybrid.ts'
import { callback } from '../support/sign-in.ts'
import { claimsOf } from '../support/tessera.ts'
import { authorize, startAuthorizationWorld } from './authorization-world.ts'

const { publicKey, privateKey } = await generateKeyPair('ES256')
const confidential = {
  redirect_uris: [callback],
  scope: 'openid profile api1',
  grant_types: ['authorization_code'],
  client_secrets: [{ value: 'secret' }],
  jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'a' }] },
}
const world = await startAuthorizationWorld({
  clients: [
    ...hybridWorld.clients,
    { ...confidential, client_id: 'confidential' },
    { ...confidential, client_id: 'signing', require_signed_request_object: true },
    { ...confidential, client_id: 'pushing', require_pushed_authorization_requests: true },
  ],
})
const { server, fetch } = world
const client = world.client()
const signer = world.client({ client_id: 'signing', authentication: clientSecretBasic('secret') })
const sign = signedRequests(privateKey as PrivateKey, { kid: 'a' })
const base = { redirect_uri: callback }
const metadata = unwrap(await client.issuer.metadata())

const requestOf = async (options: Partial<AuthorizationOptions> = {}, of = client) => {
  const { url, pending } = unwrap(await createAuthorizationRequest(of, { ...base, ...options }))
  const { origin, pathname, searchParams } = new URL(url)
  return { endpoint: origin + pathname, parameters: Object.fromEntries(searchParams), searchParams, pending }
}

test('authorization request: by default it asks for a code and an ID token, with PKCE by S256 [RFC 7636 §4.3]', async () => {
  const { endpoint, parameters, pending } = await requestOf()
  assert.equal(endpoint, metadata.authorization_endpoint)
  assert.deepEqual(parameters, {
    client_id: 'web',
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid',
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: hash('sha256', pending.code_verifier ?? '', 'base64url'),
    code_challenge_method: 'S256',
  })
  assert.match(pending.code_verifier ?? '', /^[\w-]{43}$/)
})

test('authorization request: each option is a parameter of the same name [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const options = {
    scope: 'openid profile',
    response_type: 'code id_token',
    response_mode: 'form_post',
    prompt: 'login consent',
    max_age: 0,
    login_hint: 'alice@example.com',
    id_token_hint: 'a.b.c',
    acr_values: 'mfa pwd',
    ui_locales: 'de en',
    display: 'popup',
  } as const
  const { searchParams, parameters } = await requestOf({
    ...options,
    claims: { id_token: { acr: { essential: true } } },
    resource: ['urn:api', 'urn:other'],
    parameters: { audience: 'x', claims_locales: 'de' },
  })
  for (const [name, value] of Object.entries(options)) assert.equal(parameters[name], `${value}`)
  assert.equal(parameters.claims, '{"id_token":{"acr":{"essential":true}}}')
  assert.deepEqual(searchParams.getAll('resource'), ['urn:api', 'urn:other'])
  assert.equal(parameters.audience, 'x')
  assert.equal(parameters.claims_locales, 'de')
})

test('authorization request: each has its own state, nonce and code_verifier', async () => {
  const [one, other] = [await requestOf(), await requestOf()]
  const secrets = [one, other].flatMap(({ pending: { state, nonce, code_verifier } }) => [
    state,
    nonce,
    code_verifier,
  ])
  assert.equal(new Set(secrets).size, 6)
})

test('authorization request: the pending request survives JSON, which a session or a cookie stores', async () => {
  const { pending } = await requestOf({ max_age: 60 })
  const { resource, ...expected } = pending
  assert.equal(resource, undefined)
  assert.deepEqual(JSON.parse(JSON.stringify(pending)), expected)
})

test('authorization request: without the scope openid it has no nonce, and without a code no code_challenge', async () => {
  assert.equal((await requestOf({ scope: 'api1' })).parameters.nonce, undefined)
  assert.equal((await requestOf({ scope: '' })).parameters.scope, undefined)
  const { parameters, pending } = await requestOf({ response_type: 'id_token' })
  assert.equal(parameters.code_challenge, undefined)
  assert.equal(parameters.code_challenge_method, undefined)
  assert.equal(pending.code_verifier, undefined)
})

test('authorization request: a query of the endpoint is kept [RFC 6749 §3.1]', async () => {
  const url = `${metadata.authorization_endpoint}?tenant=acme`
  const { searchParams } = await requestOf(
    {},
    world.client({ metadata: { ...metadata, authorization_endpoint: url } }),
  )
  assert.equal(searchParams.get('tenant'), 'acme')
  assert.equal(searchParams.get('client_id'), 'web')
})

test('authorization request: parameters that bind tokens to a key are added', async () => {
  const proof = {
    tokenType: 'DPoP',
    headers: async () => ({}),
    authorizationParameters: async () => ({ dpop_jkt: 'thumbprint' }),
  }
  assert.equal((await requestOf({}, world.client({ proof }))).parameters.dpop_jkt, 'thumbprint')
})

for (const name of ['state', 'nonce', 'code_challenge', 'request_uri', 'redirect_uri', 'prompt'])
  test(`authorization request: ${name} among the other parameters is a mistake of the caller`, async () => {
    const options = { ...base, parameters: { [name]: 'x' } }
    await assert.rejects(createAuthorizationRequest(client, options), new RegExp(`TypeError.*${name}`, 's'))
  })

test('authorization request: tokens are never requested in a query, and ID tokens not without openid', async () => {
  await assert.rejects(requestOf({ response_type: 'code id_token', response_mode: 'query' }), TypeError)
  await assert.rejects(requestOf({ response_type: 'code id_token', scope: 'api1' }), TypeError)
})

for (const [code, options, changes] of [
  ['response_type_unsupported', { response_type: 'code token' }, { response_types_supported: ['code'] }],
  ['response_mode_unsupported', { response_mode: 'form_post' }, { response_modes_supported: ['query'] }],
  ['pkce_unsupported', {}, { code_challenge_methods_supported: ['plain'] }],
  [
    'pkce_unsupported',
    { response_type: 'code id_token', scope: 'openid' },
    { code_challenge_methods_supported: [] },
  ],
  ['request_object_required', {}, { require_signed_request_object: true }],
  ['request_object_unsupported', { sign }, { request_parameter_supported: false }],
  ['endpoint_missing', {}, { authorization_endpoint: undefined }],
] as const)
  test(`authorization request: one that the metadata excludes (${JSON.stringify(changes)}) fails with ${code}`, async () => {
    const of = world.client({ metadata: JSON.parse(JSON.stringify({ ...metadata, ...changes })) })
    const created = await createAuthorizationRequest(of, { ...base, ...options })
    assert.ok(!created.ok)
    assert.equal(created.error.kind, 'unsupported')
    assert.equal(created.error.code, code)
  })

test('authorization request: the words of response_types_supported have any order [RFC 6749 §3.1.1]', async () => {
  const of = world.client({ metadata: { ...metadata, response_types_supported: ['token id_token code'] } })
  await requestOf({ response_type: 'code id_token token' }, of)
})

test('pushed request: the browser sees the client_id and the request_uri only [RFC 9126 §4]', async () => {
  const of = world.client({ client_id: 'pushing', authentication: clientSecretBasic('secret') })
  const { url, pending, response } = await authorize(world, of, { pushed: true, login_hint: 'alice' })
  assert.deepEqual([...url.searchParams.keys()], ['client_id', 'request_uri'])
  const { code } = unwrap(await validateAuthorizationResponse(of, response, pending))
  assert.match(code ?? '', /^tc_/)
})

test('pushed request: it is the default if the server requires it [RFC 9126 §5]', async () => {
  const required = { ...metadata, require_pushed_authorization_requests: true }
  const { parameters } = await requestOf({}, world.client({ metadata: required }))
  assert.deepEqual(Object.keys(parameters), ['client_id', 'request_uri'])
})

test('pushed request: a refusal of the server is an error of kind response [RFC 9126 §2.3]', async () => {
  const created = await createAuthorizationRequest(client, {
    redirect_uri: 'https://app.example/other',
    pushed: true,
  })
  assert.ok(!created.ok)
  assert.equal(created.error.kind, 'response')
  assert.equal(created.error.status, 400)
  assert.equal(server.reason(), 'redirect_uri_not_registered')
})

test('pushed request: a response without request_uri is invalid', async () => {
  const of = world.client({
    metadata,
    fetch: async (url, init) =>
      url === metadata.pushed_authorization_request_endpoint
        ? Response.json({ expires_in: 60 })
        : fetch(url, init),
  })
  const created = await createAuthorizationRequest(of, { ...base, pushed: true })
  assert.ok(!created.ok)
  assert.equal(created.error.code, 'invalid_response')
})

for (const pushed of [false, true])
  test(`signed request: the server takes the parameters from the object, ${pushed ? 'pushed' : 'in the URL'} [RFC 9101 §5]`, async () => {
    const { url, pending, response } = await authorize(world, signer, {
      sign,
      pushed,
      max_age: 3600,
      claims: { id_token: { name: null } },
      resource: 'urn:api',
      scope: 'openid api1',
    })
    const names = pushed ? ['client_id', 'request_uri'] : ['client_id', 'response_type', 'scope', 'request']
    assert.deepEqual([...url.searchParams.keys()], names)
    const { code } = unwrap(await validateAuthorizationResponse(signer, response, pending))
    assert.match(code ?? '', /^tc_/)
  })

test('signed request: the object has the types of OpenID Connect Core 1.0 §6.1 and lives five minutes', async () => {
  const claims = { id_token: { name: null } }
  const { parameters, pending } = await requestOf({ sign, max_age: 0, claims, resource: ['a', 'b'] }, signer)
  const { request = '' } = parameters
  const header = JSON.parse(atob(request.split('.')[0] ?? ''))
  assert.deepEqual(header, { typ: 'oauth-authz-req+jwt', alg: 'ES256', kid: 'a' })
  const { jti, code_challenge, ...sent } = claimsOf(request)
  const iat = server.clock.now()
  assert.match(jti, /^[\w-]{43}$/)
  assert.match(code_challenge, /^[\w-]{43}$/)
  assert.deepEqual(sent, {
    iss: 'signing',
    aud: world.issuer,
    iat,
    nbf: iat,
    exp: iat + 300,
    client_id: 'signing',
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid',
    state: pending.state,
    nonce: pending.nonce,
    code_challenge_method: 'S256',
    max_age: 0,
    claims,
    resource: ['a', 'b'],
  })
})

test('signed request: the server refuses one with a key of somebody else', async () => {
  const stranger = await generateKeyPair('ES256')
  const { url } = unwrap(
    await createAuthorizationRequest(signer, {
      ...base,
      sign: signedRequests(stranger.privateKey as PrivateKey, { kid: 'a' }),
    }),
  )
  assert.equal((await world.visit(url)).status, 400)
  assert.equal(server.reason(), 'request_object_signature_invalid')
})
