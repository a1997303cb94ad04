/** Resource indicators (RFC 8707 §2): the APIs that tokens shall be limited to. */

import { isResourceIndicator } from '@tessera/protocol/resource-indicator'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { findApi, type Resources } from '../model/resource.ts'

/**
 * Returns the names of the APIs, as they are configured.
 * Refuses `invalid_target` for a value that is no absolute URI, has a fragment, or names no API.
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
