/** Hashes in ID tokens that tie them to what comes with them (OpenID Connect Core 1.0 §3.1.3.6, §3.3.2.11). */

import type { JsonObject } from '@tessera/protocol/result'
import { algorithmParameters } from '../jwt/algorithms.ts'
import { encodeBase64url } from '../jwt/base64url.ts'
import { invalidToken } from '../jwt/decode.ts'
import type { Refused } from './claims.ts'

/**
 * Checks a hash claim.
 * @param value what was hashed; undefined if it did not come with the token.
 * @param required whether the claim may not be missing.
 */
export async function checkHash(
  claims: JsonObject,
  name: 'at_hash' | 'c_hash' | 's_hash',
  value: string | undefined,
  alg: string,
  required: boolean,
): Promise<Refused> {
  const hash = claims[name]
  if (value === undefined) return undefined
  if (hash === undefined)
    return required ? invalidToken('claim_missing', `the token has no ${name}`) : undefined
  return hash === (await leftHalfHash(value, alg))
    ? undefined
    : invalidToken('hash_mismatch', `${name} of the token is the hash of another value`)
}

/**
 * Returns the left half of a hash as base64url. The hash function is that of the algorithm: for Ed25519 SHA-512, and
 * for ML-DSA 64 bytes of SHAKE256.
 */
async function leftHalfHash(value: string, alg: string): Promise<string> {
  const { hash = 'SHA-256' } = algorithmParameters(alg) ?? {}
  const algorithm = hash === 'SHAKE256' ? shake256 : hash
  const digest = new Uint8Array(await crypto.subtle.digest(algorithm, new TextEncoder().encode(value)))
  return encodeBase64url(digest.subarray(0, digest.length / 2))
}

/** Without a customization, cSHAKE256 is SHAKE256. Runtimes have one name or the other for its length in bits. */
const shake256 = { name: 'cSHAKE256', length: 512, outputLength: 512 }
