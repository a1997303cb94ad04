/** The JWK Set (RFC 7517 §5): every key that signs, will sign, or signed what may still live; last the one to encrypt for. */

import type { Endpoint } from '@tessera/protocol/http'
import { createCacheableResponse } from '../../messages/cacheable.ts'
import type { Decryption, KeyRing } from '../../model/keys.ts'

export function createJwksEndpoint({
  keys,
  decryption,
}: {
  keys: Pick<KeyRing, 'jwks'>
  decryption: Pick<Decryption, 'jwk'>
}): Endpoint {
  const made = () => {
    const { body, maxAge } = keys.jwks()
    const set = JSON.parse(body) as { readonly keys: readonly object[] }
    const all = JSON.stringify({ keys: [...set.keys, decryption.jwk()] })
    return { body, answer: createCacheableResponse({ body: all, maxAge, type }) }
  }
  // With the first request rather than at the start, which need not derive the key to encrypt for.
  let ready: ReturnType<typeof made> | undefined
  return request => {
    if (ready?.body !== keys.jwks().body) ready = made()
    return ready.answer(request)
  }
}

const type = 'application/jwk-set+json; charset=utf-8'
