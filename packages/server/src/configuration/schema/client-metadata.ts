/** What a client says about itself and about its keys (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2). */

import { z } from 'zod'
import { jwksSchema } from './jwks.ts'
import { rule, text, webUrl } from './rule.ts'

export const describingShape = {
  client_name: text().optional().describe('Its name for people.'),
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
export const fetchedUrl = () =>
  z
    .string()
    .max(2000)
    .check(
      rule(value => {
        const url = URL.canParse(value) ? new URL(value) : undefined
        const web = url?.protocol === 'https:' || url?.protocol === 'http:'
        return url && web && url.username === '' && url.password === '' && url.hash === ''
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
