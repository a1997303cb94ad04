/** An authorization request as text, for its way through the pages and for the store. */

import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { maxParametersLength } from './long-request.ts'
import { requestLimits } from './parameter-limits.ts'

/** The rest was read and checked by then, and nobody reads unknown parameters (RFC 6749 §3.1). */
const kept: ReadonlySet<string> = new Set(
  Object.keys(requestLimits).filter(name => !['request', 'request_uri', 'id_token_hint'].includes(name)),
)

/**
 * Returns what the pages need of a request, form-encoded; what its `id_token_hint` says travels beside it. Refuses
 * `invalid_request` when it is too long.
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
