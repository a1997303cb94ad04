/** The resource owner password credentials grant (RFC 6749 §4.3). */

import { grantTypes } from '@tessera/protocol/grant-types'
import type { Client } from '../create-client.ts'
import type { Result } from '../result.ts'
import { requestToken, type TokenRequestOptions } from './request.ts'
import type { TokenResponse } from './response.ts'

export type PasswordCredentials = {
  readonly username: string
  readonly password: string
  /** See {@link acrValues} for `idp:` and `tenant:`. */
  readonly acr_values?: string | undefined
}

/**
 * Requests tokens with the name and password of a user. OAuth 2.1 omits this grant, because the client sees the
 * password (RFC 9700 §2.4): use it for existing clients that can't open a browser.
 */
export const password = (
  client: Client,
  { username, password, acr_values }: PasswordCredentials,
  options: TokenRequestOptions = {},
): Promise<Result<TokenResponse>> =>
  requestToken(client, { grant_type: grantTypes.password, username, password, acr_values }, options)
