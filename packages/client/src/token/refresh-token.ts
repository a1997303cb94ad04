/** The refresh token grant (RFC 6749 §6). */

import { grantTypes } from '@tessera/protocol/grant-types'
import type { Client } from '../create-client.ts'
import type { ClientErrorKind } from '../error.ts'
import type { Result } from '../result.ts'
import type { IdTokenClaims } from '../validation/id-token.ts'
import { type UserTokenOptions, type UserTokens, withClaims } from './claims.ts'
import { requestToken } from './request.ts'

export type RefreshOptions = UserTokenOptions & {
  /**
   * The claims of the first ID token of the session. A new ID token must be for the same user, client and authentication
   * (OpenID Connect Core 1.0 §12.2).
   */
  readonly previous?: IdTokenClaims | undefined
}

/**
 * Requests new tokens with a refresh token. If the response contains a `refresh_token`, it replaces the one that was
 * sent; otherwise that one remains valid (RFC 6749 §6). A narrower `scope` applies to the new access token only.
 *
 * The request is sent once. If it fails with `mayHaveSucceeded`, the server may have issued a new refresh token that was
 * lost: Tessera accepts the same token again within a short time, and other servers may end the session for it.
 *
 * If the keys that verify a new ID token can't be requested, the tokens are returned without that ID token, because the
 * session does not need it.
 */
export async function refreshToken(
  client: Client,
  refresh_token: string,
  { previous, ...options }: RefreshOptions = {},
): Promise<Result<UserTokens>> {
  const tokens = await requestToken(client, { grant_type: grantTypes.refreshToken, refresh_token }, options)
  const expectations = previous ? { previous } : { anyNonce: true }
  const validated = await withClaims(client, tokens, expectations, options)
  if (!tokens.ok || validated.ok || !unreachable.includes(validated.error.kind)) return validated
  const { id_token: _, ...others } = tokens.value
  return { ok: true, value: others }
}

/** Kinds of errors that say nothing about the ID token itself. */
const unreachable: readonly ClientErrorKind[] = ['network', 'response', 'aborted']
