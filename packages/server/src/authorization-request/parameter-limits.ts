/**
 * Length limits of authorization request parameters. Longer hints are ignored, so that the user can still sign in
 * (OpenID Connect Core 1.0 §3.1.2.1). Most other parameters may be as long as the whole request.
 */

import {
  type Limit,
  type Limits,
  maxTokenLength,
  type Parameters,
  parseParameters,
} from '@tessera/protocol/parameters'
import { type Refusal, type Result, refuse } from '@tessera/protocol/result'

/** Characters. A request object may contain an ID token of this server. */
export const maxRequestObjectLength = maxTokenLength

/** The longest user name that the login page accepts. */
export const maxUsernameLength = 256

/** Enough for every language that a browser lists. */
export const maxLocalesLength = 1000

/** Enough for the scopes of many APIs with URLs as names. */
export const maxScopeLength = 4096

/** Enough for a provider, a tenant and URLs of authentication contexts. */
export const maxAcrValuesLength = 2048

/** The combined length is limited later, once the response target is known. */
const whole: Limit = [65_536, 'invalid_request']

/** Every authorization request parameter that is read. */
export const requestLimits: Limits = {
  client_id: whole,
  redirect_uri: whole,
  response_type: whole,
  response_mode: whole,
  scope: whole,
  state: whole,
  nonce: whole,
  code_challenge: whole,
  code_challenge_method: whole,
  dpop_jkt: whole,
  prompt: whole,
  max_age: whole,
  acr_values: whole,
  resource: whole,
  claims: whole,
  registration: whole,
  id_token_hint: [maxTokenLength, 'invalid_request'],
  login_hint: [maxUsernameLength],
  ui_locales: [maxLocalesLength],
  claims_locales: [maxLocalesLength],
  display: [100],
  request: [maxRequestObjectLength, 'invalid_request_object'],
  request_uri: [512, 'invalid_request_uri'],
}

/** Parses the parameters of an authorization request. */
export const parseRequest = (text: string): Result<Parameters> => parseParameters(text, requestLimits)

/** Limits that are lower than that of the whole request, with the error for the client. */
const longest = [
  ['scope', maxScopeLength, 'invalid_scope'],
  ['nonce', 300, 'invalid_request'],
  ['acr_values', maxAcrValuesLength, 'invalid_request'],
  ['claims', 4096, 'invalid_request'],
] as const

export function tooLong(parameters: Parameters): Refusal | undefined {
  const found = longest.find(([name, max]) => (parameters.get(name)?.length ?? 0) > max)
  return (
    found &&
    refuse(found[2], 'parameter_too_long', {
      description: `Invalid ${found[0]}`,
      log: { parameter: found[0] },
    })
  )
}
