/** A client as it was registered (RFC 7591 §2 names, else IdentityServer's idea in snake_case), ready for use. */

import type { Seconds } from '@tessera/protocol/brand'
import type { ClientAuthenticationMethod } from '@tessera/protocol/client-authentication'
import type { Json } from '@tessera/protocol/result'
import type { Awaitable } from '../runtime/ports.ts'
import type { Localized } from './client-languages.ts'
import type { Color } from './color.ts'
import type { MfaPolicy } from './mfa.ts'

/** A shared secret as it is kept. */
export type Secret = (
  | { readonly kind: 'sha256'; readonly hash: Uint8Array }
  | { readonly kind: 'argon2id'; readonly encoded: string }
) & { readonly expires_at?: Seconds }

/** JWS algorithms that this server signs with. */
export const signingAlgorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const
export type SigningAlgorithm = (typeof signingAlgorithms)[number]

/** JWS algorithms of assertions: asymmetric ones only, so that no public key can be taken for a shared secret (RFC 8725 §3.1). */
export const assertionAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

/** A JWK Set (RFC 7517 §5) of public keys. */
export type JwkSet = { readonly keys: readonly Readonly<Record<string, unknown>>[] }

/** How the key that encrypts a JWE's content is agreed on (RFC 7518 §4.1): no algorithm that needs a shared secret. */
export const keyEncryptionAlgorithms = [
  'RSA-OAEP',
  'RSA-OAEP-256',
  'ECDH-ES',
  'ECDH-ES+A128KW',
  'ECDH-ES+A192KW',
  'ECDH-ES+A256KW',
] as const
export type KeyEncryption = (typeof keyEncryptionAlgorithms)[number]

/** What encrypts a JWE's content (RFC 7518 §5.1). */
export const contentEncryptionAlgorithms = [
  'A128CBC-HS256',
  'A192CBC-HS384',
  'A256CBC-HS512',
  'A128GCM',
  'A192GCM',
  'A256GCM',
] as const
export type ContentEncryption = (typeof contentEncryptionAlgorithms)[number]

/** What client assertions must be (RFC 7523 §3). */
export type ClientAssertionPolicy = {
  /** `any`: the issuer or the URL of an endpoint; `issuer`: the issuer alone, as one string. */
  readonly audience: 'any' | 'issuer'
  /** How far ahead `exp` may be: its `jti` is kept until then. */
  readonly maxLifetime: Seconds
}

export type ClientClaim = { readonly type: string; readonly value: Json }

export type UnknownScopes = 'refuse' | 'ignore'

