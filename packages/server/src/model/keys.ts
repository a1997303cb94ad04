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

/**
 * Secrets derived from the root keys of the installation (RFC 5869), one per purpose. Only `keys/` has root keys and the
 * master key. A rotation adds a root key while servers run, so ask for a key at each use.
 */
export type DerivedKeys = {
  /** Returns the 32 bytes that new values of this purpose are made with, the same on every node. */
  readonly derive: (purpose: string) => Uint8Array
  /** Returns the keys that values of this purpose may have been made with, the current one first. */
  readonly accepted: (purpose: string) => readonly Uint8Array[]
  /** Does the same, and adds keys that are retired. Only for values that have no expiry and can't be made again. */
  readonly ever: (purpose: string) => readonly Uint8Array[]
  /** Returns the key that was current at this time, for values that contain the time at which they were made. */
  readonly asOf: (at: Seconds, purpose: string) => Uint8Array
  /** Returns 32 bytes that never change, for identifiers. */
  readonly permanent: (purpose: string) => Uint8Array
  /**
   * Returns the version of the current root key, or of the one that was current at this time, from 1 to 255. Values that
   * contain it are found again by `ofVersion`.
   */
  readonly version: (at?: Seconds) => number
  /**
   * Returns undefined if there is no such root key, or if it is retired.
   * @param madeAt when the value was made. A retired key is returned if it was the current one then. Only for values with
   * an end of their own, because whoever has the key can make such values.
   */
  readonly ofVersion: (version: number, purpose: string, madeAt?: Seconds) => Uint8Array | undefined
  /**
   * Returns whether other processes may have a root key of this version that this one lacks. False for a version that the
   * store does not contain, as in a damaged value.
   */
  readonly othersMayHave: (version: number) => boolean
}

/** Wraps the key that the stored root keys are encrypted with: a key of this process, or one in a key service. */
export type MasterKey = {
  readonly kind: 'local' | 'service'
  /** Identifies it in the store, without revealing it. */
  readonly id: string
  readonly wrap: (key: Uint8Array) => Promise<Uint8Array>
  /** Rejects if the bytes were wrapped with another key. */
  readonly unwrap: (wrapped: Uint8Array) => Promise<Uint8Array>
  /** A local key itself, which is the first root key of stores that began with it. */
  readonly bytes?: Uint8Array
}

/** Encrypts secrets for storage and binds them to a name. */
export type Sealing = {
  readonly seal: (text: string, name: string) => Uint8Array
  /** Throws if the bytes were changed, belong to another name, or were sealed with another master key. */
  readonly open: (sealed: Uint8Array, name: string) => string
  /**
   * Returns whether a root key sealed the bytes that this process does not have yet, because its key service does not
   * respond. Other processes can open them. False for damaged bytes that name a root key that does not exist.
   */
  readonly isOfNewerKey: (sealed: Uint8Array) => boolean
}

/** Key management algorithms of request objects for this server (RFC 7518 §4.6). */
export const requestEncryptionAlgorithms = ['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW'] as const

/** Decrypts request objects. */
export type Decryption = {
  /** Returns the public key, as in the JWK Set. */
  readonly jwk: () => Readonly<Record<string, string>>
  /** Resolves to the content; undefined if the JWE is not encrypted for this key. */
  readonly decrypt: (jwe: string) => Promise<string | undefined>
}
