/**
 * Limits the authorizations of a user. Anyone with an account could redeem codes in a loop, and each would leave rows
 * for the lifetime of its refresh token (docs/decisions/0018-authorizations-per-user.md).
 */

import type { Authorizations } from '../../model/ports/stores.ts'
import { setBounded } from '../../runtime/bounded-map.ts'
import type { Log } from '../../runtime/ports.ts'

/** Counts an authorization that was redeemed or created for the user (`sub`). Returns before any clean-up is done. */
export type NoteAuthorization = (sub: string) => void

const maxPerUser = 10_000
/** A check reads all authorizations of the user, so it is rare. */
const checkInterval = 500
const maxDeletedAtOnce = 2000
/** The number of users that are tracked. Beyond it, the oldest entry is dropped. */
const capacity = 50_000

export function createAuthorizationCounter({
  authorizations,
  log,
}: {
  readonly authorizations: Pick<Authorizations, 'trim'>
  readonly log: Log
}): NoteAuthorization {
  const counts = new Map<string, number>()

  return sub => {
    const count = (counts.get(sub) ?? 0) + 1
    setBounded(counts, sub, count % checkInterval, capacity)
    if (count === checkInterval) void trim(sub)
  }

  async function trim(sub: string): Promise<void> {
    try {
      const deleted = await authorizations.trim(sub, maxPerUser, maxDeletedAtOnce)
      if (deleted > 0) log.warn('authorizations_trimmed', { sub, count: deleted, kept: maxPerUser })
    } catch (error) {
      // The next check for this user tries again.
      log.warn('authorizations_not_trimmed', { sub, error: String(error) })
    }
  }
}
