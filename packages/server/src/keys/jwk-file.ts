/** Reads a file with a JWK or a JWK Set (RFC 7517). */

import { createPrivateKey, createPublicKey, type webcrypto } from 'node:crypto'
import { isJsonObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'
import type { FoundKey } from './found-key.ts'
import { isPrivate } from './signing-key.ts'

/**
 * Returns the keys. Skips keys with another `use` than `sig`, as in the JWK Set of a server that also decrypts. Throws
 * for a symmetric key, which a server must never publish.
 */
export function readJwks(text: string): readonly FoundKey[] {
  const value = parse(text)
  const keys = value.keys === undefined ? [value] : value.keys
  if (!Array.isArray(keys)) throw new Error('"keys" is not an array; expected a JWK Set (RFC 7517 §5)')
  const found = keys
    .map((jwk, index) => ({
      jwk: jwk as JsonObject,
      place: value.keys === undefined ? 'the JWK' : `keys[${index}]`,
    }))
    .filter(({ jwk }) => jwk?.use === undefined || jwk.use === 'sig')
    .map(({ jwk, place }) => readJwk(jwk, place))
  if (found.length === 0) throw new Error('it contains no key with "use": "sig"')
  return found
}

function readJwk(jwk: JsonObject, place: string): FoundKey {
  if (jwk?.kty === 'oct')
    throw new Error(`${place} is a symmetric key; expected RSA, EC, OKP or AKP, which can be published`)
  const { kid, alg, x5c } = jwk ?? {}
  try {
    const input = { key: jwk as webcrypto.JsonWebKey, format: 'jwk' } as const
    return {
      key: isPrivate(input.key) ? createPrivateKey(input) : createPublicKey(input),
      kid: typeof kid === 'string' ? kid : undefined,
      alg: typeof alg === 'string' ? alg : undefined,
      x5c: Array.isArray(x5c) && x5c.length > 0 ? x5c.map(String) : undefined,
    }
  } catch {
    throw new Error(
      `${place} is not a valid RSA, EC, OKP or AKP key (RFC 7518 §6, RFC 9964 §3), or its algorithm needs a newer Node.js`,
    )
  }
}

function parse(text: string): JsonObject {
  const value = parsed(text)
  if (!isJsonObject(value)) throw new Error('it is not a JSON object; expected a JWK or a JWK Set')
  return value
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The error of JSON.parse could contain a part of the key.
    throw new Error('it is not valid JSON; expected a JWK or a JWK Set')
  }
}
