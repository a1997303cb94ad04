/**
 * Authorization requests of FAPI 2.0: the modules of the conformance suite for the Security Profile and Message Signing,
 * in each variant. `docs/conformance.md` has the list.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { createProver } from '../support/dpop.ts'
import {
  authorize,
  authorizePath,
  codeOf,
  now,
  prover,
  push,
  redeem,
  server,
  sign,
  type Variant,
  variants,
} from '../support/fapi-world.ts'
import { assertRefused } from '../support/refused.ts'
import {
  alice,
  answerOf,
  assertErrorPage,
  callback,
  challenge,
  signIn,
  verifier,
} from '../support/sign-in.ts'
import { type Answer, claimsOf, issuer } from '../support/tessera.ts'

const signed = variants.filter(one => one.signed)
const unsigned = variants.filter(one => !one.signed)
const withAssertions = unsigned.filter(one => one.authentication === 'private_key_jwt')
const withDpop = variants.filter(one => one.binding === 'dpop')

type Pushing = Parameters<typeof push>
/** Asserts that each variant's request is refused when it is pushed. */
async function assertNotPushed(
  among: readonly Variant[],
  request: (variant: Variant) => [parameters: NonNullable<Pushing[1]>, sending?: Pushing[2]],
  error: string,
  reason: string,
): Promise<void> {
  for (const variant of among) {
    const answer = await push(variant, ...request(variant))
    assertRefused(answer, error, reason, variant.name)
    assert.ok([400, 401].includes(answer.status))
  }
}

/** The claims of the ID token that a request leads to. */
const idTokenOf = async (variant: Variant, ...request: [object, Parameters<typeof authorize>[2]?]) => {
  const page = await authorize(variant, ...(request as [Record<string, unknown>]))
  const { json } = await redeem(variant, answerOf(page).get('code') ?? '')
  return { answer: answerOf(page), claims: claimsOf(json.id_token) }
}

test('fapi: a request without state, or without nonce, succeeds and returns none', async () => {
  for (const variant of variants) {
    const { answer, claims } = await idTokenOf(variant, { state: undefined, nonce: undefined })
    assert.deepEqual([answer.has('state'), answer.get('iss'), claims.nonce], [false, issuer, undefined])
    assert.equal(claims.s_hash, undefined)
  }
})

test('fapi: a nonce of 64 characters and a long state are returned whole, and a nonce that is too long is refused [FAPI 2.0 §5.3.2.2]', async () => {
  for (const variant of variants) {
    const [state, nonce] = ['s'.repeat(1000), 'n'.repeat(64)]
    const { answer, claims } = await idTokenOf(variant, { state, nonce })
    assert.deepEqual([answer.get('state'), claims.nonce], [state, nonce], variant.name)
    const long = await push(variant, { nonce: 'n'.repeat(384) })
    assertRefused(long, 'invalid_request', 'parameter_too_long', variant.name)
  }
})

test('fapi: the order of scopes does not matter', async () => {
  for (const variant of variants) {
    const code = await codeOf(variant, { scope: 'offline_access accounts profile openid' })
    const { json } = await redeem(variant, code)
    assert.deepEqual(json.scope.split(' ').toSorted(), ['accounts', 'offline_access', 'openid', 'profile'])
  }
})

test('fapi: identity claims can be requested by the claims parameter, and unknown ones are ignored', async () => {
  for (const variant of variants) {
    const wanted = { id_token: { name: { essential: true }, unknown: null }, userinfo: { name: null } }
    const claims = variant.signed ? wanted : JSON.stringify(wanted)
    assert.equal((await idTokenOf(variant, { claims })).claims.name, 'Alice')
  }
})

