/** `response_type` and `response_mode` (RFC 6749 §3.1.1, OAuth 2.0 Multiple Response Type Encoding Practices §2.1, Form Post Response Mode 1.0). */

import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Client } from '../core/client.ts'

export const responseTypes = ['code'] as const
export const responseModes = ['query', 'fragment', 'form_post'] as const
export type ResponseMode = (typeof responseModes)[number]

/** Where the code flow's answer goes when nothing else is asked for. */
export const defaultResponseMode: ResponseMode = 'query'

/** Refuses `unsupported_response_type` for a mode that is not known. */
export function parseResponseMode(text: string | undefined): Result<ResponseMode> {
  if (text === undefined) return ok(defaultResponseMode)
  const mode = responseModes.find(known => known === text)
  return mode
    ? ok(mode)
    : refuse('unsupported_response_type', 'response_mode_unknown', {
        description: 'Invalid response_mode',
      })
}

/** Why this client can't have the response type it asks for: `invalid_request`, `unsupported_response_type` or `unauthorized_client`. */
export function responseTypeFault(client: Client, parameters: Parameters): Refusal | undefined {
  const type = parameters.get('response_type')
  if (type === undefined) {
    return refuse('invalid_request', 'response_type_missing', { description: 'Missing response_type' })
  }
  if (!responseTypes.some(known => known === type)) {
    return refuse('unsupported_response_type', 'response_type_unknown', {
      description: 'Response type not supported',
    })
  }
  if (!client.grant_types.has('authorization_code') || !client.response_types.includes(type)) {
    return refuse('unauthorized_client', 'response_type_not_allowed', {
      description: 'This client may not use the code flow',
    })
  }
  return undefined
}
