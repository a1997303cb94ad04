/** Signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2), and their parameters for Web Crypto. */

/** Algorithms with a key pair. `EdDSA` means Ed25519 here; `Ed25519` is its newer name. */
export const asymmetricAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

/** Algorithms with a secret that both sides know. */
export const secretAlgorithms = ['HS256', 'HS384', 'HS512'] as const

/** One of {@link asymmetricAlgorithms}. */
export type AsymmetricAlgorithm = (typeof asymmetricAlgorithms)[number]
/** An algorithm for HMAC. */
export type SecretAlgorithm = (typeof secretAlgorithms)[number]
/** Any algorithm that this library signs and verifies with. */
export type SigningAlgorithm = AsymmetricAlgorithm | SecretAlgorithm

type Hash = 'SHA-256' | 'SHA-384' | 'SHA-512'

export type AlgorithmParameters = {
  /** The type of its keys (RFC 7518 §6.1). */
  readonly kty: 'RSA' | 'EC' | 'OKP' | 'oct'
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
  if (alg === 'EdDSA' || alg === 'Ed25519')
    return { kty: 'OKP', crv: 'Ed25519', hash: 'SHA-512', web: { name: 'Ed25519' } }
  if (!isSigningAlgorithm(alg)) return undefined
  const bits = Number(alg.slice(2))
  const hash = `SHA-${bits}` as Hash
  if (alg.startsWith('RS')) return { kty: 'RSA', hash, web: { name: 'RSASSA-PKCS1-v1_5', hash } }
  // RFC 7518 §3.5: the salt has the size of the hash.
  if (alg.startsWith('PS')) return { kty: 'RSA', hash, web: { name: 'RSA-PSS', hash, saltLength: bits / 8 } }
  if (alg.startsWith('HS')) return { kty: 'oct', hash, web: { name: 'HMAC', hash } }
  const crv = alg === 'ES512' ? 'P-521' : `P-${bits}`
  return { kty: 'EC', crv, hash, web: { name: 'ECDSA', namedCurve: crv, hash } }
}

export const isSigningAlgorithm = (alg: string): alg is SigningAlgorithm =>
  ([...asymmetricAlgorithms, ...secretAlgorithms] as readonly string[]).includes(alg)
