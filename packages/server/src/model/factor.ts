/** What a user can prove themself by beyond the password: one-time passwords (RFC 6238), recovery codes, passkeys (WebAuthn Level 3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Session } from './authorization.ts'
import type { Subject } from './user.ts'

/** The secret that a user's authenticator app shares with this server. */
export type TotpSecret = {
  readonly sub: string
  /** Sealed by a key derived from the master key. */
  readonly sealed: Uint8Array
  /** The newest step whose code was used: it and all before it are refused (RFC 6238 §5.2). */
  readonly last_step: number
  readonly created_at: Seconds
}

/** A user's public key in an authenticator (WebAuthn Level 3 §4, "credential record"). */
export type Passkey = {
  /** The credential id in base64url. */
  readonly id: string
  readonly sub: string
  /** COSE_Key. */
  readonly public_key: Uint8Array
  /** The signature counter; 0 where the authenticator has none. */
  readonly counter: number
  readonly transports: readonly string[]
  /** Whether it may be copied to other devices; else it is bound to one. */
  readonly backup_eligible: boolean
  readonly backed_up: boolean
  /** The user's own name for it. */
  readonly name: string
  readonly created_at: Seconds
  readonly last_used_at?: Seconds
}

/** A sign-in that lacks its second factor: it is no session, and no endpoint but the second factor's page knows it. */
export type PendingSignIn = Subject & Pick<Session, 'hash' | 'created_at' | 'expires_at'>
