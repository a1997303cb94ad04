/** What is stored about one sign-in at a client: the authorization and all that hangs on it. Fields bear registry names. */

import type { Brand, Seconds } from '@tessera/protocol/brand'
import type { CodeChallengeMethod } from '@tessera/protocol/pkce'
import type { Json, JsonObject } from '@tessera/protocol/result'
import type { TokenHash } from '../runtime/ports.ts'

export type AuthorizationId = Brand<string, 'AuthorizationId'>
export type FamilyId = Brand<string, 'FamilyId'>

/** How a token is bound to its holder's key (RFC 7800 §3.1), for example `x5t#S256` (RFC 8705 §3.1). */
export type Confirmation = JsonObject

/** Claims that were asked for one by one (OpenID Connect Core 1.0 §5.5), with the values that will do. */
export type RequestedClaims = Readonly<Record<string, { readonly values?: readonly Json[] }>>

/** One sign-in at a client, or one direct grant with a user: the parent of its code, refresh family and tokens. */
export type Authorization = {
  readonly id: AuthorizationId
  readonly client_id: string
  readonly sub: string
  readonly tenant?: string
  /** The browser session it came from. */
  readonly sid?: string
  readonly scope: readonly string[]
  /** The APIs it is limited to (RFC 8707); empty: not limited. */
  readonly resources: readonly string[]
  readonly idp: string
  readonly amr: readonly string[]
  readonly acr?: string
  readonly auth_time: Seconds
  /** Claims that a grant, validator or provider supplied. */
  readonly claims?: JsonObject
  /** The `claims` parameter of its request, as far as it asks for the user's claims. */
  readonly requested_claims?: {
    readonly userinfo?: RequestedClaims
    readonly id_token?: RequestedClaims
    /** The languages that claims are told in where the user has them, the most wanted first (`claims_locales`). */
    readonly locales?: readonly string[]
  }
  readonly created_at: Seconds
  /** It outlives all that came from it. */
  readonly expires_at: Seconds
  readonly revoked_at?: Seconds
}

export type AuthorizationCode = {
  readonly hash: TokenHash
  readonly authorization_id: AuthorizationId
  readonly redirect_uri: string
  readonly code_challenge?: string
  readonly code_challenge_method?: CodeChallengeMethod
  readonly nonce?: string
  /** Hash of the state, where the configuration asks for it. */
  readonly s_hash?: string
  readonly expires_at: Seconds
  /** When it was redeemed or burnt; a used code is kept until its authorization ends. */
  readonly used_at?: Seconds
}

export type DeviceAuthorization = {
  readonly hash: TokenHash
  readonly user_code_hash: TokenHash
  readonly client_id: string
  readonly scope: readonly string[]
  readonly status: 'pending' | 'approved' | 'denied'
  /** Set when a user approved. */
  readonly authorization_id?: AuthorizationId
  /** How long the device must wait between polls; every `slow_down` adds 5 s (RFC 8628 §3.5). */
  readonly interval: Seconds
  /** The last poll that was not too fast. */
  readonly last_polled_at?: Seconds
  readonly expires_at: Seconds
  readonly used_at?: Seconds
}

/** A refresh family: one row for the whole chain, whose handles count generations. */
export type RefreshFamily = {
  readonly id: FamilyId
  readonly authorization_id: AuthorizationId
  readonly client_id: string
  /** The generation that may be used next; it starts at 1. */
  readonly generation: number
  readonly scope: readonly string[]
  /** User claims of its access tokens as first issued; kept unless the client wants them read anew. */
  readonly access_claims?: JsonObject
  readonly cnf?: Confirmation
  readonly created_at: Seconds
  /** The absolute end, which never changes. */
  readonly expires_at: Seconds
  /** The sliding end; equal to `expires_at` where none slides. */
  readonly idle_expires_at: Seconds
  /** When the current generation came to be. */
  readonly rotated_at: Seconds
}

/** An opaque access token: its claims stay here. */
export type ReferenceToken = {
  readonly hash: TokenHash
  readonly authorization_id?: AuthorizationId
  readonly client_id: string
  /** The claims that its JWT would carry. */
  readonly claims: JsonObject
  readonly expires_at: Seconds
}

/** A browser's sign-in at this server. */
export type Session = {
  /** Of the cookie's handle. */
  readonly hash: TokenHash
  /** The public id (`sid`, OpenID Connect Front-Channel Logout 1.0 §3). */
  readonly sid: string
  readonly sub: string
  readonly tenant?: string
  readonly idp: string
  readonly amr: readonly string[]
  readonly acr?: string
  readonly auth_time: Seconds
  readonly claims?: JsonObject
  /** The session at a provider that it came from: see `UpstreamSession`. */
  readonly upstream?: string
  /** Of a stored user: the epoch that the sign-in was of (see `StoredUser`). */
  readonly epoch?: number
  readonly created_at: Seconds
  /** The absolute end, which never changes. */
  readonly expires_at: Seconds
  /** The sliding end, never after `expires_at`: it has ended here unless it is used again. */
  readonly idle_expires_at: Seconds
  /** How far each use moves the sliding end. */
  readonly idle_lifetime: Seconds
  /** When it was used last; kept to within a few minutes. */
  readonly last_seen_at: Seconds
  /** What the browser calls itself (RFC 9110 §10.1.5), shortened. */
  readonly user_agent?: string
  /** The address that it was used from last. */
  readonly address?: string
}

/** A client of an ended session that is still to be told so (OpenID Connect Back-Channel Logout 1.0 §2.5). */
export type LogoutNotice = {
  readonly sid: string
  readonly client_id: string
  readonly sub: string
  /** How often it was tried. */
  readonly attempts: number
  /** When it is tried next. */
  readonly due_at: Seconds
  /** When it is given up. */
  readonly expires_at: Seconds
}

/** What a user agreed to give a client. */
export type Consent = {
  readonly sub: string
  readonly client_id: string
  readonly scope: readonly string[]
  readonly created_at: Seconds
  /** Those scopes that answer for the user when they are asked for again; absent: all. The rest was agreed to once. */
  readonly remembered?: readonly string[]
  /** Until when these do; absent: for ever. The consent stays afterwards, since it tells what was allowed. */
  readonly remembered_until?: Seconds
}

/** A signing key as it is stored. */
export type StoredKey = {
  readonly kid: string
  readonly alg: string
  /** The private JWK, encrypted with the master key. */
  readonly sealed: Uint8Array
  readonly created_at: Seconds
  /** Published from its creation on, used from here on. */
  readonly active_from: Seconds
}
