/** A client. Fields have the names of RFC 7591 §2, or else IdentityServer's in snake_case. */

import type { Seconds } from '@tessera/protocol/brand'
import type { ClientAuthenticationMethod } from '@tessera/protocol/client-authentication'
import type { Json } from '@tessera/protocol/result'
import { type SignatureAlgorithm, signatureAlgorithmNames } from '@tessera/protocol/signature-algorithms'
import type { Awaitable } from '../runtime/ports.ts'
import type { ClaimRule } from './claim-rule.ts'
import type { DocumentOrigin } from './client-document.ts'
import type { Localized } from './client-languages.ts'
import type { Color } from './color.ts'
import type { MfaPolicy } from './mfa.ts'
import type { SecurityProfile } from './security-profile.ts'
import type { WorkloadIdentity } from './workload-identity.ts'

/** A shared secret in its stored form. */
export type Secret = (
  | { readonly kind: 'sha256' | 'sha512'; readonly hash: Uint8Array }
  | { readonly kind: 'argon2id'; readonly encoded: string }
) & { readonly expires_at?: Seconds }

/**
 * JWS algorithms that this server can sign and verify with. Only asymmetric ones, so that a public key is never used as
 * a shared secret (RFC 8725 §3.1). Each issuer allows some of them: `signature_algorithms`.
 */
export const signingAlgorithms = signatureAlgorithmNames
export type SigningAlgorithm = SignatureAlgorithm

/** A JWK Set (RFC 7517 §5) of public keys. */
export type JwkSet = { readonly keys: readonly Readonly<Record<string, unknown>>[] }

/** Key management algorithms of JWEs (RFC 7518 §4.1), except those that need a shared secret. */
export const keyEncryptionAlgorithms = [
  'RSA-OAEP',
  'RSA-OAEP-256',
  'ECDH-ES',
  'ECDH-ES+A128KW',
  'ECDH-ES+A192KW',
  'ECDH-ES+A256KW',
] as const
export type KeyEncryption = (typeof keyEncryptionAlgorithms)[number]

/** Content encryption algorithms of JWEs (RFC 7518 §5.1). */
export const contentEncryptionAlgorithms = [
  'A128CBC-HS256',
  'A192CBC-HS384',
  'A256CBC-HS512',
  'A128GCM',
  'A192GCM',
  'A256GCM',
] as const
export type ContentEncryption = (typeof contentEncryptionAlgorithms)[number]

