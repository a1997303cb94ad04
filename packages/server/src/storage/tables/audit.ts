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
    // The records outlive the user. Their personal members are erased separately, by a record that says so.
    cascade: 'none',
    archive: { kind: 'audit' },
  }),
}
