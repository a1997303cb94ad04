/** Signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2, RFC 9964 §4), and their parameters for Web Crypto. */

import {
  isSignatureAlgorithm,
  type SignatureAlgorithm,
  type SignatureAlgorithmRow,
  type SignatureKeyType,
  signatureAlgorithmNames,
  signatureAlgorithms,
} from '@tessera/protocol/signature-algorithms'

/** Algorithms with a key pair. `EdDSA` means Ed25519 here; `Ed25519` is its newer name. */
export const asymmetricAlgorithms: readonly AsymmetricAlgorithm[] = signatureAlgorithmNames

/** Algorithms with a secret that both sides know. */
export const secretAlgorithms = ['HS256', 'HS384', 'HS512'] as const

/** One of {@link asymmetricAlgorithms}. */
export type AsymmetricAlgorithm = SignatureAlgorithm
/** An algorithm for HMAC. */
export type SecretAlgorithm = (typeof secretAlgorithms)[number]
/** Any algorithm that this library signs and verifies with. */
export type SigningAlgorithm = AsymmetricAlgorithm | SecretAlgorithm

type Hash = SignatureAlgorithmRow['hash']

export type AlgorithmParameters = {
  /** The type of its keys (RFC 7518 §6.1). */
  readonly kty: SignatureKeyType | 'oct'
  /** The curve of its keys, if it has one. */
  readonly crv?: string
  readonly hash: Hash
  /** For Web Crypto: imports keys, signs and verifies. */
  readonly web: {
    readonly name: string
    readonly hash?: Hash
    readonly namedCurve?: string
    readonly saltLength?: number
  }
}

/** Returns undefined for an algorithm that this library does not implement, such as `none`. */
export function algorithmParameters(alg: string): AlgorithmParameters | undefined {
  if (isSignatureAlgorithm(alg)) {
    const { kty, scheme, hash, crv }: SignatureAlgorithmRow = signatureAlgorithms[alg]
    return {
      kty,
      ...(crv && { crv }),
      hash,
      web: scheme === 'ML-DSA' ? { name: alg } : webParameters(scheme, hash, crv),
    }
  }
  if (!isSigningAlgorithm(alg)) return undefined
  const hash = `SHA-${Number(alg.slice(2))}` as Hash
  return { kty: 'oct', hash, web: { name: 'HMAC', hash } }
}

function webParameters(
  name: SignatureAlgorithmRow['scheme'],
  hash: Hash,
  namedCurve: string | undefined,
): AlgorithmParameters['web'] {
  if (name === 'ECDSA') return { name, namedCurve: namedCurve as string, hash }
  // RFC 7518 §3.5: the salt has the size of the hash.
  if (name === 'RSA-PSS') return { name, hash, saltLength: Number(hash.slice(4)) / 8 }
  return name === 'RSASSA-PKCS1-v1_5' ? { name, hash } : { name }
}

export const isSigningAlgorithm = (alg: string): alg is SigningAlgorithm =>
  isSignatureAlgorithm(alg) || (secretAlgorithms as readonly string[]).includes(alg)
