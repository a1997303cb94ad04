/** The configuration of the FAPI 2.0 guide, read from the guide, and the rules that the conformance suite checks. */

import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { createRemoteJWKSet, customFetch, exportJWK, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { thumbprintOf } from '../../packages/server/src/model/jose.ts'
import { createBrowser } from '../support/browser.ts'
import { one, two } from '../support/certificates.ts'
import { assertRefused } from '../support/refused.ts'
import { readText } from '../support/repository.ts'
import { answerOf, challenge, signIn, verifier } from '../support/sign-in.ts'
import { basic, createTestServer, type TestServer } from '../support/tessera.ts'

const [, text = ''] = /```jsonc\n([\s\S]*?)```/.exec(readText('docs/guides/fapi-2.md')) ?? []
const configured = JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, ''))
const { issuer } = configured
const [client] = configured.clients
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(rsa.publicKey)), kid: 'one', alg: 'PS256' }] })
const callback = client.redirect_uris[0]

const start = () =>
  createTestServer(configured, {
    outbound: async url => {
      assert.equal(url, client.jwks_uri)
      return { ok: true, status: 200, headers: { 'content-type': 'application/json' }, body: jwks }
    },
  })

const sign = (claims: object, alg = 'PS256') =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg, kid: 'one' }).sign(rsa.privateKey)

const authentication = async (server: TestServer, claims: object = {}) => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await sign({
    ...{ iss: client.client_id, sub: client.client_id, aud: issuer, jti: randomUUID() },
    exp: server.clock.now() + 60,
    ...claims,
  }),
})

const push = async (server: TestServer, claims: object = {}, { alg = 'PS256', assertion = {} } = {}) => {
  const now = server.clock.now()
  const request = await sign(
    {
      ...{ iss: client.client_id, aud: issuer, client_id: client.client_id, nbf: now, exp: now + 300 },
      ...{ response_type: 'code', redirect_uri: callback, scope: client.scope, state: 's', nonce: 'n' },
      ...{ code_challenge: challenge, code_challenge_method: 'S256', response_mode: 'jwt' },
      ...claims,
    },
    alg,
  )
  const form = { request, ...(await authentication(server, assertion)) }
  return server.send('POST', '/connect/par', { form })
}

async function signedInCode(server: TestServer): Promise<string> {
  const { status, json } = await push(server)
  assert.equal(status, 201, JSON.stringify(json))
  assert.ok(json.expires_in < 600)
  const query = new URLSearchParams({ client_id: client.client_id, request_uri: json.request_uri })
  const [alice] = configured.users
  const sent = answerOf(await signIn(createBrowser(server), `/connect/authorize?${query}`, alice))
  assert.deepEqual([...sent.keys()], ['response'])
  const answer = await verify(server, sent.get('response') ?? '', client.client_id)
  assert.equal(answer.state, 's')
  return String(answer.code)
}

const redeem = async (server: TestServer, code: string, certificate?: string, more: object = {}) =>
  server.token(
    {
      ...{ grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier },
      ...(await authentication(server)),
      ...more,
    },
    certificate === undefined ? {} : { certificate },
  )

const verify = async (server: TestServer, token: string, audience: string): Promise<JWTPayload> => {
  const path = '/.well-known/openid-configuration/jwks'
  const keys = createRemoteJWKSet(new URL(issuer + path), {
    [customFetch]: async () => new Response((await server.send('GET', path)).body),
  })
  const currentDate = new Date(server.clock.now() * 1000)
  const { payload } = await jwtVerify(token, keys, { issuer, audience, algorithms: ['ES256'], currentDate })
  return payload
}

test('fapi: the guide’s configuration signs a user in by PAR, PKCE, private_key_jwt and mutual TLS [FAPI 2.0 §5.3]', async () => {
  const server = await start()
  const code = await signedInCode(server)
  const without = await redeem(server, code)
  assertRefused(without, 'invalid_request', 'binding_certificate_missing')
  const { status, json } = await redeem(server, code, one)
  assert.equal(status, 200, JSON.stringify(json))
  const cnf = { 'x5t#S256': thumbprintOf(one) }
  assert.deepEqual((await verify(server, json.access_token, 'https://api.example')).cnf, cnf)
  const idToken = await verify(server, json.id_token, client.client_id)
  assert.deepEqual([idToken.nonce, idToken.idp], ['n', undefined])

  const bearer = { authorization: `Bearer ${json.access_token}` }
  const userinfo = (certificate: string) =>
    server.send('GET', '/connect/userinfo', { headers: bearer, certificate })
  assert.equal((await userinfo(one)).json.sub, '1')
  assertRefused(await userinfo(two), 'invalid_token', 'token_bound_to_another_certificate')

  const refresh = async (certificate?: string) =>
    server.token(
      { grant_type: 'refresh_token', refresh_token: json.refresh_token, ...(await authentication(server)) },
      certificate === undefined ? {} : { certificate },
    )
  assertRefused(await refresh(), 'invalid_request', 'binding_certificate_missing')
  for (let time = 0; time < 2; time++) {
    server.clock.advance(600)
    const refreshed = await refresh(one)
    // No rotation (§5.3.2.1): the refresh token remains the same.
    assert.equal(refreshed.json.refresh_token ?? json.refresh_token, json.refresh_token)
    assert.deepEqual((await verify(server, refreshed.json.access_token, 'https://api.example')).cnf, cnf)
  }
})

