/** JWT bearer assertions as authorization grants (RFC 7523 §2.1). */

import { grantTypes } from '@tessera/protocol/grant-types'
import type { Client } from '../create-client.ts'
import type { Result } from '../result.ts'
import { type UserTokenOptions, type UserTokens, withClaims } from './claims.ts'
import { requestToken } from './request.ts'

/**
 * Requests tokens for the subject of an assertion, which an issuer that the server trusts has signed. Servers may accept
 * each assertion once, so create a new one for each call (RFC 7523 §3).
 */
export async function jwtBearer(
  client: Client,
  assertion: string,
  options: UserTokenOptions = {},
): Promise<Result<UserTokens>> {
  const grant = { grant_type: grantTypes.jwtBearer, assertion }
  return withClaims(client, await requestToken(client, grant, options), {}, options)
}
