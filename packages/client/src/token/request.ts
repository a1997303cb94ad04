/** Token requests of any grant type (RFC 6749 §3.2, §4). */

import type { Client } from '../create-client.ts'
import { type CallOptions, postForJson } from '../http/client-request.ts'
import { type FormParameters, mergeParameters } from '../http/form.ts'
import type { Result } from '../result.ts'
import { readTokenResponse, type TokenResponse } from './response.ts'

/** Options of a request for any grant. */
export type TokenRequestOptions = CallOptions & {
  /** Space-separated names (RFC 6749 §3.3). */
  readonly scope?: string | undefined
  /** Where the token will be used (RFC 8707 §2). */
  readonly resource?: string | readonly string[] | undefined
  /** The logical name of the API, for servers that use it instead of `resource` (RFC 8693 §2.1). */
  readonly audience?: string | readonly string[] | undefined
  /** More parameters of the request. They can't replace those that the call sets itself. */
  readonly parameters?: FormParameters | undefined
}

/**
 * Sends a token request for one grant. The request is sent once; see {@link ClientError.mayHaveSucceeded} before you
 * repeat it.
 * @param grant the parameters of the grant, with its `grant_type`.
 */
export async function requestToken(
  client: Client,
  grant: FormParameters & { readonly grant_type: string },
  { scope, resource, audience, parameters = {}, signal }: TokenRequestOptions = {},
): Promise<Result<TokenResponse>> {
  const requestedAt = client.issuer.now()
  const received = await postForJson(client, {
    operation: 'token',
    endpoint: 'token_endpoint',
    parameters: mergeParameters(parameters, { scope, resource, audience }, grant),
    proof: true,
    signal,
  })
  if (!received.ok) return received
  const { members, response } = received.value
  return readTokenResponse(members, response, client.proof?.tokenType ?? 'Bearer', requestedAt)
}
