/** Reads a token request's form (RFC 6749 §3.2); what is malformed is refused before anyone is authenticated. */

import type { HttpRequest } from '@tessera/protocol/http'
import { type Limits, type Parameters, parseParameters } from '@tessera/protocol/parameters'
import { type Result, refuse } from '@tessera/protocol/result'
import { isForm } from '../respond.ts'
import type { Grant } from './decision.ts'

const commonLimits: Limits = {
  grant_type: [100, 'unsupported_grant_type'],
  client_id: [100, 'invalid_client'],
  client_secret: [512, 'invalid_client'],
  client_assertion_type: [200, 'invalid_client'],
  client_assertion: [8192, 'invalid_client'],
  scope: [2048, 'invalid_scope'],
  resource: [512, 'invalid_target'],
  audience: [512, 'invalid_target'],
}

/** The limits of all grants together. */
export const limitsOf = (grants: readonly Grant[]): Limits =>
  Object.assign({}, ...grants.map(grant => grant.limits), commonLimits)

/** Refuses `invalid_request` for another media type, and what {@link parseParameters} refuses. */
export const parse = (request: HttpRequest, limits: Limits): Result<Parameters> =>
  isForm(request)
    ? parseParameters(request.body, limits)
    : refuse('invalid_request', 'media_type_not_form', {
        description: 'the body must be application/x-www-form-urlencoded',
      })
