/** Refresh tokens of the server that this one replaces. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Hook } from './hook.ts'

/**
 * An operator's hook. Returns the content of a valid refresh token that another server issued; undefined or null for any
 * other text. It changes nothing: this server accepts each token once.
 */
export type PreviousRefreshTokenHook = Hook<
  PreviousRefreshTokenRequest,
  PreviousRefreshToken | null | undefined
>

export type PreviousRefreshTokenRequest = {
  readonly refresh_token: string
  /** The client that sent it, which is authenticated. */
  readonly client_id: string
  /** The tenant whose own issuer received it. */
  readonly tenant?: string
}

export type PreviousRefreshToken = {
  readonly sub: string
  /** The client that it was issued to. */
  readonly client_id: string
  /** The scopes that the user agreed to. `offline_access` is added. */
  readonly scope: readonly string[]
  /** When it expires at the latest, in seconds since 1970. It is remembered as used until then. */
  readonly expires_at: Seconds
  /** When the user signed in, in seconds since 1970. Default: now. */
  readonly auth_time?: Seconds
  /** How the user signed in (RFC 8176). */
  readonly amr?: readonly string[]
  readonly acr?: string
}