test('fapi: discovery lists what the profile requires', async () => {
  const server = await start()
  const { json } = await server.send('GET', '/.well-known/openid-configuration')
  assert.equal(json.require_pushed_authorization_requests, true)
  assert.equal(json.require_signed_request_object, true)
  assert.equal(json.tls_client_certificate_bound_access_tokens, true)
  assert.equal(json.authorization_response_iss_parameter_supported, true)
  assert.deepEqual(json.code_challenge_methods_supported, ['S256'])
  assert.equal(json.mtls_endpoint_aliases.token_endpoint, 'https://mtls.login.example/connect/token')
  assert.equal(json.token_endpoint, `${issuer}/connect/token`)
  for (const alg of ['PS256', 'ES256'])
    assert.ok(json.token_endpoint_auth_signing_alg_values_supported.includes(alg))
})

test('fapi: client assertions have the issuer alone as audience, as a string [FAPI 2.0 §5.3.2.1]', async () => {
  const server = await start()
  for (const aud of [
    `${issuer}/connect/par`,
    `${issuer}/connect/token`,
    [issuer],
    [issuer, 'https://x.example'],
  ])
    assertRefused(
      await push(server, {}, { assertion: { aud } }),
      'invalid_client',
      'client_assertion_audience_wrong',
    )
})

test('fapi: client assertions are signed with the registered algorithm, not with RS256 [FAPI 2.0 §5.4]', async () => {
  const server = await start()
  const claims = { iss: client.client_id, sub: client.client_id, aud: issuer, jti: randomUUID() }
  const weak = await sign({ ...claims, exp: server.clock.now() + 60 }, 'RS256')
  const answer = await redeem(server, await signedInCode(server), one, { client_assertion: weak })
  assertRefused(answer, 'invalid_client', 'client_assertion_invalid')
})

test('fapi: request objects are signed with PS256 and have a limited lifetime [FAPI 2.0 Message Signing §5.3.1]', async () => {
  const server = await start()
  const now = server.clock.now()
  for (const [claims, reason] of [
    [{ nbf: undefined }, 'request_object_without_lifetime'],
    [{ exp: undefined }, 'request_object_without_lifetime'],
    [{ nbf: now - 4200 }, 'request_object_too_old'],
    [{ exp: now + 4200 }, 'request_object_lives_too_long'],
    [{ aud: 'https://other.example' }, 'request_object_audience_wrong'],
    [{ client_id: 'other' }, 'request_object_client_id_mismatch'],
  ] as const)
    assertRefused(await push(server, claims), 'invalid_request_object', reason)
  const weak = await push(server, {}, { alg: 'RS256' })
  assertRefused(weak, 'invalid_request_object', 'request_object_signature_invalid')
  for (const [claims, reason] of [
    [{ code_challenge: undefined, code_challenge_method: undefined }, 'code_challenge_missing'],
    [{ code_challenge_method: 'plain' }, 'code_challenge_method_not_allowed'],
  ] as const)
    assertRefused(await push(server, claims), 'invalid_request', reason)
})

test('fapi: a request for a response without a JWT is refused [FAPI 2.0 Message Signing §5.4]', async () => {
  const server = await start()
  for (const response_mode of [undefined, 'query', 'fragment', 'form_post'])
    assertRefused(await push(server, { response_mode }), 'invalid_request', 'response_mode_unsigned')
})

test('fapi: a request that is not pushed, or not signed, is refused [FAPI 2.0 §5.3.2.2]', async () => {
  const server = await start()
  const parameters = {
    ...{ client_id: client.client_id, response_type: 'code', redirect_uri: callback, scope: 'openid' },
    ...{ code_challenge: challenge, code_challenge_method: 'S256' },
  }
  const page = await server.send('GET', `/connect/authorize?${new URLSearchParams(parameters)}`)
  assert.notEqual(page.reason, undefined)
  const unsigned = await server.send('POST', '/connect/par', {
    form: { ...parameters, ...(await authentication(server)) },
  })
  assert.equal(unsigned.status, 400)
})

test('fapi: a code is valid for a minute, is used once, and requires its verifier [FAPI 2.0 §5.3.2.1]', async () => {
  const server = await start()
  const wrong = await redeem(server, await signedInCode(server), one, { code_verifier: 'x'.repeat(43) })
  assertRefused(wrong, 'invalid_grant', 'code_verifier_wrong')
  const late = await signedInCode(server)
  server.clock.advance(61)
  assertRefused(await redeem(server, late, one), 'invalid_grant', 'code_expired')
  const twice = await signedInCode(server)
  assert.equal((await redeem(server, twice, one)).status, 200)
  assertRefused(await redeem(server, twice, one), 'invalid_grant', 'code_replayed')
})

test('fapi: an API gets a signed introspection response that shows the binding [FAPI 2.0 Message Signing §5.5]', async () => {
  const server = await start()
  const { json } = await redeem(server, await signedInCode(server), one)
  const [api] = configured.api_resources
  const answer = await server.send('POST', '/connect/introspect', {
    form: { token: json.access_token },
    headers: {
      ...basic(api.name, api.api_secrets[0].value),
      accept: 'application/token-introspection+jwt',
    },
  })
  const { token_introspection: seen } = (await verify(server, String(answer.body), api.name)) as any
  assert.deepEqual(seen.cnf, { 'x5t#S256': thumbprintOf(one) })
  assert.deepEqual([seen.active, seen.token_type], [true, 'Bearer'])
})
