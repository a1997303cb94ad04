/** Metadata of a registered client (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2). */

import type { Seconds } from '@tessera/protocol/brand'
import type { ClientAuthenticationMethod } from '@tessera/protocol/client-authentication'
import type { JsonObject } from '@tessera/protocol/result'

export type ClientMetadata = {
  readonly redirect_uris?: readonly string[]
  readonly token_endpoint_auth_method?: ClientAuthenticationMethod | (string & {})
  readonly token_endpoint_auth_signing_alg?: string
  readonly grant_types?: readonly string[]
  readonly response_types?: readonly string[]
  readonly application_type?: 'web' | 'native' | (string & {})
  readonly client_name?: string
  readonly client_uri?: string
  readonly logo_uri?: string
  readonly scope?: string
  readonly contacts?: readonly string[]
  readonly tos_uri?: string
  readonly policy_uri?: string
  readonly jwks_uri?: string
  readonly jwks?: { readonly keys: readonly JsonObject[] }
  readonly software_id?: string
  readonly software_version?: string
  /** A JWT with metadata that a third party signed (RFC 7591 §2.3). */
  readonly software_statement?: string
  readonly sector_identifier_uri?: string
  readonly subject_type?: 'public' | 'pairwise'
  readonly id_token_signed_response_alg?: string
  readonly userinfo_signed_response_alg?: string
  readonly introspection_signed_response_alg?: string
  readonly request_object_signing_alg?: string
  readonly default_max_age?: Seconds
  readonly require_auth_time?: boolean
  readonly default_acr_values?: readonly string[]
  readonly initiate_login_uri?: string
  readonly request_uris?: readonly string[]
  readonly post_logout_redirect_uris?: readonly string[]
  readonly frontchannel_logout_uri?: string
  readonly frontchannel_logout_session_required?: boolean
  readonly backchannel_logout_uri?: string
  readonly backchannel_logout_session_required?: boolean
  readonly require_pushed_authorization_requests?: boolean
  readonly require_signed_request_object?: boolean
  readonly tls_client_auth_subject_dn?: string
  readonly tls_client_auth_san_dns?: string
  readonly tls_client_certificate_bound_access_tokens?: boolean
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
