/** The public part of a JWK, and its thumbprint (RFC 7638). */

import type { Jwk } from './jwk.ts'
import { sha256 } from './sha256.ts'

/** Returns the required members of a public key, in the order of RFC 7638 §3.2; undefined for other kinds of keys. */
export function publicJwk({ kty, crv, x, y, n, e }: Jwk): Jwk | undefined {
  if (kty === 'EC') return { crv, kty, x, y } as Jwk
  if (kty === 'OKP') return { crv, kty, x } as Jwk
  if (kty === 'RSA') return { e, kty, n } as Jwk
  return undefined
}

/** Returns the SHA-256 thumbprint of a key. @param jwk as {@link publicJwk} returns it. */
export const jwkThumbprint = (jwk: Jwk): Promise<string> => sha256(JSON.stringify(jwk))
