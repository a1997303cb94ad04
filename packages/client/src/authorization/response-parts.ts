/** The parts of an authorization response that its `response_type` requires (Multiple Response Types §3, §5). */

import type { Seconds } from '@tessera/protocol/brand'
import { brings, type ResponsePart } from '@tessera/protocol/response-type'
import { ClientError } from '../error.ts'
import { fail, ok, type Result } from '../result.ts'
import type { PendingAuthorization } from './pending.ts'
import type { ResponseParameters } from './response-parameters.ts'

export type ResponseParts = {
  /** To be exchanged once, with the `code_verifier` of the request. */
  readonly code?: string
  readonly id_token?: string
  readonly access_token?: string
  readonly token_type?: string
  readonly expires_in?: Seconds
  /** When the access token expires, counted from now. */
  readonly expires_at?: Seconds
  /** The scope of the access token; undefined if it is the one that was requested. */
  readonly scope?: string
  /** OpenID Connect Session Management 1.0 §2. */
  readonly session_state?: string
}

const parameterOf = { code: 'code', id_token: 'id_token', token: 'access_token' } as const satisfies Record<
  ResponsePart,
  keyof ResponseParameters
>

/** Fails with `invalid` if a part is missing, or if there is one that was not requested. */
export function readParts(
  parameters: ResponseParameters,
  { response_type }: PendingAuthorization,
  now: Seconds,
): Result<ResponseParts> {
  for (const part of ['code', 'id_token', 'token'] as const) {
    const name = parameterOf[part]
    const requested = brings(response_type, part)
    if (requested && parameters[name] === undefined)
      return invalid('parameter_missing', `the response to response_type ${response_type} has no ${name}`)
    if (!requested && parameters[name] !== undefined)
      return invalid('parameter_unexpected', `the response to response_type ${response_type} has ${name}`)
  }
  const { code, id_token, session_state } = parameters
  const token = readAccessToken(parameters, now)
  return token.ok
    ? ok({
        ...(code !== undefined && { code }),
        ...(id_token !== undefined && { id_token }),
        ...(session_state !== undefined && { session_state }),
        ...token.value,
      })
    : token
}

function readAccessToken(
  { access_token, token_type, expires_in: lifetime, scope }: ResponseParameters,
  now: Seconds,
): Result<Pick<ResponseParts, 'access_token' | 'token_type' | 'expires_in' | 'expires_at' | 'scope'>> {
  if (access_token === undefined) return ok({})
  if (token_type?.toLowerCase() !== 'bearer')
    return invalid(
      'token_type_mismatch',
      'the access token of the authorization response is not a bearer token',
    )
  if (lifetime !== undefined && !/^\d{1,15}$/.test(lifetime))
    return invalid(
      'expires_in_invalid',
      'expires_in of the authorization response is not a number of seconds',
    )
  const expires_in = lifetime === undefined ? undefined : Number(lifetime)
  return ok({
    access_token,
    token_type,
    ...(expires_in !== undefined && { expires_in, expires_at: Math.floor(now) + expires_in }),
    ...(scope !== undefined && { scope }),
  })
}

const invalid = (code: string, message: string): Result<never> =>
  fail(new ClientError('invalid', code, message))
