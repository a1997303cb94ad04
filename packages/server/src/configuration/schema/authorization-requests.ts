/** What authorization requests must be (RFC 9101, RFC 9126). */

import type { Configuration } from '../configuration.ts'
import * as s from '../validation/kinds.ts'
import { requestObjectMaxLifetime } from './client-metadata.ts'
import { defined, hour, seconds } from './values.ts'

export const authorizationRequestsSchema = s
  .strictObject({
    require_pushed: s
      .boolean()
      .default(false)
      .describe('Only pushed requests are taken, whatever the client says (RFC 9126 §5).'),
    require_signed: s
      .boolean()
      .default(false)
      .describe('Only signed request objects are taken, whatever the client says (RFC 9101 §10.5).'),
    request_object_max_lifetime: requestObjectMaxLifetime(),
    allow_unregistered_request_uris: s
      .boolean()
      .default(false)
      .describe('A request_uri need not be one of the request_uris of its client.'),
    pushed_lifetime: seconds(5, hour)
      .default(60)
      .describe('Seconds in which the browser must come with a pushed request (RFC 9126 §2.2).'),
    max_waiting_per_network: s
      .int()
      .min(1)
      .max(1_000_000)
      .default(300)
      .describe(
        'Pushed requests, and as many device authorizations, that one network may have waiting by public clients and those that registered themselves; and as many requests of any client that are too long for an address.',
      ),
  })
  .default({})
  .describe('What authorization requests must be: request objects (RFC 9101), pushed requests (RFC 9126).')

export const authorizationRequestsOf = (
  draft: s.output<typeof authorizationRequestsSchema>,
): Configuration['authorizationRequests'] =>
  defined({
    requirePushed: draft.require_pushed,
    requireSigned: draft.require_signed,
    requestObjectMaxLifetime: draft.request_object_max_lifetime,
    allowUnregisteredUris: draft.allow_unregistered_request_uris,
    pushedLifetime: draft.pushed_lifetime,
    mostWaiting: draft.max_waiting_per_network,
  })
