/** Authorization server metadata (RFC 8414 §2, OpenID Connect Discovery 1.0 §3). */

export type ServerMetadata = {
  readonly issuer: string
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly userinfo_endpoint: string
  readonly jwks_uri: string
  /** OpenID Connect RP-Initiated Logout 1.0 §2.1. */
  readonly end_session_endpoint: string
  /** OpenID Connect Session Management 1.0 §3.3. */
  readonly check_session_iframe: string
  readonly introspection_endpoint: string
  readonly revocation_endpoint: string
  readonly device_authorization_endpoint: string
  readonly registration_endpoint?: string
  /** draft-ietf-oauth-client-id-metadata-document §6. */
  readonly client_id_metadata_document_supported?: boolean
  /** Languages of the pages (BCP 47). */
  readonly ui_locales_supported?: readonly string[]
  readonly op_policy_uri?: string
  readonly op_tos_uri?: string
  readonly scopes_supported: readonly string[]
  readonly claims_supported: readonly string[]
  readonly response_types_supported: readonly string[]
  readonly response_modes_supported: readonly string[]
  readonly grant_types_supported: readonly string[]
  readonly prompt_values_supported: readonly string[]
  readonly acr_values_supported: readonly string[]
  readonly subject_types_supported: readonly string[]
  readonly display_values_supported: readonly string[]
  readonly claim_types_supported: readonly string[]
  readonly id_token_signing_alg_values_supported: readonly string[]
  readonly token_endpoint_auth_methods_supported: readonly string[]
  /** Like the two similar members below, required if `private_key_jwt` is supported (RFC 8414 §2). */
  readonly token_endpoint_auth_signing_alg_values_supported?: readonly string[]
  readonly introspection_endpoint_auth_methods_supported: readonly string[]
  readonly introspection_endpoint_auth_signing_alg_values_supported?: readonly string[]
  /** RFC 9701 §7. */
  readonly introspection_signing_alg_values_supported: readonly string[]
  readonly revocation_endpoint_auth_methods_supported: readonly string[]
  readonly revocation_endpoint_auth_signing_alg_values_supported?: readonly string[]
  readonly code_challenge_methods_supported: readonly string[]
  /** RFC 9207 §3. */
  readonly authorization_response_iss_parameter_supported: boolean
  /** OpenID Connect Front-Channel Logout 1.0 §3. */
  readonly frontchannel_logout_supported: boolean
  readonly frontchannel_logout_session_supported: boolean
  /** OpenID Connect Back-Channel Logout 1.0 §2.1. */
  readonly backchannel_logout_supported: boolean
  readonly backchannel_logout_session_supported: boolean
  readonly claims_parameter_supported: boolean
  readonly request_parameter_supported: boolean
  readonly request_uri_parameter_supported: boolean
  readonly require_request_uri_registration: boolean
  readonly request_object_encryption_alg_values_supported: readonly string[]
  readonly request_object_encryption_enc_values_supported: readonly string[]
  readonly userinfo_signing_alg_values_supported: readonly string[]
  readonly id_token_encryption_alg_values_supported: readonly string[]
  readonly id_token_encryption_enc_values_supported: readonly string[]
  readonly userinfo_encryption_alg_values_supported: readonly string[]
  readonly userinfo_encryption_enc_values_supported: readonly string[]
  readonly introspection_encryption_alg_values_supported: readonly string[]
  readonly introspection_encryption_enc_values_supported: readonly string[]
  /** JARM §4. */
  readonly authorization_signing_alg_values_supported: readonly string[]
  readonly authorization_encryption_alg_values_supported: readonly string[]
  readonly authorization_encryption_enc_values_supported: readonly string[]
  readonly request_object_signing_alg_values_supported: readonly string[]
  /** RFC 9101 §10.5. */
  readonly require_signed_request_object: boolean
  /** RFC 9126 §5. */
  readonly pushed_authorization_request_endpoint: string
  readonly require_pushed_authorization_requests: boolean
  /** draft-ietf-oauth-refresh-token-expiration-03 §8. */
  readonly refresh_token_expiration_types_supported?: readonly string[]
  /** RFC 9449 §5.1. */
  readonly dpop_signing_alg_values_supported?: readonly string[] | undefined
  /** RFC 8705 §3.3. */
  readonly tls_client_certificate_bound_access_tokens?: boolean
  /** RFC 8705 §5. */
  readonly mtls_endpoint_aliases?: Readonly<Record<string, string>>
}