test('fapi: parameters at the authorization endpoint never replace those of the pushed request', async () => {
  for (const variant of variants) {
    const beside = { state: 'outside', nonce: 'outside', redirect_uri: 'https://thief.example/cb' }
    const { answer, claims } = await idTokenOf(variant, {}, { beside })
    assert.deepEqual([answer.get('state'), claims.nonce], ['s', 'n'], variant.name)
    const stateless = await authorize(variant, { state: undefined }, { beside: { state: 'outside' } })
    assert.equal(answerOf(stateless).has('state'), false, variant.name)
  }
  // Nor do those beside a signed request object at the PAR endpoint.
  for (const variant of signed) {
    const page = await authorize(variant, { state: undefined }, { outside: { state: 'outside' } })
    assert.equal(answerOf(page).has('state'), false, variant.name)
  }
})

test('fapi: client_id and request_uri alone are a complete request [RFC 9101 §5]', async () => {
  for (const variant of variants) assert.ok(await codeOf(variant), variant.name)
})

test('fapi: a user who refuses is sent back with access_denied, the state and the issuer', async () => {
  for (const variant of variants) {
    const { json } = await push(variant, { prompt: 'consent' })
    const browser = createBrowser(server)
    const consent = await signIn(browser, authorizePath(variant, json.request_uri), alice)
    const answer = answerOf(await browser.submit(consent, { button: 'no' }))
    assert.deepEqual(
      [answer.get('error'), answer.get('state'), answer.get('iss'), answer.has('code')],
      ['access_denied', 's', issuer, false],
    )
  }
})

test('fapi: a request object may have several audiences, and an nbf of a clock that is 8 s ahead', async () => {
  for (const variant of signed) {
    assert.ok(await codeOf(variant, {}, { object: { aud: [issuer, 'https://other.example'] } }))
    assert.ok(await codeOf(variant, {}, { object: { nbf: now() + 8 } }))
  }
})

for (const [what, object, error, reason] of [
  ['without exp', () => ({ exp: undefined }), 'invalid_request_object', 'request_object_without_lifetime'],
  ['without nbf', () => ({ nbf: undefined }), 'invalid_request_object', 'request_object_without_lifetime'],
  [
    'that has expired',
    () => ({ nbf: now() - 600, exp: now() - 300 }),
    'invalid_request_object',
    'request_object_signature_invalid',
  ],
  [
    'for another server',
    () => ({ aud: 'https://other.example' }),
    'invalid_request_object',
    'request_object_audience_wrong',
  ],
  [
    'that lives for more than 60 minutes',
    () => ({ exp: now() + 4200 }),
    'invalid_request_object',
    'request_object_lives_too_long',
  ],
  [
    'that is more than 60 minutes old',
    () => ({ nbf: now() - 4200 }),
    'invalid_request_object',
    'request_object_too_old',
  ],
  [
    'with a request_uri',
    () => ({ request_uri: 'urn:example:request' }),
    'invalid_request_object',
    'request_object_nested',
  ],
] as const)
  test(`fapi: a request object ${what} is refused [FAPI 2.0 Message Signing §5.3.1]`, () =>
    assertNotPushed(signed, () => [{}, { object: object() }], error, reason))

/** A request object with another header or signature than the client's. */
const objectOf = async (variant: Variant): Promise<[header: string, payload: string, signature: string]> =>
  (
    await sign({
      ...{ iss: variant.client, aud: issuer, nbf: now(), exp: now() + 300, client_id: variant.client },
      ...{ response_type: 'code', redirect_uri: callback, scope: 'openid' },
      ...{ code_challenge: challenge, code_challenge_method: 'S256' },
    })
  ).split('.') as [string, string, string]

test('fapi: a request object that is unsigned, or whose signature is wrong or of another client, is refused', async () => {
  for (const variant of signed) {
    const [header, payload, signature] = await objectOf(variant)
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    const changed = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)
    for (const [request, reason] of [
      [`${none}.${payload}.`, ['request_object_unsigned', 'request_object_signature_invalid']],
      [`${header}.${payload}.${changed}`, 'request_object_signature_invalid'],
      [`${header}.${payload}.${signature}`, undefined],
    ] as const) {
      const answer = await push(variant, {}, { outside: { request } })
      if (reason === undefined) assert.equal(answer.status, 201, 'the original is accepted')
      else assertRefused(answer, 'invalid_request_object', reason, variant.name)
    }
    const foreign = await push(variant, {}, { key: 1 })
    assertRefused(foreign, 'invalid_request_object', 'request_object_signature_invalid', variant.name)
  }
})

