/** The client credentials grant (RFC 6749 §4.4). */

import { grantTypes } from '@tessera/protocol/grant-types'
import type { Client } from '../create-client.ts'
import type { Result } from '../result.ts'
import { requestToken, type TokenRequestOptions } from './request.ts'
import type { TokenResponse } from './response.ts'

/** Requests an access token for the client itself. */
export const clientCredentials = (
  client: Client,
  options: TokenRequestOptions = {},
): Promise<Result<TokenResponse>> =>
  requestToken(client, { grant_type: grantTypes.clientCredentials }, options)
