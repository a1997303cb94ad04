/** Resource indicators (RFC 8707 §2): the APIs that tokens are limited to. */

import type { Parameters } from '@tessera/protocol/parameters'
import { isResourceIndicator } from '@tessera/protocol/resource-indicator'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { findApi, type Resources, usefulResources } from '../model/resource.ts'

/**
 * Returns the configured names of the APIs. Refuses `invalid_target` if a value is not an absolute URI, has a fragment
 * or is not an API.
 */
export function validateResources(
  indicators: readonly string[],
  resources: Resources,
): Result<readonly string[]> {
  const names = new Set<string>()
  for (const indicator of indicators) {
    const log = { resource: indicator.slice(0, 200) }
    if (!isResourceIndicator(indicator))
      return refuse('invalid_target', 'resource_malformed', {
        description: 'resource is not an absolute URI without a fragment',
        log,
      })
    const api = findApi(resources, indicator)
    if (!api)
      return refuse('invalid_target', 'resource_unknown', {
        description: 'resource is not an API of this server',
        log,
      })
    names.add(api.name)
  }
  return ok([...names])
}

/**
 * Returns the APIs that an access token is limited to (RFC 8707 §2.2); empty if it is not limited. Without a `resource`,
 * they are those of the authorization, as far as the scope has a use for them.
 * Refuses `invalid_target` as {@link validateResources} does, and for an API that the authorization does not cover.
 * @param agreed the APIs that the authorization is limited to; empty if it is not limited.
 * @param scope of the access token.
 */
export function requestedResources(
  parameters: Parameters,
  resources: Resources,
  { agreed, scope }: { readonly agreed: readonly string[]; readonly scope: readonly string[] } = {
    agreed: [],
    scope: [],
  },
): Result<readonly string[]> {
  const indicators = parameters.all('resource')
  if (indicators.length === 0) return ok(usefulResources(agreed, scope, resources))
  const names = validateResources(indicators, resources)
  if (!names.ok) return names
  const isAgreed = agreed.length === 0 || names.value.every(name => agreed.includes(name))
  return isAgreed ? names : resourceNotAgreed
}

const resourceNotAgreed = refuse('invalid_target', 'resource_not_agreed', {
  description: 'The authorization request did not include this resource',
})
