/** The end of a user's access, as part of a write, in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { AccessEnding } from '../../model/ports/stores.ts'
import { createEndSessionsOfUser, type Ended } from './sessions.ts'
import { change } from './statements.ts'

/** Answers the sessions that ended. Whoever calls it has written the user's new epoch. */
export function createEndAccess(
  database: DatabaseSync,
): (sub: string, ending: AccessEnding) => readonly Ended[] {
  const endSessions = createEndSessionsOfUser(database)
  const endPending = change(database, 'delete from pending_sign_ins where sub = ?')
  const revoke = change(
    database,
    `update authorizations set revoked_at = ?1
    where sub = ?2 and revoked_at is null and (?3 is null or sid is not ?3)`,
  )
  const keep = change(
    database,
    'update sessions set epoch = (select epoch from stored_users where sub = ?1) where sub = ?1 and sid = ?2',
  )
  return (sub, ending) => {
    endPending(sub)
    const ended = endSessions(sub, ending)
    const kept = ending.kept_sid ?? null
    if (ending.everything) revoke(ending.at, sub, kept)
    if (kept !== null) keep(sub, kept)
    return ended
  }
}
