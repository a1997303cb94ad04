/** What a client says about itself, its keys and its requests (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2). */

import {
  assertionAlgorithms,
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
    // Nor what turns the direction of the text around it.
    .regex(/^[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*$/, 'text without control characters')
    .optional()
    .describe('Its name for people.'),
  client_uri: webUrl().optional().describe('Its home page.'),
  logo_uri: webUrl().optional().describe('Its logo.'),
  policy_uri: webUrl().optional().describe('What it does with what it learns about people.'),
  tos_uri: webUrl().optional().describe('Its terms of service.'),
  contacts: s.array(text()).max(20).optional().describe('Who answers for it, such as mail addresses.'),
  software_id: text().optional().describe('What software it is, the same for every installation.'),
  software_version: text().optional().describe('Which version of that software.'),
  application_type: s
    .enum(['web', 'native'])
    .optional()
    .describe(
      'web: redirect_uris are web addresses (https only with the implicit grant); native: on a device.',
    ),
} as const

/** An address that the server itself fetches from: https, or http that `outbound` allows. */
const fetchedUrl = (fragment = false) =>
  s
    .string()
    .max(2000)
    .refine(value => isFetchable(value, fragment), {
      problem: 'it is no address that can be fetched',
      expected: 'an absolute https URL without credentials and fragment',
      fix: 'write the whole address, beginning with https://',
    })

function isFetchable(value: string, fragment: boolean): boolean {
  const url = URL.parse(value)
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return false
  return url.username === '' && url.password === '' && (fragment || url.hash === '')
}

export const keysFields = {
  jwks: jwksSchema
    .optional()
    .describe('Its public keys: for signatures (private_key_jwt, request objects) and certificates.'),
  jwks_uri: fetchedUrl()
    .optional()
    .describe('Where its public keys are, instead of jwks: an https address (or one that outbound allows).'),
} as const

/** FAPI 2.0 Message Signing §5.3.1: both claims are there, and bound how long a request is good. */
export const requestObjectMaxLifetime = () =>
  seconds(60, day)
    .optional()
    .describe(
      'Seconds that nbf of a request object may be ago, and exp after nbf; both are then required. Of server and client, the smaller counts.',
    )

export const requestFields = {
  request_uris: s
    .array(fetchedUrl(true))
    .max(50)
    .default([])
    .describe('Addresses that its request objects may be fetched from, byte for byte (RFC 9101 §5.2).'),
  request_object_signing_alg: s
    .enum([...assertionAlgorithms, 'none'])
    .optional()
    .describe(
      'What its request objects are signed with; omitted: any asymmetric algorithm, or nothing; none: nothing.',
    ),
  request_object_encryption_alg: s
    .enum(requestEncryptionAlgorithms)
    .optional()
    .describe(
      'What it encrypts its request objects with; omitted: anything that is supported, or not at all.',
    ),
  request_object_encryption_enc: s
    .enum(contentEncryptionAlgorithms)
    .optional()
    .describe('What it encrypts their content with; omitted: anything that is supported.'),
  request_object_max_lifetime: requestObjectMaxLifetime(),
  require_signed_request_object: s
    .boolean()
    .default(false)
    .describe('Every authorization request of it is a signed request object (RFC 9101 §10.5).'),
  require_pushed_authorization_requests: s
    .boolean()
    .default(false)
    .describe('Every authorization request of it is pushed (RFC 9126 §6).'),
  default_max_age: seconds(0, 10 * year)
    .optional()
    .describe('Seconds: max_age of requests that have none.'),
  default_acr_values: s.array(name()).max(20).default([]).describe('acr_values of requests that have none.'),
  require_auth_time: s
    .boolean()
    .default(false)
    .describe('Its ID tokens say when the user signed in (auth_time): all of this server do.'),
} as const

const alg = (what: string) =>
  s
    .enum(keyEncryptionAlgorithms)
    .optional()
    .describe(`How ${what} are encrypted for a key of it; omitted: not.`)
const enc = (what: string) =>
  s
    .enum(contentEncryptionAlgorithms)
    .default('A128CBC-HS256')
    .describe(`What the content of its encrypted ${what} is encrypted with.`)

export const responseFields = {
  id_token_encrypted_response_alg: alg('its ID tokens'),
  id_token_encrypted_response_enc: enc('ID tokens'),
  userinfo_signed_response_alg: s
    .enum(signingAlgorithms)
    .optional()
    .describe('What its userinfo answers are signed with; omitted: plain JSON.'),
  userinfo_encrypted_response_alg: alg('its userinfo answers'),
  userinfo_encrypted_response_enc: enc('userinfo answers'),
  introspection_signed_response_alg: s
    .enum(signingAlgorithms)
    .optional()
    .describe('What introspection answers are signed with that it asks for as a JWT; omitted: as ID tokens.'),
  introspection_encrypted_response_alg: alg('such introspection answers'),
  introspection_encrypted_response_enc: enc('introspection answers'),
} as const

/** Core §4, Dynamic Client Registration 1.0 §2: https, or http while developing. */
const secureUrl = () => exactWebUri('write the whole address, such as https://app.example/start')

export const signInFields = {
  always_include_user_claims_in_id_token: s
    .boolean()
    .default(false)
    .describe('Its ID tokens carry the claims of the scope also where the UserInfo endpoint tells them.'),
  subject_type: s
    .enum(['public', 'pairwise'])
    .default('public')
    .describe('pairwise: it is told another sub of a user than clients of other sectors.'),
  sector_identifier_uri: secureUrl()
    .optional()
    .describe('Its host is the sector (pairwise); omitted: the host of its redirect URIs.'),
  initiate_login_uri: secureUrl()
    .optional()
    .describe('Where a sign-in at it can be begun from outside: the account pages link there.'),
  initiate_login_target_link_uri: secureUrl()
    .optional()
    .describe('target_link_uri of that link: where the user shall be after the sign-in.'),
} as const

const audience = () => s.enum(['any', 'issuer'])

/** 65 minutes: libraries sign assertions for an hour, and clocks differ. */
const defaultMaxLifetime = 3900

const maxLifetime = () => seconds(60, day)

export const serverAssertionsFields = {
  client_assertion_audience: audience()
    .default('any')
    .describe(
      'Accepted audiences of client assertions. any: the issuer or the URL of the endpoint; issuer: the issuer alone, as a string.',
    ),
  client_assertion_max_lifetime: maxLifetime()
    .default(defaultMaxLifetime)
    .describe('Seconds that the exp of a client assertion may be ahead.'),
} as const

export const clientAssertionsFields = {
  client_assertion_audience: audience()
    .optional()
    .describe('Accepted audiences of its assertions (private_key_jwt); omitted: those of the server.'),
  client_assertion_max_lifetime: maxLifetime()
    .optional()
    .describe('Seconds that the exp of its assertions may be ahead; omitted: those of the server.'),
} as const
