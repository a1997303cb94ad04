/**
 * Whether a client may have the response type that it asks for (RFC 6749 §3.1.1). That it has the grants of those that it
 * registered is a rule of the configuration (RFC 7591 §2.1).
 */

import type { Parameters } from '@tessera/protocol/parameters'
import { parseResponseType, type ResponseType } from '@tessera/protocol/response-type'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Client } from '../model/client.ts'

/** Refuses `invalid_request` without one, `unsupported_response_type`, `unauthorized_client`. */
export function validateResponseType(client: Client, parameters: Parameters): Result<ResponseType> {
  const text = parameters.get('response_type')
  if (text === undefined) {
    return refuse('invalid_request', 'response_type_missing', { description: 'Missing response_type' })
  }
  const type = parseResponseType(text)
  if (type === undefined) {
    return refuse('unsupported_response_type', 'response_type_unknown', {
      description: 'Response type not supported',
    })
  }
  return client.response_types.some(known => parseResponseType(known) === type)
    ? ok(type)
    : refuse('unauthorized_client', 'response_type_not_allowed', {
        description: 'This client may not use this response type',
      })
}
