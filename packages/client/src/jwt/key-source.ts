/** Where the keys come from that verify a token. */

import { ok, type Result } from '../result.ts'
import { encodeBase64url } from './base64url.ts'
import type { JwtHeader } from './decode.ts'
import { isUsableFor, type Jwk } from './jwk.ts'

/** A public key, or for HMAC a secret. */
export type VerificationKey = Jwk

/** Finds keys that verify tokens. Create your own for keys that come from elsewhere. */
export type KeySource = {
  /** Returns the keys that may have signed a token with this header; an empty list if none is known. */
  readonly find: (header: JwtHeader) => Promise<Result<readonly VerificationKey[]>>
  /**
   * Returns newer keys, if the server may have replaced those of `find` because none of them verified a signature.
   * Returns an empty list if there are none.
   */
  readonly refresh?: (
    header: JwtHeader,
    tried: readonly VerificationKey[],
  ) => Promise<Result<readonly VerificationKey[]>>
}

/** Returns the keys of a set that may have signed a token: those with its `kid`, or all if it has none. */
export const matchingKeys = (keys: readonly Jwk[], { alg, kid }: JwtHeader): readonly Jwk[] =>
  keys.filter(key => (kid === undefined || key.kid === kid) && isUsableFor(key, alg, 'verify'))

/** Returns a source with keys that never change. */
export const fixedKeys = (keys: readonly Jwk[]): KeySource => ({
  find: async header => ok(matchingKeys(keys, header)),
})

/** Returns a source with a secret, such as the client's (OpenID Connect Core 1.0 §10.1). */
export const secretKey = (secret: string): KeySource => {
  const key: Jwk = { kty: 'oct', k: encodeBase64url(new TextEncoder().encode(secret)) }
  return { find: async ({ alg }) => ok(isUsableFor(key, alg, 'verify') ? [key] : []) }
}
