/** What a client says about itself and about its keys (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2). */

import {
  assertionAlgorithms,
  contentEncryptionAlgorithms,
  keyEncryptionAlgorithms,
  signingAlgorithms,
} from '../../model/client.ts'
import { requestEncryptionAlgorithms } from '../../model/keys.ts'
import * as z from '../shape/shapes.ts'
import { jwksSchema } from './jwks.ts'
import { day, name, rule, seconds, text, webUrl, year } from './rule.ts'

export const describingShape = {
  client_name: text()
    // Nor what turns the direction of the text around it.
    .regex(/^[^\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]*$/, 'text without control characters')
    .optional()
    .describe('Its name for people.'),
  client_uri: webUrl().optional().describe('Its home page.'),
  logo_uri: webUrl().optional().describe('Its logo.'),
  policy_uri: webUrl().optional().describe('What it does with what it learns about people.'),
  tos_uri: webUrl().optional().describe('Its terms of service.'),
  contacts: z.array(text()).max(20).optional().describe('Who answers for it, such as mail addresses.'),
  software_id: text().optional().describe('What software it is, the same for every installation.'),
  software_version: text().optional().describe('Which version of that software.'),
  application_type: z
    .enum(['web', 'native'])
    .optional()
    .describe(
      'web: redirect_uris are web addresses (https only with the implicit grant); native: on a device.',
    ),
} as const

/** An address that the server itself fetches from: https, or http that `outbound` allows. */
const fetchedUrl = (fragment = false) =>
  z
    .string()
    .max(2000)
    .check(
      rule(value => {
        const url = URL.canParse(value) ? new URL(value) : undefined
        const web = url?.protocol === 'https:' || url?.protocol === 'http:'
        return url && web && url.username === '' && url.password === '' && (fragment || url.hash === '')
          ? undefined
          : {
              problem: 'it is no address that can be fetched',
              expected: 'an absolute https URL without credentials and fragment',
              fix: 'write the whole address, beginning with https://',
            }
      }),
    )

export const keysShape = {
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

export const requestShape = {
  request_uris: z
    .array(fetchedUrl(true))
    .max(50)
    .default([])
    .describe('Addresses that its request objects may be fetched from, byte for byte (RFC 9101 §5.2).'),
  request_object_signing_alg: z
    .enum([...assertionAlgorithms, 'none'])
    .optional()
    .describe(
      'What its request objects are signed with; omitted: any asymmetric algorithm, or nothing; none: nothing.',
    ),
  request_object_encryption_alg: z
    .enum(requestEncryptionAlgorithms)
    .optional()
    .describe(
      'What it encrypts its request objects with; omitted: anything that is supported, or not at all.',
    ),
  request_object_encryption_enc: z
    .enum(contentEncryptionAlgorithms)
    .optional()
    .describe('What it encrypts their content with; omitted: anything that is supported.'),
  request_object_max_lifetime: requestObjectMaxLifetime(),
  require_signed_request_object: z
    .boolean()
    .default(false)
    .describe('Every authorization request of it is a signed request object (RFC 9101 §10.5).'),
  require_pushed_authorization_requests: z
    .boolean()
    .default(false)
    .describe('Every authorization request of it is pushed (RFC 9126 §6).'),
  default_max_age: seconds(0, 10 * year)
    .optional()
    .describe('Seconds: max_age of requests that have none.'),
  default_acr_values: z.array(name()).max(20).default([]).describe('acr_values of requests that have none.'),
  require_auth_time: z
    .boolean()
    .default(false)
    .describe('Its ID tokens say when the user signed in (auth_time): all of this server do.'),
} as const

const alg = (what: string) =>
  z
    .enum(keyEncryptionAlgorithms)
    .optional()
    .describe(`How ${what} are encrypted for a key of it; omitted: not.`)
const enc = (what: string) =>
  z
    .enum(contentEncryptionAlgorithms)
    .default('A128CBC-HS256')
    .describe(`What the content of its encrypted ${what} is encrypted with.`)

export const responseShape = {
  id_token_encrypted_response_alg: alg('its ID tokens'),
  id_token_encrypted_response_enc: enc('ID tokens'),
  userinfo_signed_response_alg: z
    .enum(signingAlgorithms)
    .optional()
    .describe('What its userinfo answers are signed with; omitted: plain JSON.'),
  userinfo_encrypted_response_alg: alg('its userinfo answers'),
  userinfo_encrypted_response_enc: enc('userinfo answers'),
  introspection_signed_response_alg: z
    .enum(signingAlgorithms)
    .optional()
    .describe('What introspection answers are signed with that it asks for as a JWT; omitted: as ID tokens.'),
  introspection_encrypted_response_alg: alg('such introspection answers'),
  introspection_encrypted_response_enc: enc('introspection answers'),
} as const