test('fapi: a client that must sign its requests can’t push an unsigned one', async () => {
  for (const variant of signed) {
    const answer = await push({ ...variant, signed: false }, { client_id: variant.client })
    assertRefused(answer, 'invalid_request', 'request_object_missing', variant.name)
  }
})

for (const [what, parameters, error, reason] of [
  ['without a redirect_uri', { redirect_uri: undefined }, 'invalid_request', 'redirect_uri_missing'],
  [
    'with an unregistered redirect_uri',
    { redirect_uri: `${callback}/other` },
    'invalid_request',
    'redirect_uri_not_registered',
  ],
  [
    'for response_type "code id_token"',
    { response_type: 'code id_token' },
    'unauthorized_client',
    'response_type_not_allowed',
  ],
  [
    'for response_type "token"',
    { response_type: 'token' },
    'unsupported_response_type',
    'response_type_unknown',
  ],
  [
    'without PKCE',
    { code_challenge: undefined, code_challenge_method: undefined },
    'invalid_request',
    'code_challenge_missing',
  ],
  [
    'with the PKCE method plain',
    { code_challenge: verifier, code_challenge_method: 'plain' },
    'invalid_request',
    'code_challenge_method_not_allowed',
  ],
] as const)
  test(`fapi: a pushed request ${what} is refused [FAPI 2.0 §5.3.2.2]`, () =>
    assertNotPushed(variants, () => [parameters], error, reason))

test('fapi: a pushed request with a request_uri is refused [RFC 9126 §2.1]', () =>
  assertNotPushed(
    variants,
    () => [{}, { outside: { request_uri: 'urn:example:request' } }],
    'invalid_request',
    'pushed_request_by_reference',
  ))

test('fapi: a request that was not pushed is refused [FAPI 2.0 §5.3.2.2]', async () => {
  const parameters = { response_type: 'code', redirect_uri: callback, scope: 'openid' }
  const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
  for (const variant of variants) {
    const query = new URLSearchParams({ client_id: variant.client, ...parameters, ...pkce, state: 's' })
    const answer = answerOf(await createBrowser(server).visit(`/connect/authorize?${query}`))
    assert.deepEqual([answer.get('error'), answer.has('code')], ['invalid_request', false], variant.name)
    assert.equal(server.reason(), 'pushed_request_required')
    const [header, payload, signature] = await objectOf(variant)
    const object = { client_id: variant.client, request: `${header}.${payload}.${signature}` }
    const page = await createBrowser(server).visit(`/connect/authorize?${new URLSearchParams(object)}`)
    assert.equal(page.form, undefined)
    assert.equal(server.reason(), 'pushed_request_required')
  }
})

test('fapi: a request_uri serves one sign-in of its own client, within its lifetime, however often it was opened before', async () => {
  for (const variant of variants) {
    const fresh = async (): Promise<string> => (await push(variant)).json.request_uri
    const uri = await fresh()
    const path = authorizePath(variant, uri)
    assert.ok((await createBrowser(server).visit(path)).form, 'opening it does not use it up')
    assert.ok(answerOf(await signIn(createBrowser(server), path, alice)).get('code'))
    assertErrorPage(await createBrowser(server).visit(path), 'invalid_request_uri')
    assert.equal(server.reason(), 'pushed_request_used')

    const foreign = authorizePath({ ...variant, client: variant.second }, await fresh())
    assertErrorPage(await createBrowser(server).visit(foreign), 'invalid_request_uri')
    assert.equal(server.reason(), 'pushed_request_unknown')

    const late = await push(variant)
    assert.ok(late.json.expires_in < 600)
    server.clock.advance(late.json.expires_in + 1)
    const expired = authorizePath(variant, late.json.request_uri)
    assertErrorPage(await createBrowser(server).visit(expired), 'invalid_request_uri')
    assert.equal(server.reason(), 'pushed_request_unknown')
  }
})