/** Requirements for client assertions (RFC 7523 §3). */
export type ClientAssertionPolicy = {
  /** `any`: the issuer or the URL of an endpoint; `issuer`: the issuer alone, as one string. */
  readonly audience: 'any' | 'issuer'
  /** How far in the future `exp` may be. The `jti` is remembered until then. */
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
  /** These texts in other languages. */
  readonly localized?: Localized
  readonly contacts?: readonly string[]
  /** The accent color of sign-in pages for this client. */
  readonly accent_color?: Color
  readonly software_id?: string
  readonly software_version?: string
  /** Restricts its redirect URIs (OpenID Connect Dynamic Client Registration 1.0 §2). Omitted: no restriction. */
  readonly application_type?: 'web' | 'native'
  readonly enabled: boolean
  readonly client_secrets: readonly Secret[]
  /** Requirements for it: its own, or those of its issuer. Omitted: none. */
  readonly security_profile?: SecurityProfile
  /** Omitted: `client_secret_basic` and `client_secret_post` are both accepted. */
  readonly token_endpoint_auth_method?: ClientAuthenticationMethod
  /** Its public keys (RFC 7591 §2), with certificates (`x5c`) for `self_signed_tls_client_auth`. */
  readonly jwks?: JwkSet
  /** The URL of its public keys, instead of `jwks`. */
  readonly jwks_uri?: string
  /** Tokens of other issuers that authenticate it with `private_key_jwt`. */
  readonly workload_identities: readonly WorkloadIdentity[]
  readonly tls_client_auth_subject_dn?: string
  /** Whether access tokens are bound to the certificate of the connection, with any authentication method (RFC 8705 §3.4). */
  readonly tls_client_certificate_bound_access_tokens: boolean
  /** Whether token requests must have a DPoP proof, to whose key access tokens are bound (RFC 9449 §5.2). */
  readonly dpop_bound_access_tokens: boolean
  /** The required algorithm of client assertions. Omitted: any supported one. */
  readonly token_endpoint_auth_signing_alg?: string
  /** Overrides the server's policy for client assertions. */
  readonly client_assertion_audience?: ClientAssertionPolicy['audience']
  readonly client_assertion_max_lifetime?: Seconds
  /** URLs of request objects, compared byte for byte (OpenID Connect Core 1.0 §6.2). */
  readonly request_uris: readonly string[]
  /** Maximum lifetime of its request objects, if shorter than the server's. */
  readonly request_object_max_lifetime?: Seconds
  /** The required signature of request objects; `none`: unsigned. Omitted: any asymmetric algorithm, or unsigned. */
  readonly request_object_signing_alg?: string
  /** Has no effect: request objects may be encrypted with any supported algorithm, or not. */
  readonly request_object_encryption_alg?: string
  readonly request_object_encryption_enc?: string
  /** RFC 9101 §10.5. */
  readonly require_signed_request_object: boolean
  /** RFC 9126 §6. */
  readonly require_pushed_authorization_requests: boolean
  /** `max_age` and `acr_values` of requests without them (OpenID Connect Dynamic Client Registration 1.0 §2). */
  readonly default_max_age?: Seconds
  readonly default_acr_values: readonly string[]
  /** Has no effect: every ID token contains `auth_time`. */
  readonly require_auth_time: boolean
  readonly grant_types: ReadonlySet<string>
  readonly response_types: readonly string[]
  readonly redirect_uris: readonly string[]
  readonly post_logout_redirect_uris: readonly string[]
  /** Loaded in a hidden frame when one of its sessions ends (OpenID Connect Front-Channel Logout 1.0 §2). */
  readonly frontchannel_logout_uri?: string
  /** Has no effect: `iss` and `sid` are always sent. */
  readonly frontchannel_logout_session_required: boolean
  /** Receives a logout token by POST when one of its sessions ends (OpenID Connect Back-Channel Logout 1.0 §2.2). */
  readonly backchannel_logout_uri?: string
  /** Has no effect: logout tokens always contain `sid`. */
  readonly backchannel_logout_session_required: boolean
  /** The scopes that it may request. */
  readonly scope: ReadonlySet<string>
  /** Selects what happens to unknown scopes in authorization requests. Omitted: the server's setting. */
  readonly unknown_scopes?: UnknownScopes
  readonly require_pkce: boolean
  readonly allow_plain_pkce: boolean
  readonly access_token_type: 'jwt' | 'reference'
  readonly access_token_lifetime: Seconds
  readonly identity_token_lifetime: Seconds
  readonly id_token_signed_response_alg: SigningAlgorithm
  /** Omitted: not encrypted. The same applies to the other `…_encrypted_response_alg`. */
  readonly id_token_encrypted_response_alg?: KeyEncryption
  readonly id_token_encrypted_response_enc: ContentEncryption
  /** Omitted: plain JSON. */
  readonly userinfo_signed_response_alg?: SigningAlgorithm
  readonly userinfo_encrypted_response_alg?: KeyEncryption
  readonly userinfo_encrypted_response_enc: ContentEncryption
  /** For JWT introspection responses (RFC 9701 §6). Omitted: the algorithm of its ID tokens. */
  readonly introspection_signed_response_alg?: SigningAlgorithm
  readonly introspection_encrypted_response_alg?: KeyEncryption
  readonly introspection_encrypted_response_enc: ContentEncryption
  /** For authorization responses in a JWT (JARM §3). Omitted: RS256. */
  readonly authorization_signed_response_alg?: SigningAlgorithm
  readonly authorization_encrypted_response_alg?: KeyEncryption
  readonly authorization_encrypted_response_enc: ContentEncryption
  /** Whether every authorization response must be a JWT. */
  readonly require_signed_authorization_response: boolean
  /** Whether ID tokens contain the claims of the scope even if the UserInfo endpoint returns them. */
  readonly always_include_user_claims_in_id_token: boolean
  /** `pairwise`: only clients of its sector get the same `sub` for a user (OpenID Connect Core 1.0 §8). */
  readonly subject_type: 'public' | 'pairwise'
  /** Its host is the sector. Omitted: the host of the redirect URIs. */
  readonly sector_identifier_uri?: string
  /** The URL at which a third party starts a sign-in at this client (§4). */
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
  /** Whether users can choose to have their consent remembered. */
  readonly allow_remember_consent: boolean
  /** How long consent is remembered. Omitted: indefinitely. */
  readonly consent_lifetime?: Seconds
  readonly enable_local_login: boolean
  /** Overrides the policy for second factors of the server or tenant. */
  readonly mfa?: Partial<MfaPolicy>
  /** External providers that it may use; empty: all. Local sign-in: `enable_local_login`. */
  readonly identity_provider_restrictions: readonly string[]
  /** Tenants that it may use; empty: all. */
  readonly tenants: readonly string[]
  readonly claims: readonly ClientClaim[]
  readonly always_send_client_claims: boolean
  readonly client_claims_prefix: string
  /** Rules that replace those of scopes and APIs for a claim of the same name. */
  readonly user_claims: readonly ClaimRule[]
  readonly allowed_cors_origins: readonly string[]
  /** Set for a client that registered itself (RFC 7591), or that publishes its metadata. */
  readonly registered?: SelfRegistration
}

