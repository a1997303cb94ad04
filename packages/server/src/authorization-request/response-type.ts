/**
 * `response_type` and `response_mode` (RFC 6749 §3.1.1; OAuth 2.0 Multiple Response Type Encoding Practices §2.1, §5; Form
 * Post Response Mode 1.0).
 */

import type { Parameters } from '@tessera/protocol/parameters'
import { bringsToken, parseResponseType, type ResponseType } from '@tessera/protocol/response-type'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { hasPrivateUseScheme } from '@tessera/protocol/uri-scheme'
import type { Client } from '../model/client.ts'

/** Refuses `invalid_request` if it is missing, `unsupported_response_type` and `unauthorized_client`. */
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

export const responseModes = ['query', 'fragment', 'form_post'] as const
export type ResponseMode = (typeof responseModes)[number]

/**
 * Returns the requested response mode, or the default of the response type. Refuses `unsupported_response_type` for an
 * unknown mode, and `invalid_request` for a token in a query and for `form_post` to a private-use scheme, since
 * browsers don't post to applications.
 */
export function parseResponseMode(parameters: Parameters, redirectUri: string): Result<ResponseMode> {
  const named = parameters.get('response_mode')
  if (named === undefined) return ok(defaultResponseMode(parameters))
  const mode = responseModes.find(known => known === named)
  if (!mode) return refuseMode('unsupported_response_type', 'response_mode_unknown', 'Invalid response_mode')
  if (mode === 'form_post' && hasPrivateUseScheme(redirectUri)) {
    return refuseMode('invalid_request', 'response_mode_form_post', 'Invalid response_mode for redirect_uri')
  }
  // Queries end up in logs, histories and Referer headers (RFC 9700 §4.3).
  return mode === 'query' && defaultResponseMode(parameters) !== 'query'
    ? refuseMode('invalid_request', 'response_mode_query', 'Invalid response_mode for response_type')
    : ok(mode)
}

/** Returns the default mode. Errors also use it if the requested mode is invalid. */
export const defaultResponseMode = (parameters: Parameters): ResponseMode =>
  bringsToken(parameters.get('response_type') ?? '') ? 'fragment' : 'query'

const refuseMode = (error: string, reason: string, description: string): Refusal =>
  refuse(error, reason, { description })
