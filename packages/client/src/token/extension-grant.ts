/** Extension grants (RFC 6749 §4.5). */

import type { Client } from '../create-client.ts'
import type { FormParameters } from '../http/form.ts'
import type { Result } from '../result.ts'
import { requestToken, type TokenRequestOptions } from './request.ts'
import type { TokenResponse } from './response.ts'

/** The identifier of an extension grant: an absolute URI. */
export type ExtensionGrantType = `${string}:${string}`

/**
 * Requests tokens with a grant type that has no function of its own.
 * @param parameters the parameters of the grant, without those of the options.
 */
export const extensionGrant = (
  client: Client,
  grant_type: ExtensionGrantType,
  parameters: FormParameters = {},
  options: TokenRequestOptions = {},
): Promise<Result<TokenResponse>> => requestToken(client, { ...parameters, grant_type }, options)
