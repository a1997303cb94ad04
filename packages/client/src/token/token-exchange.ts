/** Token exchange (RFC 8693). */

import { grantTypes } from '@tessera/protocol/grant-types'
import type { Client } from '../create-client.ts'
import { ClientError } from '../error.ts'
import { quote } from '../quote.ts'
import { fail, ok, type Result } from '../result.ts'
import { requestToken, type TokenRequestOptions } from './request.ts'
import type { TokenResponse } from './response.ts'
import type { TokenType } from './token-types.ts'

/** The token of the acting party, with its type; both or neither (RFC 8693 §2.1). */
type Actor =
  | { readonly actor_token: string; readonly actor_token_type: TokenType }
  | { readonly actor_token?: undefined; readonly actor_token_type?: undefined }

/** The parameters of RFC 8693 §2.1. Types are absolute URIs; see {@link tokenTypes}. */
export type TokenExchange = {
  /** Represents the party on behalf of which the new token is used. */
  readonly subject_token: string
  readonly subject_token_type: TokenType
  /** The type of the new token; by default the server decides. */
  readonly requested_token_type?: TokenType | undefined
} & Actor

/** A response whose `access_token` is the issued token, even if it is not an access token (RFC 8693 §2.2.1). */
export type ExchangedToken = TokenResponse & { readonly issued_token_type: string }

/**
 * Exchanges a token for another one. Fails with `invalid` if the response does not name the type of the issued token,
 * or if it is not the requested type. A token that is not an access token has the `token_type` "N_A".
 */
export async function exchangeToken(
  client: Client,
  exchange: TokenExchange,
  options: TokenRequestOptions = {},
): Promise<Result<ExchangedToken>> {
  const { subject_token, subject_token_type, actor_token, actor_token_type, requested_token_type } = exchange
  const tokens = await requestToken(
    client,
    {
      grant_type: grantTypes.tokenExchange,
      subject_token,
      subject_token_type,
      actor_token,
      actor_token_type,
      requested_token_type,
    },
    options,
  )
  if (!tokens.ok) return tokens
  const { issued_token_type } = tokens.value
  if (issued_token_type === undefined)
    return invalid('issued_token_type_missing', 'the response does not name the type of the issued token')
  if (requested_token_type !== undefined && issued_token_type !== requested_token_type)
    return invalid(
      'issued_token_type_mismatch',
      `the issued token is of type ${quote(issued_token_type)} instead of ${requested_token_type}`,
    )
  return ok({ ...tokens.value, issued_token_type })
}

const invalid = (code: string, message: string): Result<never> =>
  fail(new ClientError('invalid', code, message, { mayHaveSucceeded: true }))
