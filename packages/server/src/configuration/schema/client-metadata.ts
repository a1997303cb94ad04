/** Metadata of a client: its description, keys, requests and responses (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2). */

import {
  contentEncryptionAlgorithms,
  keyEncryptionAlgorithms,
  signingAlgorithms,
} from '../../model/client.ts'
import { requestEncryptionAlgorithms } from '../../model/keys.ts'
import * as s from '../validation/kinds.ts'
import { jwksSchema } from './credentials.ts'
import { day, exactWebUri, name, seconds, text, webUrl, year } from './values.ts'

export const describingFields = {
  client_name: text()
    // Characters that change text direction are not allowed either.
    .regex(/^[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*$/, 'text without control characters')
    .optional()
    .describe('Display name.'),
  client_uri: webUrl().optional().describe('Home page.'),
  logo_uri: webUrl().optional().describe('Logo.'),
  policy_uri: webUrl().optional().describe('Privacy policy.'),
  tos_uri: webUrl().optional().describe('Terms of service.'),
  contacts: s.array(text()).max(20).optional().describe('Contacts, such as email addresses.'),
  software_id: text().optional().describe('Identifier of the software, the same for every installation.'),
  software_version: text().optional().describe('Version of the software.'),
  application_type: s
    .enum(['web', 'native'])
    .optional()
    .describe(
      'web: redirect_uris are web addresses (https only with the implicit grant); native: an application on a device.',
    ),
} as const

/** A URL that the server fetches: https, or http if `outbound` allows it. */
const fetchedUrl = (fragment = false) =>
  s
    .string()
    .max(2000)
    .refine(value => isFetchable(value, fragment), {
      problem: 'it is not a URL that can be fetched',
      expected: 'an absolute https URL without credentials and fragment',
      fix: 'write the full URL, starting with https://',
    })

function isFetchable(value: string, fragment: boolean): boolean {
  const url = URL.parse(value)
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return false
  return url.username === '' && url.password === '' && (fragment || url.hash === '')
}

export const keysFields = {
  jwks: jwksSchema
    .optional()
    .describe('Public keys for signatures (private_key_jwt, request objects) and certificates.'),
  jwks_uri: fetchedUrl()
    .optional()
    .describe('URL of the public keys, instead of jwks: https, or http if outbound allows it.'),
} as const

/** FAPI 2.0 Message Signing §5.3.1: both claims are required and limit the lifetime of a request. */
export const requestObjectMaxLifetime = () =>
  seconds(60, day)
    .optional()
    .describe(
      'Requires nbf and exp in request objects, and limits the age of nbf and the time between nbf and exp, in seconds. The smaller value of server and client applies.',
    )

export const requestFields = {
  request_uris: s
    .array(fetchedUrl(true))
    .max(50)
    .default([])
    .describe('URLs of request objects, compared byte for byte (RFC 9101 §5.2).'),
  request_object_signing_alg: s
    .enum([...signingAlgorithms, 'none'])
    .optional()
    .describe(
      'Required signature of request objects; none: unsigned. Omitted: any asymmetric algorithm, or unsigned.',
    ),
  request_object_encryption_alg: s
    .enum(requestEncryptionAlgorithms)
    .optional()
    .describe(
      'Encryption that the client may use for request objects. Has no effect: it may use another, or leave them unencrypted.',
    ),
  request_object_encryption_enc: s
    .enum(contentEncryptionAlgorithms)
    .optional()
    .describe('Content encryption that the client may use for request objects. Has no effect either.'),
  request_object_max_lifetime: requestObjectMaxLifetime(),
  require_signed_request_object: s
    .boolean()
    .default(false)
    .describe('Every authorization request must be a signed request object (RFC 9101 §10.5).'),
  require_pushed_authorization_requests: s
    .boolean()
    .default(false)
    .describe('Every authorization request must be pushed (RFC 9126 §6).'),
  default_max_age: seconds(0, 10 * year)
    .optional()
    .describe('max_age, in seconds, of requests without one.'),
  default_acr_values: s.array(name()).max(20).default([]).describe('acr_values of requests without them.'),
  require_auth_time: s
    .boolean()
    .default(false)
    .describe('ID tokens must contain auth_time. All ID tokens of this server do.'),
} as const

const alg = (what: string) =>
  s
    .enum(keyEncryptionAlgorithms)
    .optional()
    .describe(`Encryption of ${what} for a key of the client. Omitted: not encrypted.`)
const enc = (what: string) =>
  s
    .enum(contentEncryptionAlgorithms)
    .default('A128CBC-HS256')
    .describe(`Content encryption algorithm of ${what}.`)

export const responseFields = {
  id_token_encrypted_response_alg: alg('ID tokens'),
  id_token_encrypted_response_enc: enc('ID tokens'),
  userinfo_signed_response_alg: s
    .enum(signingAlgorithms)
    .optional()
    .describe('Signing algorithm of UserInfo responses. Omitted: plain JSON.'),
  userinfo_encrypted_response_alg: alg('UserInfo responses'),
  userinfo_encrypted_response_enc: enc('UserInfo responses'),
  introspection_signed_response_alg: s
    .enum(signingAlgorithms)
    .optional()
    .describe('Signing algorithm of JWT introspection responses. Omitted: as ID tokens.'),
  introspection_encrypted_response_alg: alg('JWT introspection responses'),
  introspection_encrypted_response_enc: enc('JWT introspection responses'),
  authorization_signed_response_alg: s
    .enum(signingAlgorithms)
    .optional()
    .describe(
      'Signing algorithm of authorization responses in a JWT (JARM). Omitted: RS256, or the first of signature_algorithms if they lack it.',
    ),
  authorization_encrypted_response_alg: alg('authorization responses in a JWT'),
  authorization_encrypted_response_enc: enc('authorization responses in a JWT'),
  require_signed_authorization_response: s
    .boolean()
    .default(false)
    .describe('Every authorization request must ask for a response in a JWT (JARM).'),
} as const

/** Core §4, Dynamic Client Registration 1.0 §2: https, or http for development. */
const secureUrl = () => exactWebUri('write the full URL, such as https://app.example/start')

export const signInFields = {
  always_include_user_claims_in_id_token: s
    .boolean()
    .default(false)
    .describe(
      'ID tokens contain the claims of the scope even if UserInfo returns them: for clients that read only the ID token.',
    ),
  subject_type: s
    .enum(['public', 'pairwise'])
    .default('public')
    .describe('pairwise: clients of different sectors get a different sub for the same user.'),
  sector_identifier_uri: secureUrl()
    .optional()
    .describe('Its host is the sector (pairwise). Omitted: the host of the redirect URIs.'),
  initiate_login_uri: secureUrl()
    .optional()
    .describe('URL at the client that starts a sign-in. The account pages link to it.'),
  initiate_login_target_link_uri: secureUrl()
    .optional()
    .describe('target_link_uri of that link: the page to show after the sign-in.'),
} as const

const audience = () => s.enum(['any', 'issuer'])

/** 65 minutes: libraries sign assertions for an hour, and clocks differ. */
const defaultMaxLifetime = 3900

const maxLifetime = () => seconds(60, day)

export const serverAssertionsFields = {
  client_assertion_audience: audience()
    .default('any')
    .describe(
      'Accepted audiences of client assertions. any: the issuer or the URL of the endpoint; issuer: only the issuer, as a string.',
    ),
  client_assertion_max_lifetime: maxLifetime()
    .default(defaultMaxLifetime)
    .describe('How many seconds the exp of a client assertion may be in the future.'),
} as const

export const clientAssertionsFields = {
  client_assertion_audience: audience()
    .optional()
    .describe('Accepted audiences of client assertions (private_key_jwt). Omitted: those of the server.'),
  client_assertion_max_lifetime: maxLifetime()
    .optional()
    .describe(
      'How many seconds the exp of a client assertion may be in the future. Omitted: the limit of the server.',
    ),
} as const
