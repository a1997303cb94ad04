/** The UserInfo endpoint (OpenID Connect Core 1.0 §5.3). */

import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../create-client.ts'
import { endpointUrl } from '../discovery/metadata.ts'
import { ClientError } from '../error.ts'
import { type CallOptions, serverError } from '../http/client-request.ts'
import { sendProven } from '../http/proven-request.ts'
import { redact } from '../http/redact.ts'
import { hasMediaType, jsonObject, type ReceivedResponse, textMember } from '../http/response.ts'
import { unlessAborted } from '../http/unless-aborted.ts'
import { parseChallenges } from '../http/www-authenticate.ts'
import { fail, ok, type Result } from '../result.ts'
import { verifyResponse } from './signed-response.ts'

/** Claims about the user. Other claims are as the server sent them (OpenID Connect Core 1.0 §5.1). */
export type UserinfoClaims = JsonObject & { readonly sub: string }

export type UserinfoOptions = CallOptions & {
  /** Requires a signed response. By default, signed and unsigned responses are accepted. */
  readonly signed?: boolean | undefined
  /** The signature algorithms that are accepted; by default those with a key pair that the server's metadata lists. */
  readonly algorithms?: readonly string[] | undefined
}

/**
 * Requests the claims that an access token with the scope `openid` gives access to.
 *
 * Fails with `invalid` and `sub_mismatch` if they are about another user (§5.3.2), and with `response` and
 * `invalid_token` or `insufficient_scope` if the server refuses the token. Encrypted responses are `unsupported`.
 * @param sub the `sub` of the ID token that came with the access token; null only if none did.
 */
export async function fetchUserinfo(
  client: Client,
  access_token: string,
  sub: string | null,
  { signed = false, algorithms, signal }: UserinfoOptions = {},
): Promise<Result<UserinfoClaims>> {
  const { proof, authentication } = client
  const metadata = await unlessAborted(client.issuer.metadata(), signal)
  if (!metadata.ok) return metadata
  const url = endpointUrl(metadata.value, 'userinfo_endpoint', authentication.mtls)
  if (!url.ok) return url
  const about = { method: 'GET', url: url.value, accessToken: access_token } as const
  const received = await sendProven(client, proof, about, () => ({
    operation: 'userinfo',
    method: 'GET',
    url: url.value,
    headers: {
      accept: signed ? 'application/jwt' : 'application/json, application/jwt',
      authorization: `${proof?.tokenType ?? 'Bearer'} ${access_token}`,
    },
    signal,
  }))
  if (!received.ok) return received
  const { value: response } = received
  if (response.status !== 200) return fail(resourceError(response, [access_token]))
  const claims = hasMediaType(response, 'application/jwt')
    ? await verifyResponse(client, response, {
        algorithms,
        supported: 'userinfo_signing_alg_values_supported',
        required: false,
        signal,
      })
    : unsignedClaims(response, signed)
  return claims.ok ? checkSubject(claims.value, sub, response) : claims
}

function unsignedClaims(response: ReceivedResponse, signed: boolean): Result<JsonObject> {
  if (signed)
    return fail(
      new ClientError('policy', 'response_not_signed', 'the userinfo response is not signed', { response }),
    )
  const claims = jsonObject(response)
  return claims ? ok(claims) : fail(invalid('the userinfo response is not a JSON object', response))
}

function checkSubject(
  claims: JsonObject,
  sub: string | null,
  response: ReceivedResponse,
): Result<UserinfoClaims> {
  if (!textMember(claims, 'sub')) return fail(invalid('the userinfo response has no sub', response))
  return sub === null || claims.sub === sub
    ? ok(claims as UserinfoClaims)
    : fail(
        new ClientError('invalid', 'sub_mismatch', 'the userinfo response is about another user', {
          response,
        }),
      )
}

/** A GET request changes nothing, so it can't have succeeded. */
const invalid = (message: string, response: ReceivedResponse): ClientError =>
  new ClientError('invalid', 'invalid_response', message, { response })

/** Returns the error of the challenge (RFC 6750 §3), or else of the body. */
function resourceError(response: ReceivedResponse, secrets: readonly string[]): ClientError {
  const challenge = parseChallenges(response.headers.get('www-authenticate')).find(({ parameters }) =>
    parameters.has('error'),
  )
  const text = (name: string): string | undefined => redact(challenge?.parameters.get(name), secrets)
  const error = text('error')
  if (error === undefined) return serverError(response, secrets)
  const description = text('error_description')
  const message = description === undefined ? error : `${error}: ${description}`
  return new ClientError('response', error, message, { description, response })
}
