/** An authorization request after consent (RFC 6749 §3.3). */

import { apisOf, identityClaims, includesClaim, type Resources, usefulResources } from '../model/resource.ts'
import type { ValidatedAuthorizationRequest } from './authorization-request.ts'

type RequestedClaims = NonNullable<ValidatedAuthorizationRequest['requested_claims']>

/**
 * Narrows a request to the scope that the user agreed to. A claim that was requested individually is removed if no
 * agreed scope contains it; `idp` needs no scope. An API that the request names is removed if it owned a requested scope
 * and owns no agreed one.
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
  const scope = request.scope.filter(name => agreed.includes(name))
  const requested = apisOf(resources, request.scope).map(({ name }) => name)
  return {
    ...rest,
    scope,
    // The others are refused later.
    resources: request.resources.every(name => requested.includes(name))
      ? usefulResources(request.resources, scope, resources)
      : request.resources,
    ...(requested_claims && {
      requested_claims: {
        ...requested_claims,
        ...(requested_claims.userinfo && { userinfo: keep(requested_claims.userinfo) }),
        ...(requested_claims.id_token && { id_token: keep(requested_claims.id_token) }),
      },
    }),
  }
}
