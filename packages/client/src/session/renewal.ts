/** When a token is renewed. */

import type { Seconds } from '@tessera/protocol/brand'

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
