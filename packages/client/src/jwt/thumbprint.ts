/** The public part of a JWK, and its thumbprint (RFC 7638). */

import { publicKeyMembers, type SignatureKeyType } from '@tessera/protocol/signature-algorithms'
import type { Jwk } from './jwk.ts'
import { sha256 } from './sha256.ts'

/** Returns the required members of a public key, in the order of RFC 7638 §3.2; undefined for other kinds of keys. */
export function publicJwk(jwk: Jwk): Jwk | undefined {
  const { kty }: { readonly kty?: unknown } = jwk
  if (typeof kty !== 'string' || !Object.hasOwn(publicKeyMembers, kty)) return undefined
  return Object.fromEntries(publicKeyMembers[kty as SignatureKeyType].map(name => [name, jwk[name]]))
}

/** Returns the SHA-256 thumbprint of a key. @param jwk as {@link publicJwk} returns it. */
export const jwkThumbprint = (jwk: Jwk): Promise<string> => sha256(JSON.stringify(jwk))
