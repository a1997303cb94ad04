/**
 * Authorization responses (RFC 6749 §4.1.2, RFC 9207, OpenID Connect Core 1.0 §3.1.2.7, §3.2.2.8, §3.3.2.8).
 */

import type { Client } from '../create-client.ts'
import { ClientError } from '../error.ts'
import type { CallOptions } from '../http/client-request.ts'
import { unlessAborted } from '../http/unless-aborted.ts'
import { quote } from '../quote.ts'
import { fail, ok, type Result } from '../result.ts'
import { type IdTokenClaims, type IdTokenOptions, validateIdToken } from '../validation/id-token.ts'
import { consume, type PendingAuthorization } from './pending.ts'
import { type ResponseJwtOptions, readResponseJwt } from './response-jwt.ts'
import { type ResponseParameters, readParameters } from './response-parameters.ts'
import { type ResponseParts, readParts } from './response-parts.ts'

/** The parts that the `response_type` of the request contains, and no others. */
export type AuthorizationResponse = ResponseParts & {
  /** The validated claims of `id_token`. */
  readonly claims?: IdTokenClaims
}

export type AuthorizationResponseOptions = CallOptions & {
  /** The classes of which the sign-in must have one (`acr`): a list, or separated by spaces. By default any. */
  readonly acr_values?: string | readonly string[] | undefined
  /** How ID tokens are validated. */
  readonly idToken?: IdTokenOptions | undefined
  /** How a response in a JWT is verified, if the `response_mode` of the request asked for one. */
  readonly responseJwt?: ResponseJwtOptions | undefined
}

/**
 * Validates an authorization response, and its ID token if there is one. It uses up the pending request: a second
 * response to it is refused.
 *
 * Fails with `response` if the server reports an error, such as `access_denied`. Fails with `invalid` if this is not a
 * response to the request: it has another `state` or `iss` (RFC 9207 §2.4), or a repeated, missing or unrequested
 * parameter, or is not the signed JWT that was requested (JARM §2.4). Fails with `pending_missing` if `pending` is undefined, because none was stored for this browser.
 * @param response the URL to which the browser was redirected, the query or fragment of it, or the body of a form post.
 */
export async function validateAuthorizationResponse(
  client: Client,
  response: URL | URLSearchParams | string,
  pending: PendingAuthorization | undefined,
  options: AuthorizationResponseOptions = {},
): Promise<Result<AuthorizationResponse>> {
  if (!pending) return pendingMissing()
  const { issuer } = client
  if (pending.issuer !== issuer.url || pending.client_id !== client.client_id)
    return invalid('pending_mismatch', 'the pending request is one of another client or issuer')
  const read = await readResponse(client, response, pending, options)
  if (!read.ok) return read
  const parameters = read.value
  // Before anything else: a page of an attacker can send the browser here with a code or an error (RFC 9700 §4.7).
  if (parameters.state === undefined || parameters.state !== pending.state)
    return invalid(
      'state_mismatch',
      'the authorization response does not have the state of this request, so it may be forged',
    )
  const sender = await checkIssuer(client, parameters, options.signal)
  if (!sender.ok) return sender
  if (parameters.error !== undefined) return consumed(client, pending, fail(reported(parameters)))
  const parts = readParts(parameters, pending, issuer.now())
  if (!parts.ok) return parts
  if (parts.value.id_token === undefined) return consumed(client, pending, parts)
  const validation = validateHybridIdToken(client, parts.value, pending, options)
  const claims = await unlessAborted(validation, options.signal)
  return claims.ok ? consumed(client, pending, ok({ ...parts.value, claims: claims.value })) : claims
}

async function readResponse(
  client: Client,
  response: URL | URLSearchParams | string,
  pending: PendingAuthorization,
  { responseJwt, signal }: AuthorizationResponseOptions,
): Promise<Result<ResponseParameters>> {
  const sent = readParameters(response, pending)
  if (!sent.ok || sent.value.response === undefined) return sent
  return unlessAborted(readResponseJwt(client, sent.value.response, responseJwt), signal)
}

/**
 * RFC 9207 §2.4: `iss` shows which server has responded, so that its code is not sent to another one. An ID token has the
 * same claim, which is verified before the code is used; certified servers omit the parameter beside one.
 */
async function checkIssuer(
  { issuer }: Client,
  { iss, id_token, error }: ResponseParameters,
  signal: AbortSignal | undefined,
): Promise<Result<void>> {
  if (iss !== undefined && iss !== issuer.url)
    return invalid(
      'issuer_mismatch',
      `the authorization response is of issuer ${quote(iss)} instead of "${issuer.url}"`,
    )
  const metadata = await unlessAborted(issuer.metadata(), signal)
  if (!metadata.ok) return metadata
  const isIdentified = iss !== undefined || (id_token !== undefined && error === undefined)
  return !isIdentified && metadata.value.authorization_response_iss_parameter_supported === true
    ? invalid('issuer_missing', `${issuer.url} sends iss in authorization responses, but this one has none`)
    : ok(undefined)
}

/** Returns the error of the server (RFC 6749 §4.1.2.1). */
function reported({ error = '', error_description, error_uri }: ResponseParameters): ClientError {
  const message = error_description === undefined ? error : `${error}: ${error_description}`
  return new ClientError('response', error, message, { description: error_description, uri: error_uri })
}

/** The user has opened the callback again, or in another browser, or cookies were lost on the way. */
export const pendingMissing = (): Result<never> =>
  invalid('pending_missing', 'there is no pending sign-in for the response; start a new one')

const consumed = <Value>(
  { issuer }: Client,
  pending: PendingAuthorization,
  result: Result<Value>,
): Result<Value> =>
  consume(issuer, pending)
    ? result
    : invalid('pending_used', 'there was a response to this request already; start a new authorization')

/** Validates an ID token of the front channel: its hashes bind the other parts to it. */
const validateHybridIdToken = (
  client: Client,
  { id_token = '', code, access_token }: ResponseParts,
  { nonce, max_age, state, created_at }: PendingAuthorization,
  { acr_values, idToken }: AuthorizationResponseOptions,
): Promise<Result<IdTokenClaims>> =>
  validateIdToken(
    client,
    id_token,
    {
      nonce,
      max_age,
      acr_values,
      requestedAt: created_at,
      frontChannel: true,
      code,
      access_token,
      state,
    },
    idToken,
  )

const invalid = (code: string, message: string): Result<never> =>
  fail(new ClientError('invalid', code, message))
