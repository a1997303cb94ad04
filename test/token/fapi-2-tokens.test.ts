/**
 * Tokens of FAPI 2.0: the modules of the conformance suite for the token endpoint and APIs, in each variant.
 * `docs/conformance.md` has the list.
 */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { thumbprintOf } from '../../packages/server/src/model/jose.ts'
import { one } from '../support/certificates.ts'
import { createProver, signProof } from '../support/dpop.ts'
import {
  call,
  codeOf,
  now,
  prover,
  redeem,
  type Sending,
  server,
  token,
  tokensOf,
  tokenVariants,
  type Variant,
} from '../support/fapi-world.ts'
import { assertRefused } from '../support/refused.ts'
import { type Answer, claimsOf, issuer } from '../support/tessera.ts'

const withAssertions = tokenVariants.filter(one => one.authentication === 'private_key_jwt')
const withDpop = tokenVariants.filter(one => one.binding === 'dpop')
const other = await createProver()
const refreshing = (refresh_token: string) => ({ grant_type: 'refresh_token', refresh_token })
const ofClient = { grant_type: 'client_credentials', scope: 'accounts' }

/** The refusal of a request that proves no key. */
const unproven = ({ authentication, binding }: Variant): [error: string, reason: string] => {
  if (binding === 'dpop') return ['invalid_dpop_proof', 'dpop_proof_missing']
  return authentication === 'private_key_jwt'
    ? ['invalid_request', 'binding_certificate_missing']
    : ['invalid_client', 'client_certificate_missing']
}

test('fapi: both clients sign a user in, and get tokens that only their keys can use [FAPI 2.0 §5.3.2.1]', async () => {
  for (const variant of tokenVariants) {
    const { binding, second } = variant
    const type = binding === 'dpop' ? 'DPoP' : 'Bearer'
    const cnf = binding === 'dpop' ? { jkt: prover.jkt } : { 'x5t#S256': thumbprintOf(one) }
    const tokens = await tokensOf(variant)
    assert.deepEqual([tokens.token_type, claimsOf(tokens.access_token).cnf], [type, cnf], variant.name)
    const code = await codeOf({ ...variant, client: second }, {}, { as: 1 })
    const theirs = await redeem(variant, code, { client: second, prover: other })
    assert.equal(theirs.status, 200, JSON.stringify(theirs.json))
    assert.equal((await call(variant, tokens.access_token)).json.sub, '1')
    assert.equal((await call(variant, tokens.access_token, { bound: false })).status, 401)
    const stolen = { client: second, prover: other }
    assert.equal((await call(variant, tokens.access_token, stolen)).status, 401)
    assert.equal((await call(variant, theirs.json.access_token, stolen)).json.sub, '1')
    const machine = await token(variant, ofClient)
    assert.deepEqual(claimsOf(machine.json.access_token).cnf, cnf)
  }
})

test('fapi: the scheme of the access token has no case [RFC 9110 §11.1]', async () => {
  for (const variant of tokenVariants) {
    const { access_token, token_type } = await tokensOf(variant)
    for (const scheme of [token_type.toLowerCase(), token_type.toUpperCase()])
      assert.equal((await call(variant, access_token, { scheme })).status, 200, scheme)
  }
})

test('fapi: a token request that proves no key is refused, with every grant [FAPI 2.0 §5.3.2.1]', async () => {
  for (const variant of tokenVariants) {
    const { refresh_token } = await tokensOf(variant)
    for (const answer of [
      await redeem(variant, await codeOf(variant), { bound: false }),
      await token(variant, refreshing(refresh_token), { bound: false }),
      await token(variant, ofClient, { bound: false }),
    ]) {
      assertRefused(answer, ...unproven(variant), variant.name)
      assert.ok([400, 401].includes(answer.status))
    }
  }
})

test('fapi: a code is bound to its client, and the credentials of one client don’t authenticate another', async () => {
  for (const variant of tokenVariants) {
    const { client, second, authentication } = variant
    const foreign = await redeem(variant, await codeOf(variant), { client: second, prover: other })
    assertRefused(foreign, 'invalid_grant', 'code_of_another_client', variant.name)
    // The id of the second client, with the key or certificate of the first.
    const mixed = await redeem(variant, await codeOf(variant), { client: second, as: 0 })
    const reason =
      authentication === 'private_key_jwt'
        ? 'client_assertion_invalid'
        : 'client_certificate_of_another_subject'
    assertRefused(mixed, 'invalid_client', reason, variant.name)
    const disagreeing = await redeem(variant, await codeOf(variant), { form: { client_id: second } })
    assertRefused(
      disagreeing,
      'invalid_client',
      authentication === 'private_key_jwt' ? 'client_assertion_identity_mismatch' : reason,
      `${client} with the client_id of ${second}`,
    )
  }
})

