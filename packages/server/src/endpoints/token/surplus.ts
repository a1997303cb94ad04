/**
 * Limits the authorizations of a user and the reference tokens of an authorization. Anyone with an account could request
 * tokens in a loop, and each would leave rows for its lifetime (docs/decisions/0018-authorizations-per-user.md).
 */

import type { AuthorizationId } from '../../model/authorization.ts'
import type { Authorizations, ReferenceTokens } from '../../model/ports/stores.ts'
import { setBounded } from '../../runtime/bounded-map.ts'
import type { Log } from '../../runtime/ports.ts'

/** Counts an authorization that was redeemed or created for the user (`sub`). Returns before any clean-up is done. */
export type NoteAuthorization = (sub: string) => void
/** Counts a reference token of an authorization in the same way. */
export type NoteReferenceToken = (authorization: AuthorizationId) => void

const mostAuthorizations = 10_000
const mostReferenceTokens = 1000
/** A check reads all rows of the user or authorization, so it is rare. */
const checkInterval = 500
const maxDeletedAtOnce = 2000
/** The number of users or authorizations that are tracked. Beyond it, the oldest entry is dropped. */
const capacity = 50_000

export function createAuthorizationCounter({
  authorizations,
  log,
}: {
  readonly authorizations: Pick<Authorizations, 'trim'>
  readonly log: Log
}): NoteAuthorization {
  return onEveryNth(async sub => {
    try {
      const deleted = await authorizations.trim(sub, mostAuthorizations, maxDeletedAtOnce)
      if (deleted > 0) log.warn('authorizations_trimmed', { sub, count: deleted, kept: mostAuthorizations })
    } catch (error) {
      // The next check for this user tries again.
      log.warn('authorizations_not_trimmed', { sub, error: String(error) })
    }
  })
}

export function createReferenceTokenCounter({
  referenceTokens,
  log,
}: {
  readonly referenceTokens: Pick<ReferenceTokens, 'trim'>
  readonly log: Log
}): NoteReferenceToken {
  return onEveryNth(async (authorization_id: AuthorizationId) => {
    try {
      const count = await referenceTokens.trim(authorization_id, mostReferenceTokens, maxDeletedAtOnce)
      if (count > 0)
        log.warn('reference_tokens_trimmed', { authorization_id, count, kept: mostReferenceTokens })
    } catch (error) {
      log.warn('reference_tokens_not_trimmed', { authorization_id, error: String(error) })
    }
  })
}

/** Returns a function that counts its calls with each key, and checks the key at every 500th. */
function onEveryNth<Key extends string>(check: (key: Key) => Promise<void>): (key: Key) => void {
  const counts = new Map<Key, number>()
  return key => {
    const count = (counts.get(key) ?? 0) + 1
    setBounded(counts, key, count % checkInterval, capacity)
    if (count === checkInterval) void check(key)
  }
}
