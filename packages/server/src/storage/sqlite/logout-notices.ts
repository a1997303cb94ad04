/** Logout tokens that are to be delivered, in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { LogoutNotices } from '../../model/ports/stores.ts'
import { codecs, type Row } from './codecs.ts'
import { all, change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.logoutNotices

export const logoutNoticeWrites = {
  claimLogoutNotices(database) {
    const claim = all(
      database,
      `update logout_notices set attempts = attempts + 1, due_at = ?2 where rowid in
        (select rowid from logout_notices
          where due_at <= ?1 and client_id not in (select value from json_each(?4)) order by due_at limit ?3)
      returning ${codec.names}`,
    )
    return (at: number, until: number, limit: number, but: string): readonly Row[] =>
      claim(at, until, limit, but) as readonly Row[]
  },
  postponeLogoutNotice(database) {
    const postpone = change(database, 'update logout_notices set due_at = ? where sid = ? and client_id = ?')
    return (sid: string, clientId: string, dueAt: number): void => void postpone(dueAt, sid, clientId)
  },
  removeLogoutNotice(database) {
    const remove = change(database, 'delete from logout_notices where sid = ? and client_id = ?')
    return (sid: string, clientId: string): void => void remove(sid, clientId)
  },
} as const satisfies Writes

export function createLogoutNotices(
  database: DatabaseSync,
  write: Calls<typeof logoutNoticeWrites>,
): LogoutNotices {
  const due = one(database, 'select 1 from logout_notices where due_at <= ? limit 1')
  return {
    claim: async (at, until, limit, but = []) =>
      (await write.claimLogoutNotices(at, until, limit, JSON.stringify(but))).flatMap(
        row => codec.decode(row as Parameters<typeof codec.decode>[0]) ?? [],
      ),
    postpone: ({ sid, client_id }, dueAt) => write.postponeLogoutNotice(sid, client_id, dueAt),
    remove: ({ sid, client_id }) => write.removeLogoutNotice(sid, client_id),
    anyDue: reading(database, at => due(at) !== undefined),
  }
}
