/** What is stored about users of other identity providers. */

import type { Seconds } from '@tessera/protocol/brand'
import type { TokenHash } from '../runtime/ports.ts'

/** A browser that was sent to a provider and is expected back (OpenID Connect Core 1.0 §3.1.2.1): it comes once. */
export type UpstreamRequest = {
  /** Of the `state`, from which nonce and code verifier are derived too. */
  readonly hash: TokenHash
  /** Of the secret in the cookie of the browser that was sent. */
  readonly browser: TokenHash
  readonly provider: string
  /** The sealed request that waits for the sign-in. */
  readonly continuation: string
  /** The session whose user asked for the link, where the browser was sent to make one. */
  readonly linking_sid?: string
  readonly expires_at: Seconds
}

/** That a user of a provider is a user here. */
export type IdentityLink = {
  readonly provider: string
  /** The user there: see `identityKey`. */
  readonly identity: string
  readonly sub: string
  /** What the user is called there, for people. */
  readonly label?: string
  readonly created_at: Seconds
}

/** What ends a session at the provider that it came from (OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0). */
export type UpstreamSession = {
  /** What the session here is marked with. */
  readonly id: string
  readonly provider: string
  /** The user there. */
  readonly identity: string
  readonly upstream_sid?: string
  /** The ID token, sealed. */
  readonly id_token: Uint8Array
  readonly expires_at: Seconds
}
