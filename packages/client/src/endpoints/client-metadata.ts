/** Metadata of a registered client (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2). */

import type { Seconds } from '@tessera/protocol/brand'
import type { ClientAuthenticationMethod } from '@tessera/protocol/client-authentication'
import type { JsonObject } from '@tessera/protocol/result'

export type ClientMetadata = {
  readonly redirect_uris?: readonly string[] | undefined
  readonly token_endpoint_auth_method?: ClientAuthenticationMethod | (string & {}) | undefined
  readonly token_endpoint_auth_signing_alg?: string | undefined
  readonly grant_types?: readonly string[] | undefined
  readonly response_types?: readonly string[] | undefined
  readonly application_type?: 'web' | 'native' | (string & {}) | undefined
  readonly client_name?: string | undefined
  readonly client_uri?: string | undefined
  readonly logo_uri?: string | undefined
  readonly scope?: string | undefined
  readonly contacts?: readonly string[] | undefined
  readonly tos_uri?: string | undefined
  readonly policy_uri?: string | undefined
  readonly jwks_uri?: string | undefined
  readonly jwks?: { readonly keys: readonly JsonObject[] } | undefined
  readonly software_id?: string | undefined
  readonly software_version?: string | undefined
  /** A JWT with metadata that a third party signed (RFC 7591 §2.3). */
  readonly software_statement?: string | undefined
  readonly sector_identifier_uri?: string | undefined
  readonly subject_type?: 'public' | 'pairwise' | undefined
  readonly id_token_signed_response_alg?: string | undefined
  readonly userinfo_signed_response_alg?: string | undefined
  readonly introspection_signed_response_alg?: string | undefined
  readonly request_object_signing_alg?: string | undefined
  readonly request_object_encryption_alg?: string | undefined
  readonly request_object_encryption_enc?: string | undefined
  readonly authorization_signed_response_alg?: string | undefined
  readonly authorization_encrypted_response_alg?: string | undefined
  readonly authorization_encrypted_response_enc?: string | undefined
  readonly default_max_age?: Seconds | undefined
  readonly require_auth_time?: boolean | undefined
  readonly default_acr_values?: readonly string[] | undefined
  readonly initiate_login_uri?: string | undefined
  readonly request_uris?: readonly string[] | undefined
  readonly post_logout_redirect_uris?: readonly string[] | undefined
  readonly frontchannel_logout_uri?: string | undefined
  readonly frontchannel_logout_session_required?: boolean | undefined
  readonly backchannel_logout_uri?: string | undefined
  readonly backchannel_logout_session_required?: boolean | undefined
  readonly require_pushed_authorization_requests?: boolean | undefined
  readonly require_signed_request_object?: boolean | undefined
  readonly tls_client_auth_subject_dn?: string | undefined
  readonly tls_client_auth_san_dns?: string | undefined
  readonly tls_client_certificate_bound_access_tokens?: boolean | undefined
}

/** A registered client (RFC 7591 §3.2.1). Store it as a secret. */
export type ClientInformation = {
  readonly client_id: string
  readonly client_secret?: string
  readonly client_id_issued_at?: Seconds
  /** 0 if the secret does not expire. */
  readonly client_secret_expires_at?: Seconds
  /** The token and the URL that manage the registration (RFC 7592 §3), if the server offers that. */
  readonly registration_access_token?: string
  readonly registration_client_uri?: string
  /** The metadata that the server registered, as received. */
  readonly metadata: ClientMetadata
  /** All members of the response, as received. */
  readonly members: JsonObject
}
