/**
 * The public key in a proof (RFC 9449 §4.2), and signatures with it. Uses `node:crypto` directly because this is a hot
 * path.
 */

import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import { isJsonObject } from '@tessera/protocol/json'
import {
  minimumRsaBits,
  privateKeyMembers,
  publicKeyMembers,
  type SignatureAlgorithm,
  signatureAlgorithms,
} from '@tessera/protocol/signature-algorithms'
import { isAffordable } from '../model/jose.ts'
import { cryptoParameters } from '../model/signature-algorithm.ts'

export type ProofKey = {
  readonly alg: SignatureAlgorithm
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

/** Imports a public JWK for the algorithm. Returns the reason if it can't be used. */
export function importProofKey(alg: SignatureAlgorithm, jwk: unknown): ProofKey | KeyProblem {
  if (!isJsonObject(jwk)) return 'dpop_key_missing'
  if (privateKeyMembers.some(name => Object.hasOwn(jwk, name))) return 'dpop_key_private'
  const { kty, crv }: { kty: keyof typeof publicKeyMembers; crv?: string } = signatureAlgorithms[alg]
  // RFC 9964 §3: an AKP key is for the one algorithm that it names.
  const isForOther = kty === 'AKP' && jwk.alg !== alg
  if (jwk.kty !== kty || (crv !== undefined && jwk.crv !== crv) || isForOther || !isAffordable(jwk))
    return 'dpop_key_unsuitable'
  const names: readonly string[] = publicKeyMembers[kty]
  const key = Object.fromEntries(names.map(name => [name, jwk[name]]))
  const publicKey = importKey(key)
  if (!publicKey) return 'dpop_key_invalid'
  if (kty === 'RSA' && (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < minimumRsaBits)
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
export function isSignedBy(
  { alg, publicKey }: ProofKey,
  text: string | Uint8Array,
  signature: Uint8Array,
): boolean {
  const { digest, options } = cryptoParameters[alg]
  try {
    return verify(
      digest,
      typeof text === 'string' ? Buffer.from(text) : text,
      { key: publicKey, ...options },
      signature,
    )
  } catch {
    return false
  }
}
