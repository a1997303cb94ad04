/** Resource indicators at the token endpoint (RFC 8707 §2.2). */

import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Resources } from '../../core/resource.ts'

const maxLength = 512

/**
 * The API that the access token is to be limited to, as a list of none or one.
 * @param agreed the APIs that the authorization is limited to; empty: not limited.
 * Refuses `invalid_target` for several, for one that is not an absolute URI without fragment, and for an unknown or not agreed one.
 */
export function requestedResource(
  parameters: Parameters,
  resources: Resources,
  agreed: readonly string[] = [],
): Result<readonly string[]> {
  const requested = parameters.all('resource')
  if (requested.length === 0) return ok(agreed)
  const [name] = requested as [string]
  if (requested.length > 1)
    return refuse('invalid_target', 'resource_repeated', { description: 'one resource at a time' })
  if (!isResourceIndicator(name)) return refuse('invalid_target', 'resource_malformed')
  if (!resources.apis.has(name)) return refuse('invalid_target', 'resource_unknown')
  if (agreed.length > 0 && !agreed.includes(name)) return refuse('invalid_target', 'resource_not_agreed')
  return ok([name])
}

/** RFC 8707 §2: an absolute URI without a fragment. */
const isResourceIndicator = (text: string): boolean =>
  text.length <= maxLength && !text.includes('#') && URL.canParse(text)
