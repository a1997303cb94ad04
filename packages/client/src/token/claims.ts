/** ID tokens in token responses (OpenID Connect Core 1.0 §3.1.3.3, §12.2). */

import type { Client } from '../create-client.ts'
import { ClientError } from '../error.ts'
import { unlessAborted } from '../http/unless-aborted.ts'
import { fail, ok, type Result } from '../result.ts'
import {
  type IdTokenClaims,
  type IdTokenExpectations,
  type IdTokenOptions,
  validateIdToken,
} from '../validation/id-token.ts'
import type { TokenRequestOptions } from './request.ts'
import type { TokenResponse } from './response.ts'

/** Options of requests whose responses can contain an ID token. */
export type UserTokenOptions = TokenRequestOptions & {
  /** How the ID token is validated. */
  readonly idToken?: IdTokenOptions | undefined
}

/** Tokens of a user. */
export type UserTokens = TokenResponse & {
  /** The validated claims of the ID token; undefined if the response contains none. */
  readonly claims?: IdTokenClaims
}

/**
 * Validates the ID token of a response, if there is one. Fails like {@link validateIdToken}, with `mayHaveSucceeded`:
 * the server has issued tokens that are lost then.
 */
export async function withClaims(
  client: Client,
  tokens: Result<TokenResponse>,
  expectations: IdTokenExpectations,
  { idToken, signal }: UserTokenOptions,
): Promise<Result<UserTokens>> {
  if (!tokens.ok || tokens.value.id_token === undefined) return tokens
  const { id_token, access_token } = tokens.value
  const validation = validateIdToken(client, id_token, { ...expectations, access_token }, idToken)
  const validated = await unlessAborted(validation, signal)
  return validated.ok ? ok({ ...tokens.value, claims: validated.value }) : fail(issued(validated.error))
}

/** Returns the error with `mayHaveSucceeded`. */
const issued = (error: ClientError): ClientError =>
  new ClientError(error.kind, error.code, error.message, {
    cause: error,
    response: error.response,
    retryAfter: error.retryAfter,
    mayHaveSucceeded: true,
  })
