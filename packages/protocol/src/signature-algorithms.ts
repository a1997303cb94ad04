/**
 * JWS algorithms with a key pair (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2, RFC 9964), and the members of their keys. The only
 * table of algorithms: servers and clients derive their parameters from it.
 */

/** The type of a key (RFC 7518 §6.1, RFC 8037 §2, RFC 9964 §3). */
export type SignatureKeyType = 'RSA' | 'EC' | 'OKP' | 'AKP'

/** Describes an algorithm. `EdDSA` does not name a curve (RFC 8037 §3.1); here it is Ed25519. */
export type SignatureAlgorithmRow = {
  readonly kty: SignatureKeyType
  /** The curve of its keys, if it has one. */
  readonly crv?: string
  readonly scheme: 'RSASSA-PKCS1-v1_5' | 'RSA-PSS' | 'ECDSA' | 'Ed25519' | 'ML-DSA'
  /**
   * The hash that it uses, which is also that of `at_hash` and `c_hash` (OpenID Connect Core 1.0 §3.1.3.6). SHAKE256
   * has 64 bytes here, as in FIPS 204 §6.2.
   */
  readonly hash: 'SHA-256' | 'SHA-384' | 'SHA-512' | 'SHAKE256'
  /** Bytes of a public key (FIPS 204 §4), if the algorithm alone determines them. */
  readonly publicKeyBytes?: number
}

export const signatureAlgorithms = {
  RS256: { kty: 'RSA', scheme: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  RS384: { kty: 'RSA', scheme: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
  RS512: { kty: 'RSA', scheme: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' },
  PS256: { kty: 'RSA', scheme: 'RSA-PSS', hash: 'SHA-256' },
  PS384: { kty: 'RSA', scheme: 'RSA-PSS', hash: 'SHA-384' },
  PS512: { kty: 'RSA', scheme: 'RSA-PSS', hash: 'SHA-512' },
  ES256: { kty: 'EC', crv: 'P-256', scheme: 'ECDSA', hash: 'SHA-256' },
  ES384: { kty: 'EC', crv: 'P-384', scheme: 'ECDSA', hash: 'SHA-384' },
  ES512: { kty: 'EC', crv: 'P-521', scheme: 'ECDSA', hash: 'SHA-512' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', scheme: 'Ed25519', hash: 'SHA-512' },
  Ed25519: { kty: 'OKP', crv: 'Ed25519', scheme: 'Ed25519', hash: 'SHA-512' },
  'ML-DSA-44': { kty: 'AKP', scheme: 'ML-DSA', hash: 'SHAKE256', publicKeyBytes: 1312 },
  'ML-DSA-65': { kty: 'AKP', scheme: 'ML-DSA', hash: 'SHAKE256', publicKeyBytes: 1952 },
  'ML-DSA-87': { kty: 'AKP', scheme: 'ML-DSA', hash: 'SHAKE256', publicKeyBytes: 2592 },
} as const satisfies Readonly<Record<string, SignatureAlgorithmRow>>

/** The name of a JWS algorithm with a key pair. */
export type SignatureAlgorithm = keyof typeof signatureAlgorithms

/** The names, in the order in which metadata lists them. */
export const signatureAlgorithmNames = Object.keys(signatureAlgorithms) as readonly SignatureAlgorithm[]

/** Returns whether the value is the name of an algorithm of the table. `none` and HMAC are not. */
export const isSignatureAlgorithm = (alg: unknown): alg is SignatureAlgorithm =>
  typeof alg === 'string' && Object.hasOwn(signatureAlgorithms, alg)

/** The names without ML-DSA, which not every runtime has and whose keys and signatures are large. */
export const classicalAlgorithmNames = signatureAlgorithmNames.filter(
  alg => signatureAlgorithms[alg].kty !== 'AKP',
)

/** The members of a public key by type, in the order of its thumbprint (RFC 7638 §3.2, RFC 8037 §2, RFC 9964 §6). */
export const publicKeyMembers = {
  RSA: ['e', 'kty', 'n'],
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  // The algorithm is a part of the key.
  AKP: ['alg', 'kty', 'pub'],
} as const satisfies Readonly<Record<SignatureKeyType, readonly string[]>>

/** Members of private and symmetric keys (RFC 7518 §6.2.2, §6.3.2, §6.4, RFC 9964 §3). A public key has none of them. */
export const privateKeyMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const

/** Bits of the shortest RSA key that may sign or verify (RFC 7518 §3.3, §3.5). */
export const minimumRsaBits = 2048
