/**
 * How long the parameters of an authorization request may be. A hint that is longer is ignored whole, so that the user
 * can sign in all the same (OpenID Connect Core 1.0 §3.1.2.1). Of the rest, most may be as long as the whole request.
 */

import {
  type Limit,
  type Limits,
  maxTokenLength,
  type Parameters,
  parseParameters,
} from '@tessera/protocol/parameters'
import { type Refusal, type Result, refuse } from '@tessera/protocol/result'

/** Characters. It may hold whatever a client holds of this server, such as an ID token. */
export const maxRequestObjectLength = maxTokenLength

/** The longest user name that the login page takes: no longer hint names anybody. */
const maxLoginHintLength = 256

/** A browser that knows every language of its user sends less. */
export const maxLocalesLength = 1000

/** Scopes of many APIs, each named by a URL. */
export const maxScopeLength = 4096

/** It names a provider and a tenant, beside URLs of authentication contexts. */
export const maxAcrValuesLength = 2048

/** Bounded with all others together, once it is known who is told. */
const whole: Limit = [65_536, 'invalid_request']

/** Every parameter of an authorization request that is read. */
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
  prompt: whole,
  max_age: whole,
  acr_values: whole,
  resource: whole,
  claims: whole,
  registration: whole,
  id_token_hint: [maxTokenLength, 'invalid_request'],
  login_hint: [maxLoginHintLength],
  ui_locales: [maxLocalesLength],
  claims_locales: [maxLocalesLength],
  display: [100],
  request: [maxRequestObjectLength, 'invalid_request_object'],
  request_uri: [512, 'invalid_request_uri'],
}

/** Reads the parameters of an authorization request, wherever they were kept. */
export const parseRequest = (text: string): Result<Parameters> => parseParameters(text, requestLimits)

/** The most characters of a value, where that is less than of the whole request, and the error that the client gets. */
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
