/** Writes of the audit log. */

import type { DatabaseSync } from 'node:sqlite'
import { auditEndpoint } from '../../../model/audit-record.ts'
import { codecs, type Row } from '../codecs.ts'
import { change, one } from '../statements.ts'
import type { Writes } from './operation.ts'

const { names, placeholders } = codecs.auditRecords

export const auditWrites = {
  appendAuditRecords(database: DatabaseSync) {
    const newest = one(database, 'select max(seq) from audit_records')
    const waits = one(database, 'select 1 from webhook_messages where event_id = ? and endpoint = ?')
    const removeEvent = change(database, 'delete from webhook_messages where event_id = ? and endpoint = ?')
    const erase = change(database, 'update audit_records set sub = null, personal = null where sub = ?')
    const insert = change(database, `insert into audit_records (${names}) values (${placeholders})`)
    const removeThrough = change(database, 'delete from audit_records where seq <= ?')
    return (
      first: number,
      rows: readonly Row[],
      events: readonly string[],
      through: number,
      erased: string | null,
    ): boolean => {
      if (Number(newest()?.[0] ?? 0) + 1 !== first) return false
      if (!events.every(id => waits(id, auditEndpoint))) return false
      for (const id of events) removeEvent(id, auditEndpoint)
      if (erased !== null) erase(erased)
      for (const row of rows) insert(...row)
      removeThrough(through)
      return true
    }
  },
} as const satisfies Writes
