/** Serializes authorization requests for the pages and for the store. */

import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { maxParametersLength } from './long-request.ts'
import { requestLimits } from './parameter-limits.ts'

/** Parameters that were already processed and unknown parameters (RFC 6749 §3.1) are not serialized. */
const kept: ReadonlySet<string> = new Set(
  Object.keys(requestLimits).filter(name => !['request', 'request_uri', 'id_token_hint'].includes(name)),
)

/**
 * Returns the parameters that the pages need, form-encoded. Callers pass on the content of `id_token_hint` separately.
 * Refuses `invalid_request` if they are too long.
 */
export function serializeRequest(parameters: Parameters): Result<string> {
  const text = formatParameters(parameters, name => kept.has(name))
  return text.length > maxParametersLength
    ? refuse('invalid_request', 'request_too_long', { description: 'The request is too long' })
    : ok(text)
}

export const formatParameters = (
  parameters: Parameters,
  includes: (name: string) => boolean = () => true,
): string =>
  new URLSearchParams(
    [...parameters.names()]
      .filter(includes)
      .flatMap(name => parameters.all(name).map(value => [name, value])),
  ).toString()
