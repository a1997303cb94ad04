/** Extension grants (RFC 6749 §4.5). */

import type { Client } from '../create-client.ts'
import type { FormParameters } from '../http/form.ts'
import type { Result } from '../result.ts'
import { type UserTokenOptions, type UserTokens, withClaims } from './claims.ts'
import { requestToken } from './request.ts'

/** The identifier of an extension grant: an absolute URI. */
export type ExtensionGrantType = `${string}:${string}`

/**
 * Requests tokens with a grant type that has no function of its own. An ID token may have any nonce.
 * @param parameters the parameters of the grant, without those of the options.
 */
export async function extensionGrant(
  client: Client,
  grant_type: ExtensionGrantType,
  parameters: FormParameters = {},
  options: UserTokenOptions = {},
): Promise<Result<UserTokens>> {
  const tokens = await requestToken(client, { ...parameters, grant_type }, options)
  return withClaims(client, tokens, { anyNonce: true }, options)
}
