/** The end of a user's access, as part of a write, in memory. */

import type { AccessEnding, EndedSession } from '../../model/ports/stores.ts'
import { endSession } from './sessions.ts'
import type { Tables } from './tables.ts'

/** Answers the sessions that ended. Whoever calls it has written the user's new epoch. */
export function endAccess(tables: Tables, sub: string, ending: AccessEnding): readonly EndedSession[] {
  const { sessions, pendingSignIns, authorizations, userRecords } = tables
  for (const pending of pendingSignIns.values()) if (pending.sub === sub) pendingSignIns.delete(pending.hash)
  const { kept_sid, at, everything } = ending
  const owned = [...sessions.values()].filter(session => session.sub === sub)
  const ended = owned
    .filter(({ sid }) => sid !== kept_sid)
    .map(session => endSession(tables, session, ending))
  for (const [id, found] of authorizations) {
    const kept = kept_sid !== undefined && found.sid === kept_sid
    if (everything && found.sub === sub && found.revoked_at === undefined && !kept)
      authorizations.set(id, { ...found, revoked_at: at })
  }
  const epoch = userRecords.get(sub)?.epoch
  const kept = owned.find(({ sid }) => sid === kept_sid)
  if (kept && epoch !== undefined) sessions.set(kept.hash, { ...kept, epoch })
  return ended
}