test('fapi: a code is used once, and its second use revokes the access token [RFC 6749 §4.1.2]', async () => {
  for (const variant of tokenVariants) {
    const code = await codeOf(variant)
    const { json } = await redeem(variant, code)
    server.clock.advance(1)
    assertRefused(await redeem(variant, code), 'invalid_grant', 'code_replayed', variant.name)
    assert.equal((await call(variant, json.access_token)).status, 401)
  }
})

test('fapi: a code is valid for 60 seconds, and needs its own verifier [FAPI 2.0 §5.3.2.1]', async () => {
  for (const variant of tokenVariants) {
    const late = await codeOf(variant)
    server.clock.advance(61)
    assertRefused(await redeem(variant, late), 'invalid_grant', 'code_expired', variant.name)
    for (const [code_verifier, reason] of [
      [undefined, 'code_verifier_missing'],
      ['x'.repeat(43), 'code_verifier_wrong'],
    ] as const) {
      const answer = await redeem(variant, await codeOf(variant), { form: { code_verifier } })
      assertRefused(answer, 'invalid_grant', reason, variant.name)
    }
  }
})

test('fapi: a client assertion that is missing, has expired, or lacks its subject or audience is refused', async () => {
  for (const variant of withAssertions) {
    const refused = async (sending: Sending, error: string, reason: string | readonly string[]) => {
      const answer = await redeem(variant, await codeOf(variant), sending)
      assertRefused(answer, error, reason, JSON.stringify(sending))
      assert.ok([400, 401].includes(answer.status))
    }
    // With the client_id alone.
    await refused({ authenticated: false }, 'invalid_client', 'client_assertion_missing')
    await refused({ assertion: { exp: now() - 300 } }, 'invalid_client', 'client_assertion_invalid')
    await refused(
      { assertion: { aud: 'https://other.example' } },
      'invalid_client',
      'client_assertion_audience_wrong',
    )
    await refused({ assertion: { sub: undefined } }, 'invalid_client', 'client_assertion_malformed')
  }
})

test('fapi: refreshing needs the client’s authentication and key, rotates nothing, and ends for another client [FAPI 2.0 §5.3.2.1]', async () => {
  for (const variant of tokenVariants) {
    const { second, authentication, binding } = variant
    const { access_token, refresh_token } = await tokensOf(variant)
    const form = refreshing(refresh_token)
    const first = await token(variant, form)
    const again = await token(variant, form)
    for (const { status, json } of [first, again]) {
      assert.deepEqual([status, json.refresh_token ?? refresh_token], [200, refresh_token], variant.name)
      assert.notEqual(json.access_token, access_token)
      assert.equal((await call(variant, json.access_token)).status, 200)
      assert.equal(claimsOf(json.id_token).sub, '1')
    }
    // With certificates for both, the certificate that binds the tokens authenticates the client too.
    if (authentication === 'private_key_jwt' || binding === 'dpop') {
      const anonymous = await token(variant, form, { authenticated: false })
      const missing = authentication === 'private_key_jwt' ? 'assertion' : 'certificate'
      assertRefused(anonymous, 'invalid_client', `client_${missing}_missing`, variant.name)
    }
    const foreign = await token(variant, form, { client: second, prover: other })
    assertRefused(foreign, 'invalid_grant', 'refresh_token_of_another_client', variant.name)
    assert.equal((await token(variant, form)).status, 200, 'the refusals ended nothing')
  }
})

test('fapi: a proof may have exp and nbf, and a clock that is 10 s off, at each endpoint [RFC 9449 §4.3]', async () => {
  for (const variant of withDpop)
    for (const seconds of [-10, 0, 10]) {
      const at = now() + seconds
      const proof = { at, claims: { nbf: at, exp: at + 300 } }
      const code = await codeOf(variant, {}, { bound: true, proof })
      const { status, json } = await redeem(variant, code, { proof })
      assert.equal(status, 200, JSON.stringify(json))
      assert.equal((await call(variant, json.access_token, { proof })).status, 200)
    }
})

