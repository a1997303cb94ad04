/** Resource indicators at the token endpoint (RFC 8707 §2.2). */

import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { validateResources } from '../../authorization-request/requested-resources.ts'
import type { Resources } from '../../model/resource.ts'

const resourceNotAgreed = refuse('invalid_target', 'resource_not_agreed', {
  description: 'The authorization request did not name this resource',
})

/**
 * The APIs that the access token is to be limited to; empty: not limited.
 * @param agreed the APIs that the authorization is limited to; empty: not limited.
 * Refuses `invalid_target` for a value that is not an absolute URI without fragment, and for an unknown or not agreed API.
 */
export function requestedResource(
  parameters: Parameters,
  resources: Resources,
  agreed: readonly string[] = [],
): Result<readonly string[]> {
  const indicators = parameters.all('resource')
  if (indicators.length === 0) return ok(agreed)
  const names = validateResources(indicators, resources)
  if (!names.ok) return names
  const isAgreed = agreed.length === 0 || names.value.every(name => agreed.includes(name))
  return isAgreed ? names : resourceNotAgreed
}
