/** New signing keys, made off the main thread; `kid` is the thumbprint of the public key (RFC 7638). */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  hash,
  type KeyObject,
  type webcrypto,
} from 'node:crypto'
import { promisify } from 'node:util'
import type { SigningAlgorithm } from '../model/client.ts'

const generate = promisify(generateKeyPair) as (
  type: string,
  options: object,
) => Promise<{ privateKey: KeyObject }>

const kinds: Record<SigningAlgorithm, readonly [type: string, options: object]> = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
}

export type GenerateSigningKey = (
  alg: SigningAlgorithm,
) => Promise<{ kid: string; jwk: webcrypto.JsonWebKey }>

export const generateSigningKey: GenerateSigningKey = async alg => {
  const { privateKey } = await generate(...kinds[alg])
  const jwk = privateKey.export({ format: 'jwk' })
  return { kid: thumbprint(jwk), jwk }
}

/** RFC 7638 §3.2, RFC 8037 §2: the required public members in lexicographic order. */
const requiredMembers: Readonly<Record<string, readonly (keyof webcrypto.JsonWebKey)[]>> = {
  RSA: ['e', 'kty', 'n'],
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
}

/** The members that may be published, and nothing of the private key. */
export const publicMembers = (jwk: webcrypto.JsonWebKey): webcrypto.JsonWebKey =>
  Object.fromEntries((requiredMembers[jwk.kty ?? ''] ?? []).map(name => [name, jwk[name]]))

const thumbprint = (jwk: webcrypto.JsonWebKey): string =>
  hash('sha256', JSON.stringify(publicMembers(jwk)), 'base64url')

export const keyObjects = (jwk: webcrypto.JsonWebKey): { privateKey: KeyObject; publicKey: KeyObject } => {
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  return { privateKey, publicKey: createPublicKey(privateKey) }
}
