/** Successful token responses (RFC 6749 §5.1). */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import { invalidResponse } from '../http/client-request.ts'
import { type ReceivedResponse, textMember } from '../http/response.ts'
import { quote } from '../quote.ts'
import { fail, ok, type Result } from '../result.ts'
import { lifetime } from './lifetime.ts'

export type TokenResponse = {
  readonly access_token: string
  /** As the server spells it: `Bearer` or, with a proof, its token type. */
  readonly token_type: string
  /** Seconds, counted from the response. */
  readonly expires_in?: Seconds
  /** When the access token expires, counted from the time at which it was requested, so never too late. */
  readonly expires_at?: Seconds
  readonly refresh_token?: string
  /**
   * Seconds that the refresh token may be kept without being used, counted from the response
   * (draft-ietf-oauth-refresh-token-expiration-03 §6.1). Undefined if the server sets no limit or does not tell.
   */
  readonly refresh_token_timeout?: Seconds
  /** When the refresh token expires if it is not used, counted like `expires_at`. */
  readonly refresh_token_expires_at?: Seconds
  /**
   * Seconds until the user's authorization ends, counted from the response
   * (draft-ietf-oauth-refresh-token-expiration-03 §6.1). Undefined if it has no fixed end or the server does not tell.
   */
  readonly authorization_expires_in?: Seconds
  /** When the user's authorization ends, counted like `expires_at`. */
  readonly authorization_expires_at?: Seconds
  /** The scope that was granted; undefined if it is the one that was requested. */
  readonly scope?: string
  /** Validated by the functions that return claims; others return it as received. */
  readonly id_token?: string
  /** RFC 8693 §2.2.1. */
  readonly issued_token_type?: string
  /** All members of the response, as received. */
  readonly members: JsonObject
}

/**
 * Reads a token response.
 * @param tokenType the type that the token must have, compared without regard to case (RFC 6749 §5.1). A bearer token
 * is refused if the client asked for one bound to its key.
 * @param requestedAt when the request was sent.
 */
export function readTokenResponse(
  members: JsonObject,
  response: ReceivedResponse,
  tokenType: string,
  requestedAt: Seconds,
): Result<TokenResponse> {
  const invalid = (message: string): Result<never> => fail(invalidResponse(message, response))
  const access_token = textMember(members, 'access_token')
  const token_type = textMember(members, 'token_type')
  if (!access_token) return invalid('the token response has no access_token')
  if (token_type === undefined) return invalid('the token response has no token_type')
  if (token_type.toLowerCase() !== tokenType.toLowerCase() && !isUnusable(members))
    return invalid(`the token_type is ${quote(token_type)} instead of ${tokenType}`)
  for (const name of ['refresh_token', 'scope', 'id_token', 'issued_token_type'])
    if (members[name] !== undefined && members[name] !== null && typeof members[name] !== 'string')
      return invalid(`${name} in the token response is not a string`)
  const expires_in = lifetime(members.expires_in)
  if (expires_in === null) return invalid('expires_in in the token response is not a number of seconds')
  const start = Math.floor(requestedAt)
  // Only advice, and the draft may change: a value that is not a number of seconds is left out.
  const refresh_token_timeout = lifetime(members.refresh_token_timeout) ?? undefined
  const authorization_expires_in = lifetime(members.authorization_expires_in) ?? undefined
  const optional = {
    ...(expires_in !== undefined && { expires_in, expires_at: start + expires_in }),
    ...(refresh_token_timeout !== undefined && {
      refresh_token_timeout,
      refresh_token_expires_at: start + refresh_token_timeout,
    }),
    ...(authorization_expires_in !== undefined && {
      authorization_expires_in,
      authorization_expires_at: start + authorization_expires_in,
    }),
    ...textMembers(members, ['refresh_token', 'scope', 'id_token', 'issued_token_type']),
  }
  return ok({ access_token, token_type, ...optional, members })
}

/** A token that is not an access token has the type `N_A` (RFC 8693 §2.2.1). */
const isUnusable = ({ token_type, issued_token_type }: JsonObject): boolean =>
  issued_token_type !== undefined &&
  issued_token_type !== 'urn:ietf:params:oauth:token-type:access_token' &&
  `${token_type}`.toLowerCase() === 'n_a'

const textMembers = (members: JsonObject, names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    names.flatMap(name => {
      const value = textMember(members, name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
