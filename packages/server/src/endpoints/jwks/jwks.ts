/** The JWK Set (RFC 7517 §5): every key that signs, will sign, or signed what may still live. */

import type { Endpoint } from '@tessera/protocol/http'
import type { KeyRing } from '../../core/keys.ts'

export const createJwksEndpoint =
  ({ keys }: { keys: KeyRing }): Endpoint =>
  () => {
    const { body, maxAge } = keys.jwks()
    return {
      status: 200,
      headers: {
        'content-type': 'application/jwk-set+json; charset=utf-8',
        'cache-control': `public, max-age=${maxAge}`,
      },
      body,
    }
  }
