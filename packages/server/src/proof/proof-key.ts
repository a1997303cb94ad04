/**
 * The public key in a proof (RFC 9449 §4.2), and signatures with it. Uses `node:crypto` directly because this is a hot
 * path.
 */

import { constants, createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import type { JsonObject } from '@tessera/protocol/result'
import type { assertionAlgorithms } from '../model/client.ts'
import { isAffordable } from '../model/jose.ts'

type ProofAlgorithm = (typeof assertionAlgorithms)[number]

export type ProofKey = {
  readonly alg: ProofAlgorithm
  readonly publicKey: KeyObject
  /** The SHA-256 thumbprint (RFC 7638), which tokens contain as `cnf.jkt`. */
  readonly jkt: string
}

/** Why the key can't be used. */
export type KeyProblem =
  | 'dpop_key_missing'
  | 'dpop_key_private'
  | 'dpop_key_unsuitable'
  | 'dpop_key_too_small'
  | 'dpop_key_invalid'

type Kind = {
  readonly kty: 'RSA' | 'EC' | 'OKP'
  readonly crv?: string
  readonly digest: string | null
  readonly options?: { readonly padding: number; readonly saltLength?: number }
}

const { RSA_PKCS1_PSS_PADDING, RSA_PKCS1_PADDING, RSA_PSS_SALTLEN_DIGEST } = constants
const pkcs1 = (digest: string): Kind => ({ kty: 'RSA', digest, options: { padding: RSA_PKCS1_PADDING } })
const pss = (digest: string): Kind => ({
  kty: 'RSA',
  digest,
  options: { padding: RSA_PKCS1_PSS_PADDING, saltLength: RSA_PSS_SALTLEN_DIGEST },
})
const ecdsa = (digest: string, crv: string): Kind => ({ kty: 'EC', crv, digest })
const ed25519: Kind = { kty: 'OKP', crv: 'Ed25519', digest: null }

/** RFC 7518 §3.3–3.5, RFC 8037 §3.1, RFC 9864 §2. */
const kinds: Readonly<Record<ProofAlgorithm, Kind>> = {
  RS256: pkcs1('sha256'),
  RS384: pkcs1('sha384'),
  RS512: pkcs1('sha512'),
  PS256: pss('sha256'),
  PS384: pss('sha384'),
  PS512: pss('sha512'),
  ES256: ecdsa('sha256', 'P-256'),
  ES384: ecdsa('sha384', 'P-384'),
  ES512: ecdsa('sha512', 'P-521'),
  EdDSA: ed25519,
  Ed25519: ed25519,
}

/** Asymmetric algorithms only: `none` and MACs prove no key (RFC 9449 §4.3 (5)). */
export const isProofAlgorithm = (alg: unknown): alg is ProofAlgorithm =>
  typeof alg === 'string' && Object.hasOwn(kinds, alg)

/** The members of private and symmetric keys (RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 9964 §3). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const

/** The required members, in the order of their thumbprint (RFC 7638 §3.2, RFC 8037 §2). */
const requiredMembers = {
  RSA: ['e', 'kty', 'n'],
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
} as const

/** RFC 7518 §3.3, §3.5. */
const minModulusBits = 2048

/** Imports a public JWK for the algorithm. Returns the reason if it can't be used. */
export function importProofKey(alg: ProofAlgorithm, jwk: unknown): ProofKey | KeyProblem {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return 'dpop_key_missing'
  const given = jwk as JsonObject
  if (secretMembers.some(name => Object.hasOwn(given, name))) return 'dpop_key_private'
  const { kty, crv } = kinds[alg]
  if (given.kty !== kty || (crv !== undefined && given.crv !== crv) || !isAffordable(given))
    return 'dpop_key_unsuitable'
  const names = requiredMembers[kty]
  const key = Object.fromEntries(names.map(name => [name, given[name]]))
  const publicKey = importKey(key)
  if (!publicKey) return 'dpop_key_invalid'
  if (kty === 'RSA' && (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < minModulusBits)
    return 'dpop_key_too_small'
  // Another spelling of the same key, such as one with leading zeros, would have another thumbprint.
  const exported: Readonly<Record<string, unknown>> = { ...publicKey.export({ format: 'jwk' }) }
  if (names.some(name => exported[name] !== key[name])) return 'dpop_key_invalid'
  return { alg, publicKey, jkt: hash('sha256', JSON.stringify(key), 'base64url') }
}

function importKey(key: object): KeyObject | undefined {
  try {
    return createPublicKey({ format: 'jwk', key: key as Record<string, string> })
  } catch {
    return undefined
  }
}

/** Returns whether the signature of the text is valid (RFC 7515 §5.2). */
export function isSignedBy({ alg, publicKey }: ProofKey, text: string, signature: Uint8Array): boolean {
  const { kty, digest, options } = kinds[alg]
  const key =
    kty === 'EC' ? { key: publicKey, dsaEncoding: 'ieee-p1363' as const } : { key: publicKey, ...options }
  try {
    return verify(digest, Buffer.from(text), key, signature)
  } catch {
    return false
  }
}
