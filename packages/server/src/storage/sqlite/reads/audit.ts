/** The port of the audit log, for the main thread. */

import type { DatabaseSync } from 'node:sqlite'
import type { AuditStores } from '../../../model/ports/stores.ts'
import { fullPage } from '../../tables/full-page.ts'
import { codecs } from '../codecs.ts'
import { all, one, reading } from '../statements.ts'
import type { auditWrites } from '../writes/audit.ts'
import type { Calls } from '../writes/operation.ts'

const { names, encode, decode, decodeAll } = codecs.auditRecords

export function createAuditStores(database: DatabaseSync, write: Calls<typeof auditWrites>): AuditStores {
  const newest = one(database, `select ${names} from audit_records order by seq desc limit 1`)
  const list = all(database, `select ${names} from audit_records where seq > ? order by seq limit ?`)
  const listOfUser = all(
    database,
    `select ${names} from audit_records where seq > ? and sub = ? order by seq limit ?`,
  )
  return {
    auditRecords: {
      newest: reading(database, () => decode(newest() ?? [])),
      list: ({ after, limit, sub }) =>
        fullPage(
          limit,
          reading(database, (last = [after]) => {
            const seq = Number(last[0])
            return sub === undefined ? list(seq, limit) : listOfUser(seq, sub, limit)
          }),
          rows => decodeAll(database, rows),
        ),
      append: async (rows, { events = [], through = 0, erased } = {}) =>
        rows[0] !== undefined &&
        write.appendAuditRecords(rows[0].seq, rows.map(encode), events, through, erased ?? null),
    },
  }
}