/** Each proof that an API must refuse, with the reason. */
const invalidProofs: readonly (readonly [what: string, proof: (token: string) => string, reason: string])[] =
  [
    ['typ is missing', value => made(value, { header: { typ: undefined } }), 'dpop_type_wrong'],
    ['typ is another', value => made(value, { header: { typ: 'jwt' } }), 'dpop_type_wrong'],
    ['alg is missing', value => made(value, { header: { alg: undefined } }), 'dpop_algorithm_not_allowed'],
    // The algorithms of the profile (FAPI 2.0 §5.4).
    ['alg is RS256', value => made(value, { header: { alg: 'RS256' } }), 'dpop_algorithm_not_allowed'],
    ['alg is none', value => made(value, { header: { alg: 'none' } }), 'dpop_algorithm_not_allowed'],
    ['jwk is missing', value => made(value, { header: { jwk: undefined } }), 'dpop_key_missing'],
    [
      'jwk is a private key',
      value => made(value, { header: { jwk: prover.privateKey.export({ format: 'jwk' }) } }),
      'dpop_key_private',
    ],
    ['jti is missing', value => made(value, { claims: { jti: undefined } }), 'dpop_id_missing'],
    ['htm is missing', value => made(value, { claims: { htm: undefined } }), 'dpop_method_wrong'],
    ['htm is another method', value => made(value, { claims: { htm: 'PUT' } }), 'dpop_method_wrong'],
    ['htu is missing', value => made(value, { claims: { htu: undefined } }), 'dpop_url_wrong'],
    ['htu is another URL', value => made(value, { path: '/connect/token' }), 'dpop_url_wrong'],
    ['iat is missing', value => made(value, { claims: { iat: undefined } }), 'dpop_time_wrong'],
    ['iat is an hour ahead', value => made(value, { at: now() + 3600 }), 'dpop_time_wrong'],
    ['iat is an hour ago', value => made(value, { at: now() - 3600 }), 'dpop_time_wrong'],
    ['ath is missing', value => made(value, { claims: { ath: undefined } }), 'dpop_token_hash_wrong'],
    ['ath is another hash', value => made(`${value}x`), 'dpop_token_hash_wrong'],
    ['it is not a JWT', () => 'not.a-jwt', 'dpop_proof_malformed'],
    ['there are two', value => `${made(value)}, ${made(value)}`, 'several_dpop_proofs'],
    ['the signature is invalid', value => changed(made(value)), 'dpop_signature_invalid'],
    [
      'the signature is of another key',
      value => made(value, { header: { jwk: other.jwk } }),
      'dpop_signature_invalid',
    ],
    ['the key is another', value => other.headers(value, { at: now() }).dpop, 'token_bound_to_another_key'],
  ]

const made = (value: string, options: Parameters<typeof prover.proof>[0] = {}): string =>
  prover.headers(value, { at: now(), ...options }).dpop
const changed = (proof: string): string => {
  const [head, payload, signature = ''] = proof.split('.')
  return [head, payload, (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)].join('.')
}

const callWith = (authorization: string, dpop?: string): Promise<Answer> =>
  server.send('GET', '/connect/userinfo', { headers: { authorization, ...(dpop !== undefined && { dpop }) } })

test('fapi: an API refuses each defect of a proof, and a bound token without one [RFC 9449 §4.3, §7.1]', async () => {
  for (const variant of withDpop) {
    const { access_token } = await tokensOf(variant)
    const dpop = `DPoP ${access_token}`
    for (const [what, proof, reason] of invalidProofs) {
      const answer = await callWith(dpop, proof(access_token))
      assert.deepEqual([answer.status, answer.reason], [401, reason], what)
    }
    const without = await callWith(dpop)
    assert.deepEqual([without.status, without.json.error], [401, 'invalid_dpop_proof'])
    for (const proof of [undefined, made(access_token)]) {
      const asBearer = await callWith(`Bearer ${access_token}`, proof)
      assert.deepEqual([asBearer.status, asBearer.reason], [401, 'bound_token_as_bearer'])
    }
    const once = made(access_token)
    assert.equal((await callWith(dpop, once)).status, 200)
    assert.equal((await callWith(dpop, once)).reason, 'dpop_proof_replayed')
    // These are valid.
    for (const options of [
      {},
      { claims: { htu: `${issuer}/connect/userinfo?a=b#c` } },
      { claims: { htu: `${issuer.toUpperCase()}/connect/userinfo` } },
      { claims: { htu: `${issuer}:443/connect/userinfo` } },
      { header: { extra: 'x' }, claims: { extra: 'x' } },
    ])
      assert.equal((await callWith(dpop, made(access_token, options))).status, 200, JSON.stringify(options))
  }
})

test('fapi: a proof with a shared secret is refused at the token endpoint', async () => {
  const jwk = { kty: 'oct', k: Buffer.alloc(32).toString('base64url') }
  const claims = { jti: randomUUID(), htm: 'POST', htu: `${issuer}/connect/token`, iat: now() }
  const forged = signProof({ typ: 'dpop+jwt', alg: 'HS256', jwk }, claims, () => Buffer.alloc(32))
  for (const variant of withDpop) {
    const shared = { ...prover, proof: () => forged }
    const answer = await token(variant, ofClient, { prover: shared })
    assertRefused(answer, 'invalid_dpop_proof', 'dpop_algorithm_not_allowed', variant.name)
  }
})
