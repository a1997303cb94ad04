/** Everything that is stored about one person, in PostgreSQL. */

import { auditEndpoint } from '../../model/audit-record.ts'
import type { AttributedRows, PersonStores } from '../../model/ports/stores.ts'
import { fullPage } from '../tables/full-page.ts'
import { readJson } from '../tables/json-columns.ts'
import { personParameters } from '../tables/person-parameters.ts'
import { personalTables, type ShownRow, shownRow } from '../tables/personal.ts'
import { personStatements } from '../tables/personal-conditions.ts'
import { isJson } from '../tables/table.ts'
import type { AnyTable } from '../tables/tables.ts'
import { endAccess } from './browser-sessions.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { all, change } from './statements.ts'
import { factorsOf } from './users.ts'
import { storeMessages } from './webhooks.ts'

const { person, conditions, first, rest } = personStatements({
  parameter: number => `$${number}::text`,
  position: 'strpos',
})

const removeUser = `with removed as (delete from stored_users where sub = $1 returning sub),
  principal_disabled as (
    update standing set stands = 0
    where kind = 'stored_user' and id in (select sub from removed))
  select exists (select 1 from removed)`

/** In the order of a transaction that revokes a consent, which then waits for the authorizations. */
const lockConsents = 'select 1 from consents where sub = $1 order by client_id for update'

/** The conditions of rows that the caller attributes to the person. */
const attributedConditions: Readonly<Record<string, (parameter: string) => string>> = {
  waiting_mails: ids => `id = any (${ids}::text[])`,
  webhook_messages: ids => `event_id = any (${ids}::text[]) and endpoint <> '${auditEndpoint}'`,
  attempts: ids => `hash = any (${ids}::text[])`,
}

/** Returns the values in the order of {@link attributedConditions}. */
const attributedValues = ({ mails, events, counters }: AttributedRows) => [mails, events, counters] as const

function selectRows({ name, key }: AnyTable): string {
  const attributed = Object.keys(attributedConditions).indexOf(name)
  const condition = attributedConditions[name]?.(`$${5 + attributed}`) ?? conditions.get(name)
  const codec = codecs[personalTables.find(({ table }) => table.name === name)!.name]
  return `select '${name}' as name, row_to_json(found)::text as row
    from (select ${codec.names} from ${name} where ${condition} order by ${key.join(', ')}) found`
}

/** One statement, so that all rows are of one moment. */
const readAll = `${person} ${personalTables.map(({ table }) => selectRows(table)).join('\n  union all ')}`

const begin = `insert into erasures (${codecs.erasures.names}) values (${codecs.erasures.placeholders()})
  on conflict (sub) do update set ${codecs.erasures.overwrite}`

export function createPersonStores({ run, locked }: Database): PersonStores {
  const erasures = all(run, `select ${codecs.erasures.names} from erasures order by sub`)
  const finish = change(run, 'delete from erasures where sub = $1')
  const mails = all(
    run,
    `select ${codecs.waitingMails.names} from waiting_mails where id > $1 order by id limit $2`,
  )
  const messages = all(
    run,
    `select ${codecs.webhookMessages.names} from webhook_messages where (event_id, endpoint) > ($1, $2)
    order by event_id, endpoint limit $3`,
  )
  return {
    persons: {
      async rows(sub, attributed) {
        const { rows } = await run(readAll, [...personParameters(sub), ...attributedValues(attributed)])
        const sections: Record<string, ShownRow[]> = {}
        for (const [name, row] of rows) {
          const shown = personalTables.find(({ table }) => table.name === name)!
          sections[shown.section] ??= []
          sections[shown.section]!.push(shownRow(shown, itemOf(shown.table, String(row))))
        }
        return sections
      },
      erase: (sub, { ending, attributed, erasure, stored }, given) =>
        // Factors are deleted in another order than by `secondFactors.reset`.
        locked([factorsOf(sub)], async write => {
          const [removed] = (await write(removeUser, [sub])).rows
          if (stored && removed?.[0] !== true) return undefined
          await write(lockConsents, [sub])
          const parameters = personParameters(sub)
          for (const sql of first) await write(sql, parameters)
          // Waits for requests that use an authorization, so the next statements see what these wrote.
          const ended = await endAccess(write, sub, ending)
          for (const sql of rest) await write(sql, parameters)
          for (const [index, [table, conditionOf]] of Object.entries(attributedConditions).entries())
            await write(`delete from ${table} where ${conditionOf('$1')}`, [
              attributedValues(attributed)[index] ?? [],
            ])
          await write(begin, codecs.erasures.encode(erasure))
          await storeMessages(write, given)
          return ended
        }),
      erasures: async () => codecs.erasures.decodeAll(run, await erasures()),
      finish: async sub => void (await finish(sub)),
      mails: (after, most) =>
        fullPage(
          most,
          ([id] = [after]) => mails(String(id), most),
          rows => codecs.waitingMails.decodeAll(run, rows),
        ),
      messages: ({ event_id, endpoint }, most) =>
        fullPage(
          most,
          (last = [event_id, endpoint]) => messages(String(last[0]), String(last[1]), most),
          rows => codecs.webhookMessages.decodeAll(run, rows),
        ),
    },
  }
}

/** Columns with JSON are stored as text. */
function itemOf({ columns }: AnyTable, row: string): ShownRow {
  const item = Object.entries(JSON.parse(row) as ShownRow)
  return Object.fromEntries(
    item.map(([column, value]) => {
      const kind = columns[column]
      // A person can get, and delete, also what the server can't read.
      return [column, isJson(kind) ? (readJson(value, kind) ?? value) : value]
    }),
  )
}
