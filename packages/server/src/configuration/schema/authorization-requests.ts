/** Requirements for authorization requests (RFC 9101, RFC 9126). */

import type { Configuration } from '../configuration.ts'
import * as s from '../validation/kinds.ts'
import { requestObjectMaxLifetime } from './client-metadata.ts'
import { defined, hour, seconds } from './values.ts'

export const authorizationRequestsSchema = s
  .strictObject({
    require_pushed: s.boolean().default(false).describe('Authorization requests must be pushed (RFC 9126).'),
    require_signed: s
      .boolean()
      .default(false)
      .describe('Authorization requests must be signed request objects (RFC 9101).'),
    request_object_max_lifetime: requestObjectMaxLifetime(),
    allow_unregistered_request_uris: s
      .boolean()
      .default(false)
      .describe('Accept a request_uri that is not registered.'),
    pushed_lifetime: seconds(5, hour).default(60).describe('Lifetime of a pushed request in seconds.'),
    max_waiting_per_network: s
      .int()
      .min(1)
      .max(1_000_000)
      .default(300)
      .describe(
        'Limit per network, kind and lifetime: pending pushed requests and device authorizations of public and self-registered clients, and requests of any client that are too long for a URL.',
      ),
  })
  .default({})
  .describe(
    'Requirements for authorization requests: request objects (RFC 9101), pushed requests (RFC 9126).',
  )

export const authorizationRequestsOf = (
  draft: s.output<typeof authorizationRequestsSchema>,
): Configuration['authorizationRequests'] =>
  defined({
    requirePushed: draft.require_pushed,
    requireSigned: draft.require_signed,
    requestObjectMaxLifetime: draft.request_object_max_lifetime,
    allowUnregisteredUris: draft.allow_unregistered_request_uris,
    pushedLifetime: draft.pushed_lifetime,
    mostPending: draft.max_waiting_per_network,
  })
