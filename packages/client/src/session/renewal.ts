/** When a token is renewed. */

import type { Seconds } from '@tessera/protocol/brand'
import type { SessionTokens } from './session-tokens.ts'

export type Renewal = {
  /** From then on the token should be renewed. */
  readonly renewAt: Seconds
  /** Until then the token can be sent: a request may take some seconds to reach the API. */
  readonly usableUntil: Seconds
}

export type RenewalOptions = {
  /** The earliest renewal, in seconds before the token expires; the default is 300, but at most a fifth of the lifetime. */
  readonly renewBefore?: Seconds | undefined
  /** A number from 0 to 1 (exclusive). The default is `Math.random`. */
  readonly random?: (() => number) | undefined
}

/**
 * Returns when to renew a token. The time is random within the second half of `renewBefore`, so that processes whose
 * tokens were issued together do not renew them together.
 */
export function renewalOf(
  { expires_at, expires_in }: { readonly expires_at: Seconds; readonly expires_in: Seconds },
  { renewBefore = 300, random = Math.random }: RenewalOptions = {},
): Renewal {
  const usableUntil = expires_at - Math.min(10, expires_in / 10)
  const early = Math.min(renewBefore, expires_in / 5)
  return { usableUntil, renewAt: usableUntil - early * (1 - random() / 2) }
}

/**
 * Returns when to refresh the tokens of a user: before the access token expires, and before the refresh token expires
 * because it was not used. If the user's authorization ends with the access token, a refresh before that returns no
 * token that lasts longer.
 */
export function refreshTimes(tokens: SessionTokens, options: RenewalOptions = {}): Renewal {
  const { expires_at = Infinity, expires_in = 3600, authorization_expires_at: end = Infinity } = tokens
  const access =
    expires_at === Infinity
      ? { renewAt: Infinity, usableUntil: Infinity }
      : renewalOf({ expires_at, expires_in }, options)
  if (end < Infinity && end <= expires_at) return { ...access, renewAt: access.usableUntil }
  const { refresh_token_timeout, refresh_token_expires_at: idleEnd } = tokens
  if (refresh_token_timeout === undefined || idleEnd === undefined || idleEnd >= end) return access
  const kept = renewalOf({ expires_at: idleEnd, expires_in: refresh_token_timeout }, options)
  return { ...access, renewAt: Math.min(access.renewAt, kept.renewAt) }
}
