/** The resource owner password credentials grant (RFC 6749 §4.3). */

import { grantTypes } from '@tessera/protocol/grant-types'
import type { Client } from '../create-client.ts'
import type { Result } from '../result.ts'
import { type UserTokenOptions, type UserTokens, withClaims } from './claims.ts'
import { requestToken } from './request.ts'

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
export async function password(
  client: Client,
  { username, password, acr_values }: PasswordCredentials,
  options: UserTokenOptions = {},
): Promise<Result<UserTokens>> {
  const grant = { grant_type: grantTypes.password, username, password, acr_values }
  return withClaims(client, await requestToken(client, grant, options), {}, options)
}
