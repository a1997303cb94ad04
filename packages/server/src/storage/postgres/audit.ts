/** The audit log in PostgreSQL. */

import { auditEndpoint } from '../../model/audit-record.ts'
import type { AuditStores } from '../../model/ports/stores.ts'
import { fullPage } from '../tables/full-page.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { all, one } from './statements.ts'

const { names, unnested, columnsOf, decode, decodeAll } = codecs.auditRecords

const newestNumber = 'select seq from audit_records order by seq desc limit 1'
const countWaiting =
  'select count(*) from webhook_messages where event_id = any($1::text[]) and endpoint = $2'
const removeEvents = 'delete from webhook_messages where event_id = any($1::text[]) and endpoint = $2'
const erase = 'update audit_records set sub = null, personal = null where sub = $1'
const insert = `insert into audit_records (${names}) select * from ${unnested}`
const removeThrough = 'delete from audit_records where seq <= $1'

export function createAuditStores({ run, locked }: Database): AuditStores {
  const newest = one(run, `select ${names} from audit_records order by seq desc limit 1`)
  const list = all(run, `select ${names} from audit_records where seq > $1 order by seq limit $2::bigint`)
  const listOfUser = all(
    run,
    `select ${names} from audit_records where seq > $1 and sub = $2 order by seq limit $3::bigint`,
  )
  return {
    auditRecords: {
      newest: async () => decode((await newest()) ?? []),
      list: ({ after, limit, sub }) =>
        fullPage(
          limit,
          ([seq] = [after]) =>
            sub === undefined ? list(Number(seq), limit) : listOfUser(Number(seq), sub, limit),
          rows => decodeAll(run, rows),
        ),
      append: (rows, { events = [], through = 0, erased } = {}) =>
        // One append at a time: the records of each contain the hash of the record before. All are inserted by one statement,
        // because other nodes wait for the lock.
        locked(['audit_records'], async write => {
          const [last] = (await write(newestNumber, [])).rows[0] ?? []
          if (Number(last ?? 0) + 1 !== rows[0]?.seq) return false
          if (events.length > 0) {
            const [waiting] = (await write(countWaiting, [events, auditEndpoint])).rows[0] ?? []
            if (Number(waiting) !== events.length) return false
            await write(removeEvents, [events, auditEndpoint])
          }
          if (erased !== undefined) await write(erase, [erased])
          await write(insert, columnsOf(rows))
          if (through > 0) await write(removeThrough, [through])
          return true
        }),
    },
  }
}
