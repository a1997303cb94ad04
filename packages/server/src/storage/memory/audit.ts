/** The audit log in memory. */

import { auditEndpoint } from '../../model/audit-record.ts'
import type { AuditStores } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export function createAuditStores({ auditRecords, webhookMessages }: Tables): AuditStores {
  const newest = () => [...auditRecords.values()].at(-1)
  return {
    auditRecords: {
      newest,
      list: ({ after, limit, sub }) =>
        auditRecords.filter(row => row.seq > after && (sub === undefined || row.sub === sub)).slice(0, limit),
      async append(rows, { events = [], through = 0, erased } = {}) {
        if ((newest()?.seq ?? 0) + 1 !== rows[0]?.seq) return false
        if (!events.every(id => webhookMessages.has(id, auditEndpoint))) return false
        for (const id of events) webhookMessages.delete(id, auditEndpoint)
        if (erased !== undefined)
          for (const { sub: _, personal: __, ...row } of auditRecords.filter(({ sub }) => sub === erased))
            auditRecords.put(row)
        for (const row of rows) auditRecords.insert(row)
        auditRecords.deleteWhere(row => row.seq <= through)
        return true
      },
    },
  }
}
