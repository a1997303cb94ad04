/** Resource indicators (RFC 8707 §2): the APIs that tokens shall be limited to. */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Resources } from '../core/resource.ts'

/** Refuses `invalid_target` for a value that is no absolute URI, has a fragment, or names no API. */
export function validateResources(named: readonly string[], { apis }: Resources): Result<readonly string[]> {
  const unfit = named.find(name => !URL.canParse(name) || name.includes('#') || !apis.has(name))
  return unfit === undefined
    ? ok([...new Set(named)])
    : refuse('invalid_target', 'resource_unknown', {
        description: 'resource is not an API of this server',
        log: { resource: unfit.slice(0, 200) },
      })
}
