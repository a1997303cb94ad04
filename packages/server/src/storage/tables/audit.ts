/** The table of the audit log. */

import type { AuditRow } from '../../model/audit-record.ts'
import { tableFor } from './table.ts'

export const auditTables = {
  auditRecords: tableFor<AuditRow>()({
    name: 'audit_records',
    columns: {
      seq: 'integer',
      at: 'integer',
      type: 'text',
      sub: 'text',
      record: 'text',
      personal: 'text',
      signature: 'text',
    },
    key: ['seq'],
    archive: { kind: 'audit' },
  }),
}
