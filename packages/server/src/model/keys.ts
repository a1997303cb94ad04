/** Interfaces of signing keys, derived keys, sealing and decryption. */

import type { KeyObject } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
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
  /** Set if another server signed with this key too: the time at which this server began to. */
  readonly signs_since?: Seconds
}

export type KeyRing = {
  /** Returns the current signing key. Throws for an algorithm that is not configured. */
  readonly signing: (alg: SigningAlgorithm) => SigningKey
  /**
   * Returns the public key of a published `kid`, as the same object on each call; undefined if the `kid` is unknown or
   * retired.
   */
  readonly verification: (kid: string) => VerificationKey | undefined
  /**
   * Does the same, and also returns keys that were imported only to verify tokens of another server. Such a token proves
   * nothing about what is stored here, so it may serve as a hint at most.
   */
  readonly published: (kid: string) => VerificationKey | undefined
  /** Returns the JWK Set (RFC 7517 §5) as JSON. */
  readonly jwks: () => { readonly body: string; readonly maxAge: number }
  /** Returns the algorithms that this server signs with. */
  readonly algorithms: () => readonly SigningAlgorithm[]
}

/** Secrets derived from the master key (RFC 5869), one per purpose. Only `keys/` has the master key itself. */
export type DerivedKeys = {
  /** Returns 32 bytes for this purpose, the same on every node. */
  readonly derive: (purpose: string) => Uint8Array
}

/** Encrypts secrets for storage and binds them to a name. */
export type Sealing = {
  readonly seal: (text: string, name: string) => Uint8Array
  /** Throws if the bytes were changed, belong to another name, or were sealed with another master key. */
  readonly open: (sealed: Uint8Array, name: string) => string
}

/** Key management algorithms of request objects for this server (RFC 7518 §4.6). */
export const requestEncryptionAlgorithms = ['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW'] as const

/** Decrypts request objects. */
export type Decryption = {
  /** Returns the public key, as in the JWK Set. */
  readonly jwk: () => Readonly<Record<string, string>>
  /** Resolves to undefined if the JWE is not encrypted for this key. */
  readonly decrypt: (
    jwe: string,
  ) => Promise<{ readonly text: string; readonly alg: string; readonly enc: string } | undefined>
}
