/** How long the parameters of a token request may be. */

import type { Limits } from '@tessera/protocol/parameters'
import { maxScopeLength } from '../../authorization-request/parameter-limits.ts'
import { credentialLimits } from '../../clients/authentication/method.ts'
import type { Grant } from './decision.ts'

const commonLimits: Limits = {
  ...credentialLimits,
  grant_type: [100, 'unsupported_grant_type'],
  scope: [maxScopeLength, 'invalid_scope'],
  resource: [512, 'invalid_target'],
  audience: [512, 'invalid_target'],
}

/** The limits of all grants together; of a parameter that several read, those of the first: modules' grants come last. */
export const limitsOf = (grants: readonly Grant[]): Limits =>
  Object.assign({}, ...grants.map(grant => grant.limits).toReversed(), commonLimits)