test('fapi: the PAR endpoint accepts POST alone', async () => {
  for (const method of ['PUT', 'GET', 'DELETE']) {
    const { status } = await server.send(method, '/connect/par', { form: { client_id: 'x' } })
    assert.equal(status, 405, method)
  }
})

test('fapi: client assertions at PAR may be 8 s ahead, and not over 60 s', async () => {
  for (const variant of withAssertions) {
    const ahead = (seconds: number): Promise<Answer> => {
      const at = now() + seconds
      return push(variant, {}, { assertion: { iat: at, nbf: at, exp: at + 60 } })
    }
    assert.equal((await ahead(8)).status, 201)
    const refused = await ahead(70)
    assert.equal(refused.status, 401)
    assertRefused(refused, 'invalid_client', ['client_assertion_invalid', 'client_assertion_from_the_future'])
  }
})

test('fapi: client assertions at PAR have the issuer alone as audience [FAPI 2.0 §5.3.2.1]', async () => {
  for (const aud of [[issuer], `${issuer}/connect/par`, `${issuer}/connect/token`, 'https://other.example'])
    await assertNotPushed(
      withAssertions,
      () => [{}, { assertion: { aud } }],
      'invalid_client',
      'client_assertion_audience_wrong',
    )
})

test('fapi: a code that is bound to a key, by dpop_jkt or a proof at PAR, is redeemed with it alone [RFC 9449 §10]', async () => {
  const other = await createProver()
  for (const variant of withDpop)
    for (const bind of [
      [{ dpop_jkt: prover.jkt }],
      [{}, { bound: true }],
      [{ dpop_jkt: prover.jkt }, { bound: true }],
    ] as const satisfies readonly [object, Pushing[2]?][]) {
      assert.equal((await redeem(variant, await codeOf(variant, ...bind))).json.token_type, 'DPoP')
      const stolen = await redeem(variant, await codeOf(variant, ...bind), { prover: other })
      assertRefused(stolen, 'invalid_grant', 'code_bound_to_another_key', variant.name)
    }
})

test('fapi: a dpop_jkt that is not the key of the proof at PAR is refused [RFC 9449 §10.1]', async () => {
  const other = await createProver()
  await assertNotPushed(
    withDpop,
    () => [{ dpop_jkt: other.jkt }, { bound: true }],
    'invalid_request',
    'dpop_jkt_differs',
  )
})

test('fapi: with JARM, codes and errors arrive in a signed response for the client alone [FAPI 2.0 Message Signing §5.4]', async () => {
  const { json: jwks } = await server.send('GET', '/.well-known/openid-configuration/jwks')
  const read = async (variant: Variant, answer: URLSearchParams) => {
    assert.deepEqual([...answer.keys()], ['response'])
    const verified = await jwtVerify(answer.get('response') ?? '', createLocalJWKSet(jwks), {
      ...{ issuer, audience: variant.client, currentDate: new Date(now() * 1000) },
    })
    return verified.payload
  }
  for (const variant of signed) {
    const page = await authorize(variant, { response_mode: 'jwt' })
    const { code, state } = await read(variant, answerOf(page))
    assert.equal(state, 's')
    assert.equal((await redeem(variant, String(code))).status, 200)
    const { json } = await push(variant, { response_mode: 'jwt', prompt: 'none' })
    const silent = await createBrowser(server).visit(authorizePath(variant, json.request_uri))
    assert.equal((await read(variant, answerOf(silent))).error, 'login_required')
  }
})
