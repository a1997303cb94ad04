/** Stored data about users of other identity providers. */

import type { Seconds } from '@tessera/protocol/brand'
import type { TokenHash } from '../runtime/ports.ts'

/** A pending authorization request to a provider (OpenID Connect Core 1.0 §3.1.2.1). Its callback is accepted once. */
export type UpstreamRequest = {
  /** The hash of the `state`. The nonce and the code verifier are derived from the `state`. */
  readonly hash: TokenHash
  /** The hash of the secret in the browser's cookie. */
  readonly browser: TokenHash
  readonly provider: string
  /** The sealed request that continues after the sign-in. */
  readonly continuation: string
  /** The session whose user asked to link the provider's account. Absent for a sign-in. */
  readonly linking_sid?: string
  readonly expires_at: Seconds
}

/** Links a user of a provider to a local user. */
export type IdentityLink = {
  readonly provider: string
  /** The provider's user: see `identityKey`. */
  readonly identity: string
  readonly sub: string
  /** A display name of the provider's user. */
  readonly label?: string
  readonly created_at: Seconds
}

/** A session at a provider, stored for logout in both directions (OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0). */
export type UpstreamSession = {
  /** The local session refers to it. */
  readonly id: string
  readonly provider: string
  /** The provider's user. */
  readonly identity: string
  /** The local user who signed in. Absent in rows of earlier versions. */
  readonly sub?: string
  readonly upstream_sid?: string
  /** The ID token, sealed. */
  readonly id_token: Uint8Array
  readonly expires_at: Seconds
}