export type Client = {
  readonly client_id: string
  readonly client_name?: string
  readonly client_uri?: string
  readonly logo_uri?: string
  readonly policy_uri?: string
  readonly tos_uri?: string
  /** The same in other languages. */
  readonly localized?: Localized
  readonly contacts?: readonly string[]
  /** Of the pages that lead to it. */
  readonly accent_color?: Color
  readonly software_id?: string
  readonly software_version?: string
  /** What its redirection URIs may be (OpenID Connect Dynamic Client Registration 1.0 §2); omitted: either. */
  readonly application_type?: 'web' | 'native'
  readonly enabled: boolean
  readonly client_secrets: readonly Secret[]
  /** Omitted: Basic and body are both taken. */
  readonly token_endpoint_auth_method?: ClientAuthenticationMethod
  /** Public keys of its signatures (RFC 7591 §2), and certificates (`x5c`) for `self_signed_tls_client_auth`. */
  readonly jwks?: JwkSet
  /** Where these are instead. */
  readonly jwks_uri?: string
  readonly tls_client_auth_subject_dn?: string
  /** Its access tokens are bound to the certificate of its connection, however it authenticates (RFC 8705 §3.4). */
  readonly tls_client_certificate_bound_access_tokens: boolean
  /** Algorithms that a client assertion may use; empty: all that are supported. */
  readonly token_endpoint_auth_signing_alg?: string
  /** What its assertions must be, where that differs from the server's policy. */
  readonly client_assertion_audience?: ClientAssertionPolicy['audience']
  readonly client_assertion_max_lifetime?: Seconds
  /** Addresses that request objects may be fetched from, byte for byte (OpenID Connect Core 1.0 §6.2). */
  readonly request_uris: readonly string[]
  /** How long its request objects may live, where that is less than the server allows. */
  readonly request_object_max_lifetime?: Seconds
  /** What its request objects are signed with; omitted: any asymmetric algorithm, or nothing; `none`: nothing. */
  readonly request_object_signing_alg?: string
  /** What it encrypts them with; omitted: anything that is supported, or not at all. */
  readonly request_object_encryption_alg?: string
  readonly request_object_encryption_enc?: string
  /** RFC 9101 §10.5. */
  readonly require_signed_request_object: boolean
  /** RFC 9126 §6. */
  readonly require_pushed_authorization_requests: boolean
  /** `max_age` and `acr_values` where a request has none (OpenID Connect Dynamic Client Registration 1.0 §2). */
  readonly default_max_age?: Seconds
  readonly default_acr_values: readonly string[]
  /** Its ID tokens always say when the user signed in; they do so anyway. */
  readonly require_auth_time: boolean
  readonly grant_types: ReadonlySet<string>
  readonly response_types: readonly string[]
  readonly redirect_uris: readonly string[]
  readonly post_logout_redirect_uris: readonly string[]
  /** Loaded in a hidden frame when a session that it took part in ends (OpenID Connect Front-Channel Logout 1.0 §2). */
  readonly frontchannel_logout_uri?: string
  /** Whether it needs `iss` and `sid` there; they are always sent. */
  readonly frontchannel_logout_session_required: boolean
  /** Where a logout token is posted then (OpenID Connect Back-Channel Logout 1.0 §2.2). */
  readonly backchannel_logout_uri?: string
  /** Whether it needs `sid` in the logout token; it is always there. */
  readonly backchannel_logout_session_required: boolean
  /** The scopes that it may ask for. */
  readonly scope: ReadonlySet<string>
  /** Whether authorization requests may name scopes that nobody registered; omitted: as the server is configured. */
  readonly unknown_scopes?: UnknownScopes
  readonly require_pkce: boolean
  readonly allow_plain_pkce: boolean
  readonly access_token_type: 'jwt' | 'reference'
  readonly access_token_lifetime: Seconds
  readonly identity_token_lifetime: Seconds
  readonly id_token_signed_response_alg: SigningAlgorithm
  /** Omitted: not encrypted. So for the others. */
  readonly id_token_encrypted_response_alg?: KeyEncryption
  readonly id_token_encrypted_response_enc: ContentEncryption
  /** Omitted: plain JSON. */
  readonly userinfo_signed_response_alg?: SigningAlgorithm
  readonly userinfo_encrypted_response_alg?: KeyEncryption
  readonly userinfo_encrypted_response_enc: ContentEncryption
  /** Of answers that are asked for as a JWT (RFC 9701 §6); omitted: that of its ID tokens. */
  readonly introspection_signed_response_alg?: SigningAlgorithm
  readonly introspection_encrypted_response_alg?: KeyEncryption
  readonly introspection_encrypted_response_enc: ContentEncryption
  /** Whether its ID tokens carry the claims of the scope even where the UserInfo endpoint tells them. */
  readonly always_include_user_claims_in_id_token: boolean
  /** `pairwise`: the `sub` that it is told of a user is told to clients of its sector only (OpenID Connect Core 1.0 §8). */
  readonly subject_type: 'public' | 'pairwise'
  /** Its host is the sector; omitted: that of the redirection URIs. */
  readonly sector_identifier_uri?: string
  /** Where a third party begins a sign-in at it (§4). */
  readonly initiate_login_uri?: string
  readonly initiate_login_target_link_uri?: string
  readonly authorization_code_lifetime: Seconds
  readonly refresh_token_usage: 'one_time' | 'reuse'
  readonly refresh_token_expiration: 'absolute' | 'sliding'
  /** 0 with a sliding expiration: no absolute end. */
  readonly absolute_refresh_token_lifetime: Seconds
  readonly sliding_refresh_token_lifetime: Seconds
  readonly refresh_token_retry_window: Seconds
  readonly update_access_token_claims_on_refresh: boolean
  readonly device_code_lifetime: Seconds
  readonly device_polling_interval: Seconds
  readonly require_consent: boolean
  /** Whether the user may let the answer be remembered. */
  readonly allow_remember_consent: boolean
  /** For how long it is; omitted: for ever. */
  readonly consent_lifetime?: Seconds
  readonly enable_local_login: boolean
  /** Second factors, where its policy differs from that of the server or tenant. */
  readonly mfa?: Partial<MfaPolicy>
  /** External providers it may use; empty: all. Local sign-in: `enable_local_login`. */
  readonly identity_provider_restrictions: readonly string[]
  /** Tenants it may name; empty: all. */
  readonly tenants: readonly string[]
  readonly claims: readonly ClientClaim[]
  readonly always_send_client_claims: boolean
  readonly client_claims_prefix: string
  readonly allowed_cors_origins: readonly string[]
  /** Set for a client that registered itself (RFC 7591). */
  readonly registered?: SelfRegistration
}

export type SelfRegistration = {
  /** Whether somebody that the operator trusts vouched for it, by an initial access token or a software statement. */
  readonly vouched: boolean
  /** Counts its updates from 1. */
  readonly version: number
  /** When what users see of it last changed; undefined: never. */
  readonly shown_since?: Seconds
}

/** Returns whether the operator configured the client, or somebody that the operator trusts vouched for it. */
export const isVouchedFor = ({ registered }: Pick<Client, 'registered'>): boolean =>
  registered?.vouched ?? true

/** A public client keeps no credential (RFC 6749 §2.1). */
export const isPublic = (client: Pick<Client, 'token_endpoint_auth_method'>): boolean =>
  client.token_endpoint_auth_method === 'none'

export type Clients = {
  /** Also finds a client that is not enabled: the caller checks. Answers at once for one that the configuration names. */
  readonly find: (clientId: string) => Awaitable<Client | undefined>
  /** Those that the configuration names. */
  readonly all: () => Iterable<Client>
}

/** Notes that tokens or a code were issued to a client: registered clients that nobody uses are deleted. Does not wait for the write. */
export type NoteUse = (client: Client) => void

/** Whether an enabled client has this origin among its `allowed_cors_origins`. */
export type IsAllowedOrigin = (origin: string) => Awaitable<boolean>
