/** The refresh token grant (RFC 6749 §6). */

import { grantTypes } from '@tessera/protocol/grant-types'
import type { Client } from '../create-client.ts'
import type { Result } from '../result.ts'
import { requestToken, type TokenRequestOptions } from './request.ts'
import type { TokenResponse } from './response.ts'

/**
 * Requests new tokens with a refresh token. If the response contains a `refresh_token`, it replaces the one that was
 * sent; otherwise that one remains valid (RFC 6749 §6). A narrower `scope` applies to the new access token only.
 *
 * The request is sent once. If it fails with `mayHaveSucceeded`, the server may have issued a new refresh token that was
 * lost: Tessera accepts the same token again within a short time, and other servers may end the session for it.
 */
export const refreshToken = (
  client: Client,
  refresh_token: string,
  options: TokenRequestOptions = {},
): Promise<Result<TokenResponse>> =>
  requestToken(client, { grant_type: grantTypes.refreshToken, refresh_token }, options)
