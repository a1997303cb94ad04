/** Client metadata (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2). */

import type { Json, JsonObject } from '@tessera/protocol/result'
import type { Client } from '../../model/client.ts'
import { describingNames, languageOf, membersOf } from '../../model/client-languages.ts'
import { destinationsOf } from '../../model/redirect.ts'

/**
 * How unacceptable values are handled (RFC 7591 §3.2.1). `reduce`: a permission. The allowed part is registered; if
 * nothing is left, it is refused or gets its default. `drop`: a value that the client does not need. The value or list
 * entry is dropped. `refuse`: a value that the client or its security relies on. The registration is refused.
 */
export type Treatment = 'reduce' | 'drop' | 'refuse'

/**
 * The members that clients may register, by configuration key. The keys equal the registered names, except for
 * `allowed_cors_origins`.
 */
export const treatments = {
  client_name: 'drop',
  client_uri: 'drop',
  logo_uri: 'drop',
  policy_uri: 'drop',
  tos_uri: 'drop',
  contacts: 'drop',
  software_id: 'drop',
  software_version: 'drop',
  application_type: 'drop',
  redirect_uris: 'reduce',
  grant_types: 'reduce',
  response_types: 'reduce',
  scope: 'reduce',
  token_endpoint_auth_method: 'refuse',
  token_endpoint_auth_signing_alg: 'refuse',
  tls_client_auth_subject_dn: 'refuse',
  tls_client_certificate_bound_access_tokens: 'refuse',
  dpop_bound_access_tokens: 'refuse',
  jwks: 'refuse',
  jwks_uri: 'refuse',
  id_token_signed_response_alg: 'refuse',
  id_token_encrypted_response_alg: 'refuse',
  id_token_encrypted_response_enc: 'refuse',
  userinfo_signed_response_alg: 'refuse',
  userinfo_encrypted_response_alg: 'refuse',
  userinfo_encrypted_response_enc: 'refuse',
  introspection_signed_response_alg: 'refuse',
  introspection_encrypted_response_alg: 'refuse',
  introspection_encrypted_response_enc: 'refuse',
  authorization_signed_response_alg: 'refuse',
  authorization_encrypted_response_alg: 'refuse',
  authorization_encrypted_response_enc: 'refuse',
  require_signed_authorization_response: 'refuse',
  request_uris: 'drop',
  request_object_signing_alg: 'refuse',
  request_object_encryption_alg: 'refuse',
  request_object_encryption_enc: 'refuse',
  require_signed_request_object: 'refuse',
  require_pushed_authorization_requests: 'refuse',
  default_max_age: 'refuse',
  default_acr_values: 'refuse',
  require_auth_time: 'refuse',
  post_logout_redirect_uris: 'drop',
  frontchannel_logout_uri: 'refuse',
  frontchannel_logout_session_required: 'refuse',
  backchannel_logout_uri: 'refuse',
  backchannel_logout_session_required: 'refuse',
  subject_type: 'refuse',
  sector_identifier_uri: 'refuse',
  // OpenID Connect Core 1.0 §4: must be https, because logins start there.
  initiate_login_uri: 'refuse',
  allowed_cors_origins: 'drop',
} as const satisfies Readonly<Partial<Record<keyof Client, Treatment>>>

export type MemberName = keyof typeof treatments
const names = Object.keys(treatments) as readonly MemberName[]

/** Returns the treatment of a member in any language; undefined if it is unknown. */
export const treatmentOf = (member: string): Treatment | undefined => {
  const name = member.split('#', 1)[0] ?? ''
  return Object.hasOwn(treatments, name) ? treatments[name as MemberName] : undefined
}

/**
 * Standard members that make a client more secure and that this server doesn't support. Ignoring them would weaken the
 * client (RFC 8705 §2.1.2, CIBA §4).
 */
export const unfulfilled = [
  'tls_client_auth_san_dns',
  'tls_client_auth_san_uri',
  'tls_client_auth_san_ip',
  'tls_client_auth_san_email',
  'backchannel_authentication_request_signing_alg',
] as const

/** Returns the first of {@link unfulfilled} that the client sets; undefined if there is none. */
export const unfulfilledIn = (metadata: JsonObject): string | undefined =>
  unfulfilled.find(name => {
    const value = metadata[name]
    return !isEmpty(value) && value !== false
  })

/**
 * Returns the supported members and ignores others (RFC 7591 §2). Null means omitted (RFC 7592 §2.2). So do empty
 * strings, lists and key sets, because many libraries send every member that they know.
 */
export const understood = (metadata: JsonObject): JsonObject =>
  Object.fromEntries(
    [...names, ...Object.keys(metadata).filter(languageOf)].flatMap(name => {
      const value = metadata[name]
      const said = Array.isArray(value) ? value.filter(entry => !isEmpty(entry)) : value
      // An empty list of origins is meaningful.
      const isOmitted = name === 'allowed_cors_origins' ? said === null : isEmpty(said)
      return said === undefined || isOmitted ? [] : [[name, said] as const]
    }),
  )

/**
 * Returns whether the value counts as omitted.
 * @param levels how deeply to inspect objects, because strangers can send deeply nested JSON. A key set without keys
 * needs one level.
 */
export function isEmpty(value: Json | undefined, levels = 2): boolean {
  if (value === undefined || value === null) return true
  if (typeof value === 'string') return !visible.test(value)
  if (Array.isArray(value)) return value.length === 0
  return (
    typeof value === 'object' && levels > 0 && Object.values(value).every(entry => isEmpty(entry, levels - 1))
  )
}

/** A character that people see. A name without one would leave its place on the consent page empty. */
const visible = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/u

/** Returns the registered metadata for the response (RFC 7591 §3.2.1). */
export const metadataOf = (client: Client): JsonObject => ({
  ...Object.fromEntries(
    names.flatMap(name => {
      const value = client[name]
      return value === undefined ? [] : [[name, jsonOf(name, value)] as const]
    }),
  ),
  ...membersOf(client.localized),
})

function jsonOf(name: MemberName, value: unknown): Json {
  if (!(value instanceof Set)) return value as Json
  return name === 'scope' ? [...value].join(' ') : [...value]
}

/** Returns whether users see the same names, logos and hosts before and after an update. */
export const isDisplayedAlike = (before: JsonObject, after: JsonObject): boolean =>
  JSON.stringify(displayedMembers(before)) === JSON.stringify(displayedMembers(after))

const displayedMembers = (metadata: JsonObject) => [
  Object.entries(metadata)
    .filter(([name]) => described.has(name.split('#', 1)[0] ?? ''))
    .sort(([one], [other]) => (one < other ? -1 : 1)),
  destinationsOf(textsOf(metadata.redirect_uris)),
]

const described: ReadonlySet<string> = new Set(describingNames)

const textsOf = (uris: unknown): readonly string[] => (Array.isArray(uris) ? uris.map(String) : [])
