/** Device authorization: the codes that a device shows to its user (RFC 8628 §3.1, §3.2). */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../create-client.ts'
import { isAllowedUrl } from '../discovery/metadata.ts'
import { ClientError } from '../error.ts'
import { invalidResponse, postForJson } from '../http/client-request.ts'
import { mergeParameters } from '../http/form.ts'
import { textMember } from '../http/response.ts'
import { fail, ok, type Result } from '../result.ts'
import { lifetime } from './lifetime.ts'
import type { TokenRequestOptions } from './request.ts'

/** A device authorization: plain JSON, so it can be stored. The user must not see `device_code`. */
export type DeviceAuthorization = {
  readonly device_code: string
  /** The user types it at `verification_uri`. Show it as it is. */
  readonly user_code: string
  readonly verification_uri: string
  /** `verification_uri` that contains the user code: for a QR code or a link. Show the user code beside it. */
  readonly verification_uri_complete?: string
  /** Seconds, counted from the response. */
  readonly expires_in: Seconds
  /** When the codes expire, counted from the time at which they were requested. */
  readonly expires_at: Seconds
  /** The minimum number of seconds between two requests for the tokens. */
  readonly interval: Seconds
  /** All members of the response, as received. */
  readonly members: JsonObject
}

/** RFC 8628 §3.2: the interval if the server names none. */
const defaultInterval: Seconds = 5

/**
 * Requests a device code and a user code. Pass the value to {@link pollDeviceToken} after you have shown
 * `verification_uri` and `user_code`. Fails with `policy` if a verification URI is not an https URL.
 */
export async function startDeviceAuthorization(
  client: Client,
  { scope, resource, audience, parameters = {}, signal }: TokenRequestOptions = {},
): Promise<Result<DeviceAuthorization>> {
  const requestedAt = client.issuer.now()
  const received = await postForJson(client, {
    operation: 'device_authorization',
    endpoint: 'device_authorization_endpoint',
    parameters: mergeParameters(parameters, { scope, resource, audience }),
    signal,
  })
  if (!received.ok) return received
  const { members, response } = received.value
  const invalid = (message: string): Result<never> => fail(invalidResponse(message, response))
  const [device_code, user_code, verification_uri] = requiredMembers.map(name => textMember(members, name))
  if (!device_code || !user_code || !verification_uri)
    return invalid(`the device authorization response must contain ${requiredMembers.join(', ')}`)
  const expires_in = lifetime(members.expires_in)
  if (expires_in === undefined || expires_in === null) return invalid('expires_in is not a number of seconds')
  const interval = lifetime(members.interval)
  if (interval === null) return invalid('interval is not a number of seconds')
  const verification_uri_complete = textMember(members, 'verification_uri_complete')
  // A program may open these, so a URL such as `javascript:` is not passed on.
  for (const uri of [verification_uri, verification_uri_complete])
    if (uri !== undefined && !isAllowedUrl(uri, client.issuer.policy))
      return fail(
        new ClientError(
          'policy',
          'verification_uri_not_allowed',
          'the verification URI must be an https URL',
        ),
      )
  return ok({
    device_code,
    user_code,
    verification_uri,
    ...(verification_uri_complete !== undefined && { verification_uri_complete }),
    expires_in,
    expires_at: Math.floor(requestedAt) + expires_in,
    interval: interval ?? defaultInterval,
    members,
  })
}

const requiredMembers = ['device_code', 'user_code', 'verification_uri'] as const
