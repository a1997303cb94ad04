/** Access tokens that an API must treat in a special way: with other claims, expired, or with a wrong signature (RFC 9068 §4). */

import { generateKeyPairSync } from 'node:crypto'
import type { Json, JsonObject } from '@tessera/protocol/result'
import type { SigningAlgorithm } from '../model/client.ts'
import { hashHandle } from '../model/handle.ts'
import type { SigningKey } from '../model/keys.ts'
import { cryptoParameters } from '../model/signature-algorithm.ts'
import { type JwtKind, readClaims, signJwt } from '../tokens/jwt.ts'
import type { Running } from './running.ts'

export type Alteration = {
  /** Claims to add or to replace, also registered ones such as `aud`. `undefined` removes a claim. */
  readonly claims?: Readonly<Record<string, Json | undefined>>
  /** Seconds from now until the token expires; negative: it expired that long ago, and was issued an hour before. */
  readonly expiresIn?: number
  /**
   * How the JWT is signed. `unknown_key`: by a key that the server never published. `wrong_key`: by such a key under the
   * name of a published one. `none`: not at all (`alg: none`). Default: `valid`.
   */
  readonly signature?: 'valid' | 'unknown_key' | 'wrong_key' | 'none'
}

/** Returns the token with these changes. The server applies its own rules to a changed token, like any API. */
export async function alterAccessToken(
  running: Running,
  token: string,
  { claims: changes, expiresIn, signature = 'valid' }: Alteration,
): Promise<string> {
  if (changes === undefined && expiresIn === undefined && signature === 'valid') return token
  const now = running.services().context.clock.now()
  const changed = (claims: JsonObject): JsonObject =>
    withTimes({ ...claims, ...changes } as JsonObject, expiresIn, now)
  if (token.startsWith('ta_')) {
    if (signature !== 'valid') throw new Error('token: a reference token has no signature')
    alterReference(running, token, changed)
    return token
  }
  const claims = changed(readClaims(token) ?? {})
  const header = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString())
  const { alg, kid, ...kind } = header as { alg: SigningAlgorithm; kid: string } & JwtKind
  if (signature === 'none') return `${encoded({ alg: 'none', ...kind })}.${encoded(claims)}.`
  const own = running.tessera.keys.signing(alg)
  const key = signature === 'valid' ? own : foreignKey(alg, signature === 'wrong_key' ? kid : `not-${kid}`)
  return signJwt(key, kind, claims)
}

function withTimes(claims: JsonObject, expiresIn: number | undefined, now: number): JsonObject {
  if (expiresIn === undefined) return claims
  const exp = now + expiresIn
  const iat = Math.min(Number(claims.iat ?? now), exp - (expiresIn > 0 ? 0 : 3600))
  return { ...claims, exp, iat, nbf: iat }
}

function alterReference(
  { tables }: Running,
  token: string,
  changed: (claims: JsonObject) => JsonObject,
): void {
  const row = tables.referenceTokens.get(hashHandle(token))
  if (!row) return
  const claims = changed(row.claims)
  tables.referenceTokens.put({ ...row, claims, expires_at: Number(claims.exp) })
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

type Pair = Pick<SigningKey, 'privateKey'>

function foreignKey(alg: SigningAlgorithm, kid: string): SigningKey {
  const [type, options] = cryptoParameters[alg].generate
  const { privateKey } = (generateKeyPairSync as (type: string, options: object) => Pair)(type, options)
  return { kid, alg, privateKey }
}
