/** The end of an authorization: its response is validated and the code exchanged (RFC 6749 §4.1.3). */

import { brings } from '@tessera/protocol/response-type'
import type { Client } from '../create-client.ts'
import { ClientError } from '../error.ts'
import { fail, ok, type Result } from '../result.ts'
import { authorizationCode } from '../token/authorization-code.ts'
import type { UserTokenOptions, UserTokens } from '../token/claims.ts'
import type { PendingAuthorization } from './pending.ts'
import {
  type AuthorizationResponse,
  type AuthorizationResponseOptions,
  pendingMissing,
  validateAuthorizationResponse,
} from './response.ts'

/** Options of the token request, and of the validation of ID tokens. */
export type CompletionOptions = UserTokenOptions & AuthorizationResponseOptions

export type CompletedAuthorization = UserTokens & {
  /** The authorization response, with the tokens that it contained. */
  readonly authorizationResponse: AuthorizationResponse
}

/**
 * Validates an authorization response, exchanges its code for tokens, and validates the ID token. Delete the stored
 * pending request before the call, so that nothing uses it a second time.
 *
 * The code is sent once. If the response to that is lost, the call fails with `code_exchange_lost`, and the user has to
 * start a new authorization. Otherwise it fails as {@link validateAuthorizationResponse} and
 * {@link authorizationCode} do.
 * @param pending undefined if none was stored for this browser, such as after a lost cookie or a repeated callback:
 *   fails with `pending_missing`.
 * @throws TypeError if the request was for tokens without a code; use {@link validateAuthorizationResponse} then.
 */
export async function completeAuthorization(
  client: Client,
  response: URL | URLSearchParams | string,
  pending: PendingAuthorization | undefined,
  { acr_values, responseJwt, ...options }: CompletionOptions = {},
): Promise<Result<CompletedAuthorization>> {
  if (!pending) return pendingMissing()
  const { redirect_uri, response_type, code_verifier, nonce, max_age, state, resource } = pending
  if (typeof response_type !== 'string')
    throw new TypeError('pending must be the object that createAuthorizationRequest returned')
  if (!brings(response_type, 'code') || code_verifier === undefined)
    throw new TypeError(`response_type ${response_type} has no code: call validateAuthorizationResponse`)
  const { idToken, signal } = options
  const validated = await validateAuthorizationResponse(client, response, pending, {
    acr_values,
    idToken,
    responseJwt,
    signal,
  })
  if (!validated.ok) return validated
  const { code = '', claims } = validated.value
  const tokens = await authorizationCode(
    client,
    {
      code,
      redirect_uri,
      code_verifier,
      nonce,
      max_age,
      requestedAt: pending.created_at,
      acr_values,
      state,
      // OpenID Connect Core 1.0 §3.3.3.6: a hybrid response has two ID tokens about the same user.
      sub: claims?.sub,
    },
    { resource, ...options },
  )
  return tokens.ok
    ? ok({ ...tokens.value, authorizationResponse: validated.value })
    : fail(exchangeError(tokens.error))
}

/** The code may have been redeemed: using it again would revoke the tokens that it brought (RFC 6749 §4.1.2). */
function exchangeError(error: ClientError): ClientError {
  // Other kinds are about a response that arrived, such as an ID token whose algorithm is not allowed.
  const isLost = ['network', 'aborted', 'response'].includes(error.kind)
  if (!error.mayHaveSucceeded || !isLost) return error
  const message = `the response to the code was lost (${error.message}); start a new authorization`
  return new ClientError(error.kind, 'code_exchange_lost', message, {
    cause: error,
    response: error.response,
    retryAfter: error.retryAfter,
    mayHaveSucceeded: true,
  })
}
