/** Signing keys as the token makers see them. */

import type { KeyObject } from 'node:crypto'
import type { SigningAlgorithm } from './client.ts'

export type SigningKey = {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly privateKey: KeyObject
}

export type VerificationKey = {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly publicKey: KeyObject
}

export type KeyRing = {
  /** The key that signs with this algorithm now; throws for one that no configuration asked for. */
  readonly signing: (alg: SigningAlgorithm) => SigningKey
  /** The public key of a published `kid`, the same object each time; undefined for one that is unknown or retired. */
  readonly verification: (kid: string) => VerificationKey | undefined
  /** The JWK Set (RFC 7517 §5) as JSON, ready to send. */
  readonly jwks: () => { readonly body: string; readonly maxAge: number }
  /** The algorithms that this server signs with. */
  readonly algorithms: () => readonly SigningAlgorithm[]
}

/** Secrets derived from the master key (RFC 5869), one for each purpose; the master key itself never leaves its room. */
export type DerivedKeys = {
  /** 32 bytes for this purpose, the same on every node. */
  readonly derive: (purpose: string) => Uint8Array
}

/** Secrets at rest: encrypted, and bound to a name. */
export type Sealing = {
  readonly seal: (text: string, name: string) => Uint8Array
  /** Throws when the bytes were changed, belong to another name or were sealed with another master key. */
  readonly open: (sealed: Uint8Array, name: string) => string
}

/** How request objects may be encrypted for this server (RFC 7518 §4.6). */
export const requestEncryptionAlgorithms = ['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW'] as const

/** What clients encrypt for this server. */
export type Decryption = {
  /** The public key, as the JWK Set has it. */
  readonly jwk: () => Readonly<Record<string, string>>
  /** Undefined for what is not encrypted for it. */
  readonly decrypt: (
    jwe: string,
  ) => Promise<{ readonly text: string; readonly alg: string; readonly enc: string } | undefined>
}
