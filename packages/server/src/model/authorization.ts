/** Stored authorizations and the rows that belong to them. Fields have the names of the IANA registries. */

import type { Brand, Seconds } from '@tessera/protocol/brand'
import type { CodeChallengeMethod } from '@tessera/protocol/pkce'
import type { Json, JsonObject } from '@tessera/protocol/result'
import type { TokenHash } from '../runtime/ports.ts'
import type { Subject } from './user.ts'

export type AuthorizationId = Brand<string, 'AuthorizationId'>
export type FamilyId = Brand<string, 'FamilyId'>

/** How a token is bound to its holder's key (RFC 7800 §3.1): `x5t#S256` (RFC 8705 §3.1) or `jkt` (RFC 9449 §6.1). */
export type Confirmation = JsonObject

/** Individually requested claims with their accepted values (OpenID Connect Core 1.0 §5.5). */
export type RequestedClaims = Readonly<Record<string, { readonly values?: readonly Json[] }>>

/** A sign-in at a client, or a direct grant with a user: the parent of its code, refresh family and tokens. */
export type Authorization = {
  readonly id: AuthorizationId
  readonly client_id: string
  readonly sub: string
  readonly tenant?: string
  /** The tenant of the sign-in of a user who has no record there, such as a user of a provider. */
  readonly sign_in_tenant?: string
  /** The browser session in which it was created. */
  readonly sid?: string
  readonly scope: readonly string[]
  /** The APIs that it is limited to (RFC 8707); empty: no limit. */
  readonly resources: readonly string[]
  readonly idp: string
  readonly amr: readonly string[]
  readonly acr?: string
  readonly auth_time: Seconds
  /** When this server accepted the sign-in; absent if `auth_time` is that time. */
  readonly signed_in_at?: Seconds
  /** Claims from a grant, validator or provider. */
  readonly claims?: JsonObject
  /** The user claims in the `claims` parameter of its request. */
  readonly requested_claims?: {
    readonly userinfo?: RequestedClaims
    readonly id_token?: RequestedClaims
    /** The languages of returned claims, preferred first (`claims_locales`). */
    readonly locales?: readonly string[]
  }
  readonly created_at: Seconds
  /** Not before the expiry of anything that was issued for it. */
  readonly expires_at: Seconds
  readonly revoked_at?: Seconds
}

/** A client's authorizations for a user with the same tenants, scope and resources, taken together. */
export type GivenAccess = Pick<
  Authorization,
  'client_id' | 'tenant' | 'sign_in_tenant' | 'scope' | 'resources'
> & {
  /** When the first of them was created. */
  readonly since: Seconds
  /** When the last of them was created. */
  readonly created_at: Seconds
  /** When one of them was last created or refreshed. */
  readonly used_at: Seconds
}

/** Returns whether it was revoked, alone or with everything that was issued to its client or tenant. */
export type IsRevoked = (
  authorization: Pick<Authorization, 'client_id' | 'created_at' | 'revoked_at' | 'tenant'> &
    Partial<Pick<Authorization, 'auth_time' | 'signed_in_at' | 'sign_in_tenant'>>,
) => boolean

export type AuthorizationCode = {
  readonly hash: TokenHash
  readonly authorization_id: AuthorizationId
  readonly redirect_uri: string
  readonly code_challenge?: string
  readonly code_challenge_method?: CodeChallengeMethod
  readonly nonce?: string
  /** Hash of the state, if the configuration requires it. */
  readonly s_hash?: string
  /** The thumbprint of the key that redeems it (RFC 9449 §10). */
  readonly dpop_jkt?: string
  readonly expires_at: Seconds
  /** When it was redeemed or burnt. A used code remains stored until its authorization ends. */
  readonly used_at?: Seconds
}

export type DeviceAuthorization = {
  readonly hash: TokenHash
  readonly user_code_hash: TokenHash
  readonly client_id: string
  readonly scope: readonly string[]
  /** The APIs that its tokens are limited to (RFC 8707 §2); absent if they are not limited. */
  readonly resources?: readonly string[]
  readonly status: 'pending' | 'approved' | 'denied'
  /** Set when a user approved. */
  readonly authorization_id?: AuthorizationId
  /** Minimum time between polls. Every `slow_down` adds 5 s (RFC 8628 §3.5). */
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
  /** User claims of its access tokens as first issued. Absent if each refresh reads them again. */
  readonly access_claims?: JsonObject
  readonly cnf?: Confirmation
  readonly created_at: Seconds
  /** The absolute end, which never changes. */
  readonly expires_at: Seconds
  /** The sliding end; equal to `expires_at` without sliding expiration. */
  readonly idle_expires_at: Seconds
  /** When the current generation was issued. */
  readonly rotated_at: Seconds
}

/** An opaque access token. Its claims are stored instead of sent. */
export type ReferenceToken = {
  readonly hash: TokenHash
  readonly authorization_id?: AuthorizationId
  readonly client_id: string
  /** The claims that the JWT would contain. */
  readonly claims: JsonObject
  readonly expires_at: Seconds
}

/** A browser's sign-in at this server. */
export type Session = Subject & {
  /** The hash of the cookie's handle. */
  readonly hash: TokenHash
  /** The public id (`sid`, OpenID Connect Front-Channel Logout 1.0 §3). */
  readonly sid: string
  readonly created_at: Seconds
  /** The absolute end, which never changes. */
  readonly expires_at: Seconds
  /** The sliding end, never after `expires_at`. Use of the session moves it. */
  readonly idle_expires_at: Seconds
  /** How far each use moves the sliding end. */
  readonly idle_lifetime: Seconds
  /** When it was last used, to within a few minutes. */
  readonly last_seen_at: Seconds
  /** The browser's `User-Agent` (RFC 9110 §10.1.5), shortened. */
  readonly user_agent?: string
  /** The IP address that it was last used from. */
  readonly address?: string
}

/** A pending back-channel notification of a client about an ended session (OpenID Connect Back-Channel Logout 1.0 §2.5). */
export type LogoutNotice = {
  readonly sid: string
  readonly client_id: string
  readonly sub: string
  /** The number of attempts so far. */
  readonly attempts: number
  /** When the next attempt is due. */
  readonly due_at: Seconds
  /** When attempts stop. */
  readonly expires_at: Seconds
}

/** A user's consent for a client. */
export type Consent = {
  readonly sub: string
  readonly client_id: string
  readonly scope: readonly string[]
  readonly created_at: Seconds
  /** Scopes that need no consent when they are requested again; absent: all. The others were agreed to once. */
  readonly remembered?: readonly string[]
  /** When `remembered` expires; absent: never. The consent itself remains, as a record of what was allowed. */
  readonly remembered_until?: Seconds
}

/** The stored form of a signing key. */
export type StoredKey = {
  readonly kid: string
  readonly alg: string
  /** The private JWK, encrypted with the master key. */
  readonly sealed: Uint8Array
  readonly created_at: Seconds
  /** When it starts to sign. It is published from its creation. */
  readonly active_from: Seconds
}
