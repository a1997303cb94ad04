/** Examines a token: whether the server did the work of the row. */

import assert from 'node:assert/strict'
import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose'
import { api, lifetimes, subjects } from '../parties.ts'

export type Expected = {
  readonly alg: 'ES256' | 'RS256' | 'ML-DSA-44'
  /** Undefined: one of the users. */
  readonly sub?: string
  readonly audience?: string
  /** Whether it is bound to a DPoP key (RFC 9449 §6). */
  readonly isBound?: boolean
}

/** Signed by a published key, with the right audience and lifetime. */
export async function proveAccessToken(token: string, jwks: string, expected: Expected): Promise<void> {
  const { scope, exp, iat, jti, aud, cnf } = await verify(token, jwks, expected)
  assert.equal(Number(exp) - Number(iat), lifetimes.accessToken)
  assert.ok(jti, 'a JWT access token has a jti (RFC 9068 §2.2)')
  assert.ok(scope, 'it has a scope')
  if (expected.isBound) assert.match((cnf as { jkt: string }).jkt, /^[\w-]{43}$/)
  assert.equal([aud].flat()[0], expected.audience ?? api.audience)
}

export async function proveIdToken(token: string, jwks: string, audience: string): Promise<void> {
  const { exp, iat } = await verify(token, jwks, { alg: 'ES256', audience })
  assert.equal(Number(exp) - Number(iat), lifetimes.idToken)
}

async function verify(token: string, jwks: string, { alg, sub, audience }: Expected): Promise<JWTPayload> {
  const keys = createLocalJWKSet(JSON.parse(jwks))
  const { payload } = await jwtVerify(token, keys, { algorithms: [alg], ...(audience && { audience }) })
  if (sub === undefined) assert.ok(subjects.includes(payload.sub ?? ''))
  else assert.equal(payload.sub, sub)
  return payload
}
