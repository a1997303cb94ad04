/**
 * The JWK Set (RFC 7517 §5): current and next signing keys, those that signed tokens not yet expired, and the
 * encryption key last.
 */

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
    const encryption = decryption.jwk()
    const all = JSON.stringify({ keys: [...set.keys, encryption] })
    return { body, encryption, respond: createCacheableResponse({ body: all, maxAge, type }) }
  }
  // Built at the first request, so that startup does not have to derive the encryption key.
  let ready: ReturnType<typeof made> | undefined
  return request => {
    if (ready?.body !== keys.jwks().body || ready.encryption !== decryption.jwk()) ready = made()
    return ready.respond(request)
  }
}

const type = 'application/jwk-set+json; charset=utf-8'
