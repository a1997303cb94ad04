/** Token revocation (RFC 7009). */

import type { Client } from '../create-client.ts'
import { type CallOptions, postAsClient } from '../http/client-request.ts'
import { type FormParameters, mergeParameters } from '../http/form.ts'
import { ok, type Result } from '../result.ts'

export type TokenTypeHint = 'access_token' | 'refresh_token' | (string & {})

export type RevocationOptions = CallOptions & {
  /** Helps the server to find the token faster (RFC 7009 §2.1). */
  readonly token_type_hint?: TokenTypeHint | undefined
  /** More parameters of the request. */
  readonly parameters?: FormParameters | undefined
}

/**
 * Revokes an access token or a refresh token. Succeeds as well if the token is unknown or revoked already (RFC 7009
 * §2.2). A call that failed can be repeated.
 */
export async function revokeToken(
  client: Client,
  token: string,
  { token_type_hint, parameters = {}, signal }: RevocationOptions = {},
): Promise<Result<undefined>> {
  const received = await postAsClient(client, {
    operation: 'revocation',
    endpoint: 'revocation_endpoint',
    parameters: mergeParameters(parameters, { token, token_type_hint }),
    signal,
  })
  return received.ok ? ok(undefined) : received
}
