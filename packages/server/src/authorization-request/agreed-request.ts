/** An authorization request after consent (RFC 6749 §3.3). */

import { identityClaims, includesClaim, type Resources } from '../model/resource.ts'
import type { ValidatedAuthorizationRequest } from './authorization-request.ts'

type RequestedClaims = NonNullable<ValidatedAuthorizationRequest['requested_claims']>

/**
 * Narrows a request to the scope that the user agreed to. A claim that was requested individually is removed if no
 * agreed scope contains it; `idp` needs no scope.
 */
export function narrowTo(
  request: ValidatedAuthorizationRequest,
  agreed: readonly string[],
  resources: Resources,
): ValidatedAuthorizationRequest {
  const { requested_claims, ...rest } = request
  const opened = identityClaims(resources, agreed)
  const keep = (claims: RequestedClaims['userinfo'] = {}) =>
    Object.fromEntries(
      Object.entries(claims).filter(([name]) => name === 'idp' || includesClaim(opened, name)),
    )
  return {
    ...rest,
    scope: request.scope.filter(name => agreed.includes(name)),
    ...(requested_claims && {
      requested_claims: {
        ...requested_claims,
        ...(requested_claims.userinfo && { userinfo: keep(requested_claims.userinfo) }),
        ...(requested_claims.id_token && { id_token: keep(requested_claims.id_token) }),
      },
    }),
  }
}
