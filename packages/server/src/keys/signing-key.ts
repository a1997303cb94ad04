/** Signing keys: generated, opened with the master key, and published as a JWK Set. */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  hash,
  type KeyObject,
  type webcrypto,
} from 'node:crypto'
import { promisify } from 'node:util'
import type { Seconds } from '@tessera/protocol/brand'
import {
  isSignatureAlgorithm,
  publicKeyMembers,
  type SignatureKeyType,
} from '@tessera/protocol/signature-algorithms'
import type { StoredKey } from '../model/authorization.ts'
import type { SigningAlgorithm } from '../model/client.ts'
import type { Sealing } from '../model/keys.ts'
import { cryptoParameters, isAvailable } from '../model/signature-algorithm.ts'
import type { KeyToImport } from './imported-key.ts'

const generate = promisify(generateKeyPair) as (
  type: string,
  options: object,
) => Promise<{ privateKey: KeyObject }>

export type GenerateSigningKey = (
  alg: SigningAlgorithm,
) => Promise<{ kid: string; jwk: webcrypto.JsonWebKey }>

/** Generates a key off the main thread. Its `kid` is the thumbprint of the public key (RFC 7638). */
export const generateSigningKey: GenerateSigningKey = async alg => {
  const { privateKey } = await generate(...cryptoParameters[alg].generate)
  const jwk = privateKey.export({ format: 'jwk' })
  return { kid: thumbprint(jwk), jwk }
}

/** Returns only the members that may be published, and none of the private key. */
const publicMembers = (jwk: webcrypto.JsonWebKey): webcrypto.JsonWebKey => {
  const members: readonly string[] = publicKeyMembers[jwk.kty as SignatureKeyType]
  return Object.fromEntries(members.map(name => [name, Reflect.get(jwk, name)]))
}

const thumbprint = (jwk: webcrypto.JsonWebKey): string =>
  hash('sha256', JSON.stringify(publicMembers(jwk)), 'base64url')

export type OpenedKey = Pick<StoredKey, 'kid' | 'alg' | 'sealed' | 'created_at' | 'active_from'> & {
  /** Undefined for a key that only verifies tokens of another server, or that this runtime can't use. */
  readonly privateKey: KeyObject | undefined
  /** Undefined if this runtime does not have the algorithm. The key is published all the same. */
  readonly publicKey: KeyObject | undefined
  /** The members that are published. */
  readonly jwk: webcrypto.JsonWebKey
  readonly verifies_only: boolean
  /** Set if it was imported: when it began to sign here. */
  readonly signs_since?: Seconds
  /** When a key that only verifies is removed. */
  readonly until: Seconds | undefined
  /** Its stored form can't be opened. */
  readonly is_damaged?: true
}

/** Returns whether the JWK contains a private key. */
export const isPrivate = (jwk: webcrypto.JsonWebKey): boolean => 'd' in jwk || 'priv' in jwk

/** Decrypts a stored key. Throws if it was sealed with another master key. */
export function openKey(
  { kid, alg, sealed, created_at, active_from }: StoredKey,
  sealing: Sealing,
  has: (alg: SigningAlgorithm) => boolean = isAvailable,
): OpenedKey {
  const jwk = JSON.parse(sealing.open(sealed, sealedName({ kid, alg }))) as KeyToImport['jwk']
  const { x5c, 'x5t#S256': x5t, exp, imported = false } = jwk
  const isUsable = !isSignatureAlgorithm(alg) || has(alg)
  const signs = isPrivate(jwk)
  const privateKey = isUsable && signs ? createPrivateKey({ key: jwk, format: 'jwk' }) : undefined
  return {
    kid,
    alg,
    sealed,
    privateKey,
    publicKey: isUsable ? createPublicKey(privateKey ?? { key: jwk, format: 'jwk' }) : undefined,
    jwk: { ...publicMembers(jwk), ...(x5c && { x5c, 'x5t#S256': x5t }) },
    verifies_only: !signs,
    ...(imported && { signs_since: active_from }),
    until: exp,
    created_at,
    active_from,
  }
}

/** Returns the name that a sealed key is bound to. It does not open under another name or for another algorithm. */
export const sealedName = ({ kid, alg }: { readonly kid: string; readonly alg: string }): string =>
  `${alg} ${kid}`

/** Returns the JWK Set (RFC 7517 §5) as JSON: the public members of each key, for verifying signatures only (§4.2). */
export const jwkSet = (keys: readonly OpenedKey[]): string =>
  JSON.stringify({ keys: keys.map(({ kid, alg, jwk }) => ({ ...jwk, kid, alg, use: 'sig' })) })
