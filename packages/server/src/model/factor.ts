/** Stored second factors: one-time passwords (RFC 6238) and passkeys (WebAuthn Level 3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Session } from './authorization.ts'
import type { Subject } from './user.ts'

/** The secret that a user's authenticator app shares with this server. */
export type TotpSecret = {
  readonly sub: string
  /** Encrypted with a key derived from the master key. */
  readonly sealed: Uint8Array
  /** The newest time step whose code was used. It and earlier ones are refused (RFC 6238 §5.2). */
  readonly last_step: number
  readonly created_at: Seconds
}

/** Returns the name that the sealed secret is bound to. */
export const totpSecretName = (sub: string): string => `totp ${sub}`

/** A user's public key in an authenticator (WebAuthn Level 3 §4, "credential record"). */
export type Passkey = {
  /** The credential id in base64url. */
  readonly id: string
  readonly sub: string
  /** COSE_Key. */
  readonly public_key: Uint8Array
  /** The signature counter; 0 if the authenticator has none. */
  readonly counter: number
  readonly transports: readonly string[]
  /** Whether it can be synced to other devices. Otherwise it is bound to one. */
  readonly backup_eligible: boolean
  readonly backed_up: boolean
  /** The name that the user gave it. */
  readonly name: string
  readonly created_at: Seconds
  readonly last_used_at?: Seconds
}

/** A sign-in without its second factor. It is not a session, and only the page for second factors reads it. */
export type PendingSignIn = Subject & Pick<Session, 'hash' | 'created_at' | 'expires_at'>
