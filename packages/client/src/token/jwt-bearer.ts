/** JWT bearer assertions as authorization grants (RFC 7523 §2.1). */

import { grantTypes } from '@tessera/protocol/grant-types'
import type { Client } from '../create-client.ts'
import type { Result } from '../result.ts'
import { requestToken, type TokenRequestOptions } from './request.ts'
import type { TokenResponse } from './response.ts'

/**
 * Requests tokens for the subject of an assertion, which an issuer that the server trusts has signed. Servers may accept
 * each assertion once, so create a new one for each call (RFC 7523 §3).
 */
export const jwtBearer = (
  client: Client,
  assertion: string,
  options: TokenRequestOptions = {},
): Promise<Result<TokenResponse>> =>
  requestToken(client, { grant_type: grantTypes.jwtBearer, assertion }, options)
