/** How long a refresh family lives: an absolute end, or a sliding one that never passes it. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Client } from '../../model/client.ts'
import { noAbsoluteEnd } from '../../tokens/refresh-token.ts'

/** The end that never changes. A sliding expiration with an absolute lifetime of 0 has none. */
export const absoluteEnd = (client: Client, now: Seconds): Seconds =>
  client.refresh_token_expiration === 'sliding' && client.absolute_refresh_token_lifetime === 0
    ? noAbsoluteEnd
    : now + client.absolute_refresh_token_lifetime

/**
 * The end if it is not used again before. Where the client's expiration became absolute, or shorter, since the family
 * began, the new lifetime counts from here: a family without an absolute end gets one that way.
 */
export const idleEnd = (client: Client, now: Seconds, absolute: Seconds): Seconds =>
  Math.min(now + lifetimes[client.refresh_token_expiration](client), absolute)

const lifetimes = {
  sliding: client => client.sliding_refresh_token_lifetime,
  absolute: client => client.absolute_refresh_token_lifetime,
} as const satisfies Record<Client['refresh_token_expiration'], (client: Client) => Seconds>
