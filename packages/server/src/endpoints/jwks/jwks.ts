/** The JWK Set (RFC 7517 §5): every key that signs, will sign, or signed what may still live. */

import type { Endpoint } from '@tessera/protocol/http'
import type { KeyRing } from '../../core/keys.ts'
import { createCacheableAnswer } from '../cacheable.ts'

export function createJwksEndpoint({ keys }: { keys: Pick<KeyRing, 'jwks'> }): Endpoint {
  const made = () => {
    const { body, maxAge } = keys.jwks()
    return { body, answer: createCacheableAnswer({ body, maxAge, type }) }
  }
  let ready = made()
  return request => {
    if (keys.jwks().body !== ready.body) ready = made()
    return ready.answer(request)
  }
}

const type = 'application/jwk-set+json; charset=utf-8'
