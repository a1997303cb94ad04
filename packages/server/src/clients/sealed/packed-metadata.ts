/** Client metadata, compressed so that it fits in a `client_id`. All of it comes from the client, so its length reveals nothing. */

import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { parseJsonObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'

/** The longest JSON that is packed, in bytes. Limits what an id takes when it is opened. */
const maxBytes = 4096

/**
 * Text that most registrations contain, in the order of the members. It is part of the format `sealed1.`: ids can't be
 * opened with a different dictionary.
 */
const dictionary = Buffer.from(
  [
    '{"client_name":"Visual Studio Code MCP Inspector Claude Code Cursor ","client_uri":"https://www.","logo_uri":"https://',
    '","policy_uri":"https://","tos_uri":"https://","contacts":["support@"],"software_id":"","software_version":"1.0.0",',
    '"application_type":"native","redirect_uris":["https://app.example.com/oauth/callback","http://127.0.0.1:33418/",',
    '"http://localhost:8080/oauth/callback","cursor://anysphere.cursor-mcp/oauth/callback","vscode://"],',
    '"application_type":"web","redirect_uris":["http://localhost:',
    '/callback"],"grant_types":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"],',
    '"response_types":["code"],"scope":"openid profile email address phone offline_access mcp:read mcp:write",',
    '"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"ES256",',
    '"jwks":{"keys":[{"kty":"RSA","n":"","e":"AQAB","use":"sig","alg":"RS256","kid":"',
    '"kty":"OKP","crv":"Ed25519","kty":"EC","crv":"P-256","x":"","y":"","use":"sig","alg":"ES256","kid":"1"}]},',
    '"token_endpoint_auth_method":"none","tls_client_certificate_bound_access_tokens":false,',
    '"dpop_bound_access_tokens":true,"dpop_bound_access_tokens":false,"id_token_signed_response_alg":"ES256",',
    '"id_token_signed_response_alg":"RS256","id_token_encrypted_response_enc":"A128CBC-HS256",',
    '"userinfo_encrypted_response_enc":"A128CBC-HS256","introspection_encrypted_response_enc":"A128CBC-HS256",',
    '"authorization_encrypted_response_enc":"A128CBC-HS256","require_signed_authorization_response":false,',
    '"request_uris":[],"require_signed_request_object":false,"require_pushed_authorization_requests":false,',
    '"default_acr_values":[],"require_auth_time":false,"post_logout_redirect_uris":[],',
    '"frontchannel_logout_session_required":false,"backchannel_logout_session_required":false,',
    '"subject_type":"public","allowed_cors_origins":["http://localhost:',
  ].join(''),
)

/** Returns undefined for metadata of more than 4096 bytes of JSON. */
export function packMetadata(metadata: JsonObject): Buffer | undefined {
  const json = Buffer.from(JSON.stringify(metadata))
  return json.length > maxBytes ? undefined : deflateRawSync(json, { level: 9, dictionary })
}

/** Returns undefined for bytes that {@link packMetadata} did not write. */
export function unpackMetadata(bytes: Uint8Array): JsonObject | undefined {
  try {
    return parseJsonObject(inflateRawSync(bytes, { maxOutputLength: maxBytes, dictionary }).toString())
  } catch {
    return undefined
  }
}
