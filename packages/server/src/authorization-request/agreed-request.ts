/** An authorization request, narrowed to what the user agreed to (RFC 6749 §3.3). */

import { identityClaims, type Resources, untagged } from '../model/resource.ts'
import type { ValidatedAuthorizationRequest } from './authorization-request.ts'

type RequestedClaims = NonNullable<ValidatedAuthorizationRequest['requested_claims']>

/** Claims that were asked for one by one go with the last scope that opens them; `idp` needs none. */
export function narrowTo(
  request: ValidatedAuthorizationRequest,
  agreed: readonly string[],
  resources: Resources,
): ValidatedAuthorizationRequest {
  const { requested_claims, ...rest } = request
  const opened = identityClaims(resources, agreed)
  const keep = (claims: RequestedClaims['userinfo'] = {}) =>
    Object.fromEntries(
      Object.entries(claims).filter(([name]) => name === 'idp' || opened.includes(untagged(name))),
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
