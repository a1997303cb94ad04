/** Keys as JSON (RFC 7517, RFC 7518 §6, RFC 8037 §2, RFC 9964 §3). */

import type { Json } from '@tessera/protocol/result'
import { isWeakRsaKey } from '@tessera/protocol/rsa-key'
import { minimumRsaBits } from '@tessera/protocol/signature-algorithms'
import { type AlgorithmParameters, algorithmParameters } from './algorithms.ts'
import { decodeBase64url } from './base64url.ts'
import type { CryptoKey } from './crypto-key.ts'

/**
 * A JSON Web Key (RFC 7517 §4). `kty` is required, but optional here, as in the `JsonWebKey` of Web Crypto and the types
 * of other libraries, so that their keys are accepted.
 */
export type Jwk = {
  readonly kty?: string
  readonly kid?: string
  readonly alg?: string
  readonly use?: string
  readonly key_ops?: readonly string[]
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
  readonly d?: string
  readonly p?: string
  readonly q?: string
  readonly dp?: string
  readonly dq?: string
  readonly qi?: string
  readonly k?: string
  /** Of type AKP: the public key, and the seed of the private key (RFC 9964 §3). */
  readonly pub?: string
  readonly priv?: string
  readonly ext?: boolean
  readonly x5c?: readonly string[]
  readonly x5t?: string
  readonly 'x5t#S256'?: string
  readonly x5u?: string
}

/** Returns whether a key may be used to sign or verify with an algorithm (RFC 7517 §4). */
export function isUsableFor(jwk: Jwk, alg: string, operation: 'sign' | 'verify'): boolean {
  const parameters = algorithmParameters(alg)
  if (!parameters || jwk.kty !== parameters.kty || jwk.crv !== parameters.crv) return false
  if (jwk.use !== undefined && jwk.use !== 'sig') return false
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes(operation)))
    return false
  // RFC 9964 §3: the algorithm is a part of such a key.
  if (jwk.kty === 'AKP') return jwk.alg === alg
  return jwk.alg === undefined || jwk.alg === alg || isEd25519(jwk.alg, alg)
}

/** `EdDSA` and `Ed25519` are two names for the same algorithm (RFC 9864 §2.2). */
const isEd25519 = (one: string, other: string): boolean =>
  [one, other].every(alg => alg === 'EdDSA' || alg === 'Ed25519')

/**
 * Imports the public key of a JWK, or its secret. Returns undefined if the key is invalid or too short, or if this
 * runtime does not implement the algorithm.
 */
export async function importVerificationKey(jwk: Jwk, alg: string): Promise<CryptoKey | undefined> {
  const parameters = algorithmParameters(alg)
  if (!parameters) return undefined
  const { kty, crv, x, y, n, e, k, pub } = jwk
  // Only these members: Web Crypto has its own rules for `alg`, `use` and `ext`.
  const members = {
    RSA: { kty, n, e },
    EC: { kty, crv, x, y },
    OKP: { kty, crv, x },
    AKP: { kty, alg, pub },
    oct: { kty, k },
  }
  return importJwk(members[parameters.kty], parameters, 'verify')
}

/** Imports the private key of a JWK, or its secret. Returns undefined like {@link importVerificationKey}. */
export async function importPrivateJwk(jwk: Jwk, alg: string): Promise<CryptoKey | undefined> {
  const parameters = algorithmParameters(alg)
  if (!parameters || (jwk.d === undefined && jwk.k === undefined && jwk.priv === undefined)) return undefined
  const { kty, crv, x, y, n, e, d, p, q, dp, dq, qi, k, pub, priv } = jwk
  const members = {
    RSA: { kty, n, e, d, p, q, dp, dq, qi },
    EC: { kty, crv, x, y, d },
    OKP: { kty, crv, x, d },
    AKP: { kty, alg, pub, priv },
    oct: { kty, k },
  }
  return importJwk(members[parameters.kty], parameters, 'sign')
}

async function importJwk(
  members: Readonly<Record<string, Json | undefined>>,
  { kty, hash, web }: AlgorithmParameters,
  operation: 'sign' | 'verify',
): Promise<CryptoKey | undefined> {
  try {
    // RFC 7518 §3.2: the secret has at least the size of the hash.
    if (kty === 'oct' && (decodeBase64url(`${members.k}`)?.length ?? 0) * 8 < Number(hash.slice(4)))
      return undefined
    if (kty === 'RSA' && isWeakRsaKey(`${members.n}`, `${members.e}`)) return undefined
    const key = await crypto.subtle.importKey('jwk', members as { kty: string }, web, false, [operation])
    return isLongEnough(key) ? key : undefined
  } catch {
    return undefined
  }
}

/** Returns false for RSA keys that are too short. */
export const isLongEnough = ({ algorithm }: CryptoKey): boolean =>
  !('modulusLength' in algorithm) || (algorithm.modulusLength as number) >= minimumRsaBits
