/** Validation of logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.6). */

import type { Seconds } from '@tessera/protocol/brand'
import { isJsonObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../create-client.ts'
import { invalidToken } from '../jwt/decode.ts'
import { ok, type Result } from '../result.ts'
import {
  checkAudience,
  checkIssuer,
  checkNumbers,
  checkOptionalTexts,
  checkTexts,
  type Refused,
} from './claims.ts'
import { type ClientTokenOptions, verifyClientToken } from './client-token.ts'

/** Claims of a validated logout token (§2.4). At least one of `sub` and `sid` is present. */
export type LogoutTokenClaims = JsonObject & {
  readonly iss: string
  readonly aud: string | readonly string[]
  readonly iat: Seconds
  readonly exp: Seconds
  readonly jti: string
  readonly events: JsonObject
  /** The user. Without `sid`, all sessions of this user end. */
  readonly sub?: string
  /** The session that ends: the `sid` of its ID token. */
  readonly sid?: string
}

/** How logout tokens are verified. */
export type LogoutTokenOptions = ClientTokenOptions & {
  /**
   * Remembers the id of a token until `expires_at`, for all processes of the client. Returns false if it was already
   * remembered: then the token is refused as a replay. Called after all other checks.
   */
  readonly rememberId?: ((jti: string, expires_at: Seconds) => boolean | Promise<boolean>) | undefined
}

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'

/**
 * Validates a logout token and returns its claims. Fails with `invalid` and a code for the first check that it does not
 * pass, or like the requests for metadata and keys. What `rememberId` throws is thrown.
 *
 * The sessions to end are those of `sid`, otherwise those of `sub`. Respond 200 then, and 400 if it failed (§2.8).
 * @param token the parameter `logout_token` of the request.
 */
export async function validateLogoutToken(
  client: Client,
  token: string,
  options: LogoutTokenOptions = {},
): Promise<Result<LogoutTokenClaims>> {
  const { issuer, client_id, clockTolerance } = client
  const types = ['logout+jwt', 'jwt', undefined]
  const verified = await verifyClientToken(client, token, { ...options, now: issuer.now(), types })
  if (!verified.ok) return verified
  const { claims } = verified.value
  const refused =
    checkIssuer(claims, issuer.url) ??
    checkAudience(claims, [client_id]) ??
    checkNumbers(claims, ['iat', 'exp']) ??
    checkTexts(claims, ['jti']) ??
    checkOptionalTexts(claims, ['sub', 'sid']) ??
    checkPurpose(claims)
  if (refused) return refused
  const validated = claims as LogoutTokenClaims
  // The token is accepted for as long as the clocks may differ.
  const expires_at = validated.exp + (options.clockTolerance ?? clockTolerance)
  const isNew = options.rememberId ? await options.rememberId(validated.jti, expires_at) : true
  return isNew ? ok(validated) : invalidToken('token_replayed', 'the logout token was used before')
}

/** §2.6 (4) to (6). A nonce would make it usable as an ID token. */
function checkPurpose({ sub, sid, events, nonce }: JsonObject): Refused {
  if (sub === undefined && sid === undefined)
    return invalidToken('claim_missing', 'the logout token has neither sub nor sid')
  const event = isJsonObject(events) ? events[logoutEvent] : undefined
  if (!isJsonObject(event)) return invalidToken('type_mismatch', 'the token has no event for logout')
  return nonce === undefined ? undefined : invalidToken('type_mismatch', 'the logout token has a nonce')
}
