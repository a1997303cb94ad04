/** Requirements for authorization responses (JWT Secured Authorization Response Mode for OAuth 2.0 (JARM)). */

import type { Configuration } from '../configuration.ts'
import * as s from '../validation/kinds.ts'
import { minute, seconds } from './values.ts'

export const authorizationResponsesSchema = s
  .strictObject({
    require_signed: s
      .boolean()
      .default(false)
      .describe('Authorization requests must ask for a response in a JWT (JARM).'),
    // JARM §2.1 recommends at most ten minutes.
    jwt_lifetime: seconds(10, 10 * minute)
      .default(5 * minute)
      .describe('Lifetime of authorization responses in a JWT, in seconds.'),
  })
  .default({})
  .describe('Requirements for authorization responses: those in a JWT (JARM).')

export const authorizationResponsesOf = (
  draft: s.output<typeof authorizationResponsesSchema>,
): Configuration['authorizationResponses'] => ({
  requireSigned: draft.require_signed,
  jwtLifetime: draft.jwt_lifetime,
})
