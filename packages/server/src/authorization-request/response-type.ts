/**
 * `response_type` and `response_mode` (RFC 6749 §3.1.1; OAuth 2.0 Multiple Response Type Encoding Practices §2.1, §5; Form
 * Post Response Mode 1.0; JWT Secured Authorization Response Mode (JARM) §2.3).
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

const places = ['query', 'fragment', 'form_post'] as const

/** JARM §2.3. */
const jwtModes = ['query.jwt', 'fragment.jwt', 'form_post.jwt', 'jwt'] as const

const responseModes = [...places, ...jwtModes] as const

/** Returns the modes that a server offers. */
export const responseModesOf = ({ requireSigned }: { readonly requireSigned: boolean }): readonly string[] =>
  requireSigned ? jwtModes : responseModes

/** Where the parameters of the response are, and whether they are one JWT. */
export type ResponseMode = { readonly place: (typeof places)[number]; readonly isJwt: boolean }

/** The settings that response modes depend on. */
type ModeContext = {
  readonly client: Pick<
    Client,
    'authorization_encrypted_response_alg' | 'require_signed_authorization_response'
  >
  readonly redirectUri: string
  /** Whether the server requires JWTs of every client. */
  readonly requireSignedResponse: boolean
}

/**
 * Returns the requested response mode, or the default of the response type. Refuses `unsupported_response_type` for an
 * unknown mode. Refuses `invalid_request` for a token in a query, for `form_post` to a private-use scheme, since
 * browsers don't post to applications, and for a mode without a JWT if one is required.
 */
export function parseResponseMode(parameters: Parameters, context: ModeContext): Result<ResponseMode> {
  const named = parameters.get('response_mode')
  const known = named === undefined ? defaultPlace(parameters) : responseModes.find(one => one === named)
  if (!known) return refuseMode('unsupported_response_type', 'response_mode_unknown', 'Invalid response_mode')
  const isJwt = isJwtMode(known)
  if (!isJwt && requiresJwt(context))
    return refuseMode('invalid_request', 'response_mode_unsigned', 'response_mode must be jwt')
  // JARM §2.3.4: `jwt` is the default place of the response type.
  const place = places.find(one => one === known || `${one}.jwt` === known) ?? defaultPlace(parameters)
  if (place === 'form_post' && hasPrivateUseScheme(context.redirectUri)) {
    return refuseMode('invalid_request', 'response_mode_form_post', 'Invalid response_mode for redirect_uri')
  }
  // Queries end up in logs, histories and Referer headers (RFC 9700 §4.3), where only the client can read an encrypted
  // JWT (JARM §2.3.1).
  const isHidden = isJwt && context.client.authorization_encrypted_response_alg !== undefined
  return place === 'query' && defaultPlace(parameters) !== 'query' && !isHidden
    ? refuseMode('invalid_request', 'response_mode_query', 'Invalid response_mode for response_type')
    : ok({ place, isJwt })
}

/** Returns the mode for errors if the requested one is refused. */
export const errorResponseMode = (parameters: Parameters, context: ModeContext): ResponseMode => ({
  place: defaultPlace(parameters),
  isJwt: requiresJwt(context) || isJwtMode(parameters.get('response_mode')),
})

const isJwtMode = (mode: string | undefined): boolean => jwtModes.some(one => one === mode)

const requiresJwt = ({ client, requireSignedResponse }: ModeContext): boolean =>
  client.require_signed_authorization_response || requireSignedResponse

const defaultPlace = (parameters: Parameters): ResponseMode['place'] =>
  bringsToken(parameters.get('response_type') ?? '') ? 'fragment' : 'query'

const refuseMode = (error: string, reason: string, description: string): Refusal =>
  refuse(error, reason, { description })
