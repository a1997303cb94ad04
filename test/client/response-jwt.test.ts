/** Authorization responses in a JWT at the client: of Tessera, and forged ones (JARM §2.4). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AuthorizationOptions,
  completeAuthorization,
  createAuthorizationRequest,
  type PendingAuthorization,
  type ResponseJwtOptions,
  unwrap,
  validateAuthorizationResponse,
} from '@tessera/client'
import { brings } from '@tessera/protocol/response-type'
import { allTypes } from '../support/hybrid.ts'
import { callback } from '../support/sign-in.ts'
import { authorize, startAuthorizationWorld } from './authorization-world.ts'
import { client_id, createKey, now, sign, startTokenServer, url } from './token-server.ts'

const world = await startAuthorizationWorld()
const client = world.client()

for (const response_type of allTypes)
  for (const response_mode of ['jwt', 'form_post.jwt'] as const)
    test(`response JWT: ${response_type} by ${response_mode} has the requested parts and no others`, async () => {
      const asked = { response_type, response_mode, scope: 'openid profile' } as const
      const { response, pending } = await authorize(world, client, asked)
      const value = unwrap(await validateAuthorizationResponse(client, response, pending))
      assert.equal(value.code !== undefined, brings(response_type, 'code'))
      assert.equal(value.claims?.sub, brings(response_type, 'id_token') ? '1' : undefined)
      assert.equal(value.access_token !== undefined, brings(response_type, 'token'))
      assert.ok(value.session_state)
    })

test('response JWT: its code gets tokens, and its error is the error of the server', async () => {
  const { response, pending } = await authorize(world, client, { response_mode: 'query.jwt' })
  assert.ok(unwrap(await completeAuthorization(client, response, pending)).claims)
  const wrong = await authorize(world, client, { response_mode: 'jwt', scope: 'openid nothing' })
  const refused = await completeAuthorization(client, wrong.response, wrong.pending)
  assert.deepEqual(
    [!refused.ok && refused.error.kind, !refused.ok && refused.error.code],
    ['response', 'invalid_scope'],
  )
})

const key = await createKey('ES256')
const other = await createKey('ES256', { kid: key.jwk.kid })
const rsa = await createKey('RS256')
const signer = startTokenServer([key.jwk, rsa.jwk], {
  authorization_endpoint: `${url}/authorize`,
  authorization_response_iss_parameter_supported: true,
  authorization_signing_alg_values_supported: ['ES256', 'none', 'HS256'],
})

const ask = async (options: Partial<AuthorizationOptions> = {}): Promise<PendingAuthorization> =>
  unwrap(
    await createAuthorizationRequest(signer.client, {
      ...{ redirect_uri: callback, response_mode: 'jwt' },
      ...options,
    }),
  ).pending

const claimsFor = ({ state }: PendingAuthorization) => ({
  ...{ iss: url, aud: client_id, exp: now + 60 },
  ...{ code: 'a-code', state },
})

/** Returns the code of the error, or `accepted`. */
async function outcome(
  parameters: Readonly<Record<string, string>>,
  pending: PendingAuthorization,
  responseJwt?: ResponseJwtOptions,
): Promise<string> {
  const target = `${callback}?${new URLSearchParams(parameters)}`
  const validated = await validateAuthorizationResponse(signer.client, target, pending, { responseJwt })
  if (validated.ok) return 'accepted'
  assert.doesNotMatch(JSON.stringify(validated.error), /a-code|eyJ/)
  return validated.error.code
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

test('response JWT: one that the server signed for this client and this request is accepted', async () => {
  const pending = await ask()
  const claims = claimsFor(pending)
  // OpenID Connect and other servers name the type, or don't.
  const response = await sign(claims, key, { typ: 'JWT' })
  assert.equal(await outcome({ response }, pending), 'accepted')
  assert.equal(await outcome({ response }, pending), 'pending_used')
  const again = await ask()
  assert.equal(await outcome({ response: await sign(claimsFor(again), key) }, again), 'accepted')
})

for (const [title, code, changes] of [
  ['of another issuer', 'issuer_mismatch', { iss: 'https://other.example' }],
  ['without an issuer', 'issuer_mismatch', { iss: undefined }],
  ['for another client', 'audience_mismatch', { aud: 'other' }],
  ['without an audience', 'audience_mismatch', { aud: undefined }],
  ['that expired', 'token_expired', { exp: now - 60 }],
  ['that never expires', 'claim_missing', { exp: undefined }],
  ['of another request', 'state_mismatch', { state: 'other' }],
  ['without a state', 'state_mismatch', { state: undefined }],
  ['with a code that is no string', 'claim_invalid', { code: ['a-code'] }],
  ['without a code', 'parameter_missing', { code: undefined }],
  ['with a token that was not requested', 'parameter_unexpected', { id_token: 'x.y.z' }],
] as const)
  test(`response JWT: one ${title} is refused [JARM §2.4]`, async () => {
    const pending = await ask()
    const response = await sign({ ...claimsFor(pending), ...changes }, key)
    assert.equal(await outcome({ response }, pending), code)
    // A forged response does not use up the request.
    assert.equal(await outcome({ response: await sign(claimsFor(pending), key) }, pending), 'accepted')
  })

test('response JWT: an algorithm that was not agreed on is refused: none, HMAC with a public key, another one of the server [RFC 8725 §3.1]', async () => {
  const pending = await ask()
  const claims = claimsFor(pending)
  const unsigned = `${encoded({ alg: 'none' })}.${encoded(claims)}.`
  assert.equal(await outcome({ response: unsigned }, pending), 'algorithm_not_allowed')
  const hmac = `${encoded({ alg: 'HS256', kid: key.jwk.kid })}.${encoded(claims)}.${'A'.repeat(43)}`
  assert.equal(await outcome({ response: hmac }, pending), 'algorithm_not_allowed')
  const rs256 = await sign(claims, rsa)
  assert.equal(await outcome({ response: rs256 }, pending), 'algorithm_not_allowed')
  const response = await sign(claims, key)
  assert.equal(await outcome({ response }, pending, { algorithms: ['PS256'] }), 'algorithm_not_allowed')
  assert.equal(await outcome({ response: rs256 }, pending, { algorithms: ['RS256'] }), 'accepted')
})

test('response JWT: one with the signature of another key, a changed code or an unknown critical header is refused', async () => {
  const pending = await ask()
  const claims = claimsFor(pending)
  const forged = await sign(claims, other)
  assert.equal(await outcome({ response: forged }, pending), 'signature_invalid')
  const [head, , signature] = (await sign(claims, key)).split('.')
  const mixed = `${head}.${encoded({ ...claims, code: 'an-injected-code' })}.${signature}`
  assert.equal(await outcome({ response: mixed }, pending), 'signature_invalid')
  const critical = `${encoded({ alg: 'ES256', kid: key.jwk.kid, crit: ['x'], x: 1 })}.${encoded(claims)}.${signature}`
  assert.equal(await outcome({ response: critical }, pending), 'critical_header')
  const token = await sign(claims, key, { typ: 'at+jwt' })
  assert.equal(await outcome({ response: token }, pending), 'type_mismatch')
})

test('response JWT: where one was requested, plain parameters are refused or ignored, errors too', async () => {
  const pending = await ask()
  const { state } = pending
  const injected: readonly Record<string, string>[] = [{ code: 'injected' }, { error: 'access_denied' }]
  for (const plain of injected)
    assert.equal(await outcome({ state, iss: url, ...plain }, pending), 'response_not_signed')
  const response = await sign(claimsFor(pending), key)
  const beside = new URLSearchParams({ response, code: 'injected', error: 'access_denied', state: 'other' })
  const validated = await validateAuthorizationResponse(signer.client, beside, pending)
  assert.equal(unwrap(validated).code, 'a-code')
  const twice = new URLSearchParams([
    ['response', response],
    ['response', response],
  ])
  const repeated = await validateAuthorizationResponse(signer.client, twice, await ask())
  assert.equal(!repeated.ok && repeated.error.code, 'duplicate_parameter')
})

test('response JWT: where none was requested, a JWT is not read', async () => {
  const pending = await ask({ response_mode: undefined })
  const response = await sign(claimsFor(pending), key)
  assert.equal(await outcome({ response }, pending), 'state_mismatch')
})

test('response JWT: it is read only where its response mode puts it', async () => {
  const hybrid = await ask({ response_type: 'code id_token' })
  const response = await sign(claimsFor(hybrid), key)
  assert.equal(await outcome({ response }, hybrid), 'response_not_signed')
  const posted = await ask({ response_mode: 'form_post.jwt' })
  const other = await sign(claimsFor(posted), key)
  assert.equal(await outcome({ response: other }, posted), 'response_mode_mismatch')
})

test('response JWT: a server whose metadata lacks the mode is not asked', async () => {
  const metadata = { authorization_endpoint: `${url}/authorize`, response_modes_supported: ['query'] }
  const plain = startTokenServer([key.jwk], metadata)
  const created = await createAuthorizationRequest(plain.client, {
    redirect_uri: callback,
    response_mode: 'jwt',
  })
  assert.equal(!created.ok && created.error.code, 'response_mode_unsupported')
})