export type SelfRegistration = {
  /**
   * Whether it registered with an initial access token, or with a software statement that contains every member that
   * decides who gets tokens or what users see, or has a host that the operator allowed.
   */
  readonly trusted: boolean
  /** A number that changes with each version. */
  readonly version: number
  /** Set if its metadata is a document at its `client_id`. */
  readonly document?: DocumentOrigin
  /** Set if its `client_id` is its sealed metadata. */
  readonly sealed?: true
  /** When its user-visible metadata last changed; undefined: never. */
  readonly shown_since?: Seconds
}

/** Returns whether the client is configured, or registered with a credential of a trusted party. */
export const isTrusted = ({ registered }: Pick<Client, 'registered'>): boolean => registered?.trusted ?? true

/** Returns whether the client is public: it has no credentials (RFC 6749 §2.1). */
export const isPublic = (client: Pick<Client, 'token_endpoint_auth_method'>): boolean =>
  client.token_endpoint_auth_method === 'none'

/**
 * Where a client may come from: `at_hand`: not from a request to another server; `if_reachable`: also from a request,
 * but as it was last seen if that fails.
 */
export type ClientSource = 'at_hand' | 'if_reachable'

export type Clients = {
  /**
   * Returns disabled clients too; the caller must check. Synchronous for configured clients.
   * @param source for callers that need not know the client. Omitted: rejects if the client can't be fetched now.
   */
  readonly find: (clientId: string, source?: ClientSource) => Awaitable<Client | undefined>
  /** Returns the configured clients. */
  readonly all: () => Iterable<Client>
}

/**
 * Records that tokens or a code were issued to a client, because unused registered clients are deleted. Does not wait for
 * the write.
 * @param sub the user that they are for; undefined: the client itself.
 */
export type NoteUse = (client: Client, sub: string | undefined) => void

/** Returns whether an enabled client has this origin among its `allowed_cors_origins`. */
export type IsAllowedOrigin = (origin: string) => Awaitable<boolean>
