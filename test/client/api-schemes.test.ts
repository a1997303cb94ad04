/** The guard's extension point for other authentication schemes, with DPoP (RFC 9449 §7) written for this test. */

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import type { ProofResult, TokenScheme } from '@tessera/client/api'
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose'
import { guardOf, type Request, refusalOf, startIssuer } from './api-world.ts'
import { createDpop } from './dpop.ts'

const origin = 'https://api.example'
const server = startIssuer()

/** Verifies DPoP proofs, and requires a nonce if there is one. */
const dpop = (nonce?: string): TokenScheme => ({
  name: 'DPoP',
  confirmation: 'jkt',
  parameters: { algs: 'ES256' },
  async verify({ request, token, confirmation }): Promise<ProofResult> {
    const [proof = '', ...others] = request.header('dpop')
    if (others.length > 0) return { ok: false, error: 'invalid_dpop_proof' }
    try {
      const verified = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt', algorithms: ['ES256'] })
      const { htm, htu, ath, nonce: sent } = verified.payload
      const isBound =
        (await calculateJwkThumbprint(verified.protectedHeader.jwk as object)) === confirmation.jkt
      const isFor = htm === request.method && htu === `${origin}${request.url}`
      if (!isBound || !isFor || ath !== hash('sha256', token, 'base64url'))
        return { ok: false, error: 'invalid_dpop_proof' }
      const headers: Record<string, string> = nonce === undefined ? {} : { 'dpop-nonce': nonce }
      return sent === nonce ? { ok: true, headers } : { ok: false, error: 'use_dpop_nonce', headers }
    } catch {
      return { ok: false, error: 'invalid_dpop_proof' }
    }
  },
})

const key = await createDpop()
const other = await createDpop()

/** A request with a proof of one of the keys. */
async function proven(token: string, by = key, url = '/orders'): Promise<Request> {
  const proof = await by.headers({ method: 'GET', url: `${origin}${url}`, accessToken: token })
  return { headers: { authorization: `DPoP ${token}`, ...proof } }
}

const bound = await server.token({ cnf: { jkt: key.jkt } })

test('API guard with DPoP: a bound token with its proof is allowed', async () => {
  const { check } = guardOf(server.issuer, { schemes: [dpop()] })
  const decision = await check(await proven(bound), { scope: 'read' })
  assert.ok(decision.ok)
  assert.equal(decision.access.subject, 'alice')
  assert.equal(decision.access.token, bound)
})

test('API guard with DPoP: without a token, there is a challenge for each scheme', async () => {
  const { check } = guardOf(server.issuer, { schemes: [dpop()] })
  assert.deepEqual(refusalOf(await check({}, { scope: 'read' })), [
    'token_missing',
    401,
    'Bearer scope="read", DPoP scope="read", algs="ES256"',
  ])
})

const refused: Readonly<
  Record<string, readonly [request: () => Promise<Request>, reason: string, error: string]>
> = {
  'as a bearer token [RFC 9449 §7.2]': [
    async () => ({ token: bound }),
    'confirmation_unsupported',
    'Bearer error="invalid_token"',
  ],
  'without a proof': [
    async () => ({ headers: { authorization: `DPoP ${bound}` } }),
    'proof_refused',
    'DPoP error="invalid_dpop_proof"',
  ],
  'with the proof of another key': [
    () => proven(bound, other),
    'proof_refused',
    'DPoP error="invalid_dpop_proof"',
  ],
  'with a proof for another URL': [
    () => proven(bound, key, '/other'),
    'proof_refused',
    'DPoP error="invalid_dpop_proof"',
  ],
  'that is not bound': [
    async () => proven(await server.token()),
    'token_unbound',
    'DPoP error="invalid_token"',
  ],
  'that is bound to a certificate instead': [
    async () => proven(await server.token({ cnf: { 'x5t#S256': 'x' } })),
    'token_unbound',
    'DPoP error="invalid_token"',
  ],
  'that is bound to a certificate as well': [
    async () => proven(await server.token({ cnf: { jkt: key.jkt, 'x5t#S256': 'x' } })),
    'certificate_missing',
    'DPoP error="invalid_token"',
  ],
}

for (const [name, [request, reason, error]] of Object.entries(refused))
  test(`API guard with DPoP: a token is refused ${name}`, async () => {
    const { check } = guardOf(server.issuer, { schemes: [dpop()] })
    const [actual, status, challenge = ''] = refusalOf(await check(await request()))
    assert.deepEqual([actual, status], [reason, 401])
    assert.ok(challenge.includes(error), challenge)
    assert.equal(challenge.split('error=').length, 2, challenge)
  })

test('API guard with DPoP: the client gets a nonce, and uses it [RFC 9449 §9]', async () => {
  const { check } = guardOf(server.issuer, { schemes: [dpop('a-nonce')] })
  const client = await createDpop()
  const token = await server.token({ cnf: { jkt: client.jkt } })
  const first = await check(await proven(token, client))
  assert.ok(!first.ok)
  const { status, headers, body } = first.response
  assert.match(headers['www-authenticate'] ?? '', /DPoP error="use_dpop_nonce"/)
  const about = { method: 'GET', url: `${origin}/orders`, accessToken: token }
  assert.ok(await client.received?.(about, { status, headers: new Headers(headers), body }))
  const second = await check(await proven(token, client))
  assert.ok(second.ok)
  assert.equal(second.headers['dpop-nonce'], 'a-nonce')
})

test('API guard: without another scheme, its credentials count as none', async () => {
  const { check } = guardOf(server.issuer)
  assert.equal(refusalOf(await check(await proven(bound)))[0], 'scheme_unsupported')
})
