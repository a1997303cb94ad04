/** Client metadata (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2): what a client may say, and what it is told. */

import type { Json, JsonObject } from '@tessera/protocol/result'
import type { Client } from '../core/client.ts'
import { languageOf, membersOf } from '../core/client-languages.ts'

/**
 * What a client may choose for itself, by the names of the configuration, which are those of the registries.
 * `allowed_cors_origins` is this server's own.
 */
const names = [
  'client_name',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'contacts',
  'software_id',
  'software_version',
  'application_type',
  'redirect_uris',
  'grant_types',
  'response_types',
  'scope',
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'tls_client_auth_subject_dn',
  'jwks',
  'jwks_uri',
  'id_token_signed_response_alg',
  'id_token_encrypted_response_alg',
  'id_token_encrypted_response_enc',
  'userinfo_signed_response_alg',
  'userinfo_encrypted_response_alg',
  'userinfo_encrypted_response_enc',
  'introspection_signed_response_alg',
  'introspection_encrypted_response_alg',
  'introspection_encrypted_response_enc',
  'request_uris',
  'request_object_signing_alg',
  'request_object_encryption_alg',
  'request_object_encryption_enc',
  'require_signed_request_object',
  'require_pushed_authorization_requests',
  'default_max_age',
  'default_acr_values',
  'require_auth_time',
  'post_logout_redirect_uris',
  'frontchannel_logout_uri',
  'frontchannel_logout_session_required',
  'backchannel_logout_uri',
  'backchannel_logout_session_required',
  'subject_type',
  'sector_identifier_uri',
  'initiate_login_uri',
  'allowed_cors_origins',
] as const satisfies readonly (keyof Client)[]

/** What is understood of it; the rest is ignored (RFC 7591 §2). Null stands for nothing (RFC 7592 §2.2). */
export const understood = (metadata: JsonObject): JsonObject =>
  Object.fromEntries(
    [...names, ...Object.keys(metadata).filter(languageOf)].flatMap(name => {
      const value = metadata[name]
      return value === undefined || value === null ? [] : [[name, value] as const]
    }),
  )

/** What a client is told that it registered (RFC 7591 §3.2.1). */
export const metadataOf = (client: Client): JsonObject => ({
  ...Object.fromEntries(
    names.flatMap(name => {
      const value = client[name]
      return value === undefined ? [] : [[name, jsonOf(name, value)] as const]
    }),
  ),
  ...membersOf(client.localized),
})

function jsonOf(name: (typeof names)[number], value: unknown): Json {
  if (!(value instanceof Set)) return value as Json
  return name === 'scope' ? [...value].join(' ') : [...value]
}
