/**
 * The retry window: a request whose response was lost is repeated, and gets the same refresh token while that one is
 * unused. So no sign-in is lost, and no second branch of a refresh family begins.
 */

import type { Seconds } from '@tessera/protocol/brand'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Confirmation, RefreshFamily } from '../../model/authorization.ts'
import type { Client } from '../../model/client.ts'
import type { Use } from '../../model/ports/stores.ts'
import type { GrantPorts } from './decision.ts'

/** Tolerates clock differences of synchronized nodes and rounding to seconds. */
const clockTolerance: Seconds = 2

/**
 * Returns the use of a repeated request that issued the family's current generation; undefined after the client's retry
 * window. Refuses `invalid_grant` if that generation was issued in the future.
 */
export function retryOf(
  family: RefreshFamily,
  { refresh_token_retry_window: window }: Client,
  { clock, log }: Pick<GrantPorts, 'clock' | 'log'>,
): Result<Use> | undefined {
  const now = clock.now()
  const since = now - window
  if (window === 0 || family.rotated_at < since) return undefined
  const { id, generation } = family
  const ahead_seconds = family.rotated_at - now
  if (ahead_seconds > clockTolerance) {
    // This may be a retry or a replay. Issue no tokens, but don't revoke the authorization either.
    log.error('refresh_rotated_in_future', { family: id, generation, ahead_seconds })
    return refuse('invalid_grant', 'refresh_rotated_in_future', { log: { family: id } })
  }
  return ok({ kind: 'refresh_retry', family: id, generation, since })
}

/** Returns whether the request has the key of the family, or neither has one. */
export const isSameKey = (bound: Confirmation | undefined, presented: Confirmation | undefined): boolean =>
  JSON.stringify(bound) === JSON.stringify(presented)
