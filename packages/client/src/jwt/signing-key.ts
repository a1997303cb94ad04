/** Private keys, in any form in which applications have them. */

import {
  type AsymmetricAlgorithm,
  algorithmParameters,
  asymmetricAlgorithms,
  isSigningAlgorithm,
  type SigningAlgorithm,
} from './algorithms.ts'
import { encodeBase64url } from './base64url.ts'
import type { CryptoKey } from './crypto-key.ts'
import { importPrivateJwk, isLongEnough, isUsableFor, type Jwk } from './jwk.ts'
import { importPem } from './pem.ts'

/** A key that signs tokens with one algorithm. */
export type SigningKey = {
  readonly key: CryptoKey
  readonly alg: SigningAlgorithm
  /** The id under which the recipient knows the key. */
  readonly kid?: string | undefined
}

/** A private key: a `CryptoKey`, a JWK, or PKCS#8 as PEM. */
export type PrivateKey = CryptoKey | Jwk | string

/** How a private key is used. */
export type SigningKeyOptions = {
  /**
   * The algorithm. The default is that of the key; for RSA keys that can be used with several, it is `RS256`, and for
   * Ed25519 `EdDSA`.
   */
  readonly alg?: AsymmetricAlgorithm | undefined
  /** The default is the `kid` of a JWK, otherwise none. */
  readonly kid?: string | undefined
}

/** Imports a private key. Throws TypeError if it is not one, is too short, or does not fit the algorithm. */
export async function importSigningKey(
  input: PrivateKey,
  options: SigningKeyOptions = {},
): Promise<SigningKey> {
  const imported =
    typeof input === 'string'
      ? await importPem(input, options.alg)
      : isJwk(input)
        ? await fromJwk(input, options.alg)
        : fromCryptoKey(input, options.alg)
  const kid = options.kid ?? (typeof input === 'object' && isJwk(input) ? input.kid : undefined)
  if (!isLongEnough(imported.key)) throw new TypeError('the RSA key is shorter than 2048 bits')
  return { ...imported, kid }
}

const isJwk = (key: CryptoKey | Jwk): key is Jwk => 'kty' in key

/** Imports a secret for HMAC. Throws TypeError if it is shorter than the hash (RFC 7518 §3.2). */
export async function importSecret(secret: string, alg: SigningAlgorithm): Promise<SigningKey> {
  const k = encodeBase64url(new TextEncoder().encode(secret))
  const key = await importPrivateJwk({ kty: 'oct', k }, alg)
  if (!key) throw new TypeError(`the secret is too short for ${alg}: it needs at least ${alg.slice(2)} bits`)
  return { key, alg }
}

async function fromJwk(jwk: Jwk, wanted: AsymmetricAlgorithm | undefined): Promise<SigningKey> {
  const alg =
    wanted ?? jwk.alg ?? asymmetricAlgorithms.find(one => isUsableFor(jwk, one, 'sign')) ?? 'unknown'
  const key =
    isSigningAlgorithm(alg) && jwk.kty !== 'oct' && isUsableFor(jwk, alg, 'sign')
      ? await importPrivateJwk(jwk, alg)
      : undefined
  if (!key) throw new TypeError(`the JWK is not a private key that can sign with ${alg}`)
  return { key, alg: alg as AsymmetricAlgorithm }
}

function fromCryptoKey(key: CryptoKey, wanted: AsymmetricAlgorithm | undefined): SigningKey {
  if (!key.algorithm)
    throw new TypeError('the key must be a CryptoKey, a JWK or PEM; of a key pair, pass privateKey')
  const alg = asymmetricAlgorithms.find(
    one => (wanted === undefined || one === wanted) && hasAlgorithm(key, one),
  )
  if (!alg || !key.usages.includes('sign'))
    throw new TypeError(
      `the CryptoKey is not a private key that can sign with ${wanted ?? 'a known algorithm'}`,
    )
  return { key, alg }
}

function hasAlgorithm({ algorithm }: CryptoKey, alg: AsymmetricAlgorithm): boolean {
  const { web } = algorithmParameters(alg) as NonNullable<ReturnType<typeof algorithmParameters>>
  const { name, hash, namedCurve } = algorithm as CryptoKey['algorithm'] & {
    readonly hash?: { readonly name: string }
    readonly namedCurve?: string
  }
  if (name !== web.name || namedCurve !== web.namedCurve) return false
  // The hash belongs to RSA keys, and for elliptic curves to the signature.
  return hash === undefined || hash.name === web.hash
}
