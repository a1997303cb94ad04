/**
 * Bounds how many authorizations one user has: with an account of their own, anybody can redeem codes in a loop, and each
 * leaves rows for as long as its refresh token lives (docs/decisions/0018-authorizations-per-user.md).
 */

import type { Authorizations } from '../../model/ports/stores.ts'
import type { Log } from '../../runtime/ports.ts'

/** Counts an authorization that was redeemed or created for this user (`sub`). Does not wait for what it starts. */
export type NoteAuthorization = (sub: string) => void

const maxPerUser = 10_000
/** Looking for a surplus reads all authorizations of the user, so it is done rarely. */
const checkInterval = 500
const maxDeletedAtOnce = 2000
/** Users whose authorizations are counted; beyond it, the user seen first is forgotten. */
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
    counts.set(sub, count % checkInterval)
    if (counts.size > capacity) counts.delete(counts.keys().next().value as string)
    if (count === checkInterval) void trim(sub)
  }

  async function trim(sub: string): Promise<void> {
    try {
      const deleted = await authorizations.trim(sub, maxPerUser, maxDeletedAtOnce)
      if (deleted > 0) log.warn('authorizations_trimmed', { sub, count: deleted, kept: maxPerUser })
    } catch (error) {
      // The next authorizations of this user are counted again.
      log.warn('authorizations_not_trimmed', { sub, error: String(error) })
    }
  }
}
