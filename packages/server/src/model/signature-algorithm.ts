/** How `node:crypto` generates keys, signs and verifies with each JWS algorithm. */

import { constants, type SignKeyObjectInput } from 'node:crypto'
import {
  minimumRsaBits,
  type SignatureAlgorithm,
  signatureAlgorithmNames,
  signatureAlgorithms,
} from '@tessera/protocol/signature-algorithms'

type CryptoParameters = {
  /** Null for algorithms that hash by themselves. */
  readonly digest: string | null
  /** The hash of `at_hash` and `c_hash`. */
  readonly hash: string
  /** Of `crypto.sign` and `crypto.verify`. */
  readonly options: Omit<SignKeyObjectInput, 'key'>
  /** The type and options of `crypto.generateKeyPair`. */
  readonly generate: readonly [type: string, options: object]
}

const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST } = constants

const hashNames = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const

function parametersOf(alg: SignatureAlgorithm): CryptoParameters {
  const row = signatureAlgorithms[alg]
  const hash = hashNames[row.hash]
  if (row.kty === 'RSA') {
    const options =
      row.scheme === 'RSA-PSS'
        ? { padding: RSA_PKCS1_PSS_PADDING, saltLength: RSA_PSS_SALTLEN_DIGEST }
        : { padding: RSA_PKCS1_PADDING }
    return { digest: hash, hash, options, generate: ['rsa', { modulusLength: minimumRsaBits }] }
  }
  if (row.kty === 'EC')
    return {
      digest: hash,
      hash,
      options: { dsaEncoding: 'ieee-p1363' },
      generate: ['ec', { namedCurve: row.crv }],
    }
  return { digest: null, hash, options: {}, generate: ['ed25519', {}] }
}

/** RFC 7518 §3.3–3.5, RFC 8037 §3.1, RFC 9864 §2.2. */
export const cryptoParameters = Object.fromEntries(
  signatureAlgorithmNames.map(alg => [alg, parametersOf(alg)]),
) as Readonly<Record<SignatureAlgorithm, CryptoParameters>>

/** Returns whether `node:crypto` of this process has the algorithm, which depends on its version and its OpenSSL. */
export const isAvailable = (_alg: SignatureAlgorithm): boolean => true

/** `signature_algorithms` if they are not configured. */
export const defaultSignatureAlgorithms = signatureAlgorithmNames

/** The algorithms of clients and APIs without their own, if their issuer allows them. */
export const preferredAlgorithms = { accessToken: 'ES256', idToken: 'RS256' } as const

/** Returns the preferred algorithm if it is allowed, otherwise the first that is. */
export const algorithmOr = (
  preferred: SignatureAlgorithm,
  allowed: readonly SignatureAlgorithm[],
): SignatureAlgorithm => (allowed.includes(preferred) ? preferred : (allowed[0] ?? preferred))
