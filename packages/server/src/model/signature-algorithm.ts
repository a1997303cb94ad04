/** How `node:crypto` generates keys, signs and verifies with each JWS algorithm. */

import { constants, createHash, createPublicKey, hash, type SignKeyObjectInput } from 'node:crypto'
import {
  classicalAlgorithmNames,
  minimumRsaBits,
  type SignatureAlgorithm,
  type SignatureAlgorithmRow,
  signatureAlgorithmNames,
  signatureAlgorithms,
} from '@tessera/protocol/signature-algorithms'

type CryptoParameters = {
  /** Null for algorithms that hash by themselves. */
  readonly digest: string | null
  /** Of `crypto.sign` and `crypto.verify`. */
  readonly options: Omit<SignKeyObjectInput, 'key'>
  /** The type and options of `crypto.generateKeyPair`. */
  readonly generate: readonly [type: string, options: object]
}

const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST } = constants

const hashNames = {
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
  SHAKE256: 'shake256',
} as const

type MlDsa = Extract<SignatureAlgorithm, `ML-DSA-${string}`>

/** `asymmetricKeyType` of the keys of each. */
export const mlDsaTypes = {
  'ML-DSA-44': 'ml-dsa-44',
  'ML-DSA-65': 'ml-dsa-65',
  'ML-DSA-87': 'ml-dsa-87',
} as const satisfies Readonly<Record<MlDsa, string>>

function parametersOf(alg: SignatureAlgorithm): CryptoParameters {
  const row = signatureAlgorithms[alg]
  const digest = hashNames[row.hash]
  if (row.kty === 'RSA') {
    const options =
      row.scheme === 'RSA-PSS'
        ? { padding: RSA_PKCS1_PSS_PADDING, saltLength: RSA_PSS_SALTLEN_DIGEST }
        : { padding: RSA_PKCS1_PADDING }
    return { digest, options, generate: ['rsa', { modulusLength: minimumRsaBits }] }
  }
  if (row.kty === 'EC')
    return { digest, options: { dsaEncoding: 'ieee-p1363' }, generate: ['ec', { namedCurve: row.crv }] }
  if (row.kty === 'AKP') return { digest: null, options: {}, generate: [mlDsaTypes[alg as MlDsa], {}] }
  return { digest: null, options: {}, generate: ['ed25519', {}] }
}

/** RFC 7518 §3.3–3.5, RFC 8037 §3.1, RFC 9864 §2.2, RFC 9964 §4. */
export const cryptoParameters = Object.fromEntries(
  signatureAlgorithmNames.map(alg => [alg, parametersOf(alg)]),
) as Readonly<Record<SignatureAlgorithm, CryptoParameters>>

/** Returns whether `node:crypto` of this process has the algorithm, which depends on its version and its OpenSSL. */
export function isAvailable(alg: SignatureAlgorithm): boolean {
  const { publicKeyBytes }: SignatureAlgorithmRow = signatureAlgorithms[alg]
  if (publicKeyBytes === undefined) return true
  const known = availability.get(alg)
  if (known !== undefined) return known
  const available = canImport({ kty: 'AKP', alg, pub: Buffer.alloc(publicKeyBytes).toString('base64url') })
  availability.set(alg, available)
  return available
}

const availability = new Map<SignatureAlgorithm, boolean>()

/** Returns whether the key can be imported. Every sequence of the right length is a public key (FIPS 204 §5.3). */
function canImport(key: Readonly<Record<string, string>>): boolean {
  try {
    createPublicKey({ format: 'jwk', key })
    return true
  } catch {
    return false
  }
}

/**
 * Hashes the text with the hash function of the signing algorithm, and returns the left half in base64url (OpenID
 * Connect Core 1.0 §3.1.3.6).
 */
export function leftHalfHash(text: string, alg: SignatureAlgorithm): string {
  const name = hashNames[signatureAlgorithms[alg].hash]
  // As text, because a digest in a buffer of its own would cost more than the hash.
  const digest =
    name === 'shake256'
      ? createHash(name, { outputLength: 64 }).update(text).digest('latin1')
      : hash(name, text, 'latin1')
  return Buffer.from(digest.slice(0, digest.length / 2), 'latin1').toString('base64url')
}

/** `signature_algorithms` if they are not configured. */
export const defaultSignatureAlgorithms: readonly SignatureAlgorithm[] = classicalAlgorithmNames

/** The algorithms of clients and APIs without their own, if their issuer allows them. */
export const preferredAlgorithms = { accessToken: 'ES256', idToken: 'RS256' } as const

/** Returns the preferred algorithm if it is allowed, otherwise the first that is. */
export const algorithmOr = (
  preferred: SignatureAlgorithm,
  allowed: readonly SignatureAlgorithm[],
): SignatureAlgorithm => (allowed.includes(preferred) ? preferred : (allowed[0] ?? preferred))
