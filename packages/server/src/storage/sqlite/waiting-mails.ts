/** Mails that are to be handed on, in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { WaitingMails } from '../../model/ports/stores.ts'
import { codecs, type Row } from './codecs.ts'
import { all, change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.waitingMails

export const waitingMailWrites = {
  addWaitingMail(database) {
    const add = change(
      database,
      `insert into waiting_mails (${codec.names})
      select ${codec.placeholders} where (select count(*) from waiting_mails) < ?`,
    )
    return (mail: Row, most: number): boolean => add(...mail, most) === 1
  },
  claimWaitingMails(database) {
    const claim = all(
      database,
      `update waiting_mails set attempts = attempts + 1, due_at = ?2 where rowid in
        (select rowid from waiting_mails where due_at <= ?1 order by due_at limit ?3)
      returning ${codec.names}`,
    )
    return (at: number, until: number, limit: number): readonly Row[] =>
      claim(at, until, limit) as readonly Row[]
  },
  postponeWaitingMail(database) {
    const postpone = change(database, 'update waiting_mails set due_at = ? where id = ? and attempts = ?')
    return (id: string, attempts: number, dueAt: number): void => void postpone(dueAt, id, attempts)
  },
  removeWaitingMail(database) {
    const remove = change(database, 'delete from waiting_mails where id = ?')
    return (id: string): void => void remove(id)
  },
} as const satisfies Writes

export function createWaitingMails(
  database: DatabaseSync,
  write: Calls<typeof waitingMailWrites>,
): WaitingMails {
  const due = one(database, 'select 1 from waiting_mails where due_at <= ? limit 1')
  return {
    add: (mail, most) => write.addWaitingMail(codec.encode(mail), most),
    claim: async (at, until, limit) =>
      (await write.claimWaitingMails(at, until, limit)).flatMap(
        row => codec.decode(row as Parameters<typeof codec.decode>[0]) ?? [],
      ),
    postpone: ({ id, attempts }, dueAt) => write.postponeWaitingMail(id, attempts, dueAt),
    remove: id => write.removeWaitingMail(id),
    anyDue: reading(database, at => due(at) !== undefined),
  }
}
