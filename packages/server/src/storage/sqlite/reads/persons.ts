/** The port to everything that is stored about one person, for the main thread. */

import type { DatabaseSync } from 'node:sqlite'
import type { PersonStores } from '../../../model/ports/stores.ts'
import { InvalidStoredValue } from '../../../runtime/ports.ts'
import { fullPage } from '../../tables/full-page.ts'
import { personParameters } from '../../tables/person-parameters.ts'
import { personalTables, type ShownRow, shownRow } from '../../tables/personal.ts'
import type { RowCodec } from '../../tables/row-codec.ts'
import { codecs } from '../codecs.ts'
import { all, reading } from '../statements.ts'
import type { Calls } from '../writes/operation.ts'
import { attributedConditions, attributedValues, type personWrites, statements } from '../writes/persons.ts'
import { endedOf } from './sessions.ts'
import { messageRows } from './webhooks.ts'

function shownRows(
  table: (typeof personalTables)[number],
  rows: readonly (readonly unknown[])[],
): readonly ShownRow[] {
  const codec: Pick<RowCodec<object, unknown>, 'decode' | 'names'> = codecs[table.name]
  return rows.map(row => shownRow(table, shownItem(codec, row)))
}

/** A person can get, and delete, also what the server can't read. */
function shownItem(
  { decode, names }: Pick<RowCodec<object, unknown>, 'decode' | 'names'>,
  row: readonly unknown[],
): ShownRow {
  try {
    return decode(row) as ShownRow
  } catch (error) {
    if (!(error instanceof InvalidStoredValue)) throw error
    const text = (value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)
    return Object.fromEntries(names.map((name, index) => [name, text(row[index])]))
  }
}

export function createPersonStores(database: DatabaseSync, write: Calls<typeof personWrites>): PersonStores {
  const queries = personalTables.map(shown => {
    const { name, table } = shown
    const isAttributed = table.name in attributedConditions
    const condition = isAttributed
      ? attributedConditions[table.name as keyof typeof attributedConditions]
      : statements.conditions.get(table.name)
    const sql = `select ${codecs[name].names} from ${table.name} where ${condition} order by ${table.key.join(', ')}`
    return {
      ...shown,
      isAttributed,
      query: all(database, isAttributed ? sql : `${statements.person} ${sql}`),
    }
  })
  const erasures = all(database, `select ${codecs.erasures.names} from erasures order by sub`)
  const mails = all(
    database,
    `select ${codecs.waitingMails.names} from waiting_mails where id > ? order by id limit ?`,
  )
  const messages = all(
    database,
    `select ${codecs.webhookMessages.names} from webhook_messages where (event_id, endpoint) > (?, ?)
    order by event_id, endpoint limit ?`,
  )
  return {
    persons: {
      // All reads of one event-loop tick share a snapshot.
      rows: reading(database, (sub, attributed) => {
        const values = attributedValues(attributed)
        const found = queries.map((one): [string, readonly ShownRow[]] => [
          one.section,
          shownRows(
            one,
            one.isAttributed
              ? one.query(values[one.table.name as keyof typeof values])
              : one.query(...personParameters(sub)),
          ),
        ])
        return Object.fromEntries(found.filter(([, rows]) => rows.length > 0))
      }),
      async erase(sub, { ending, attributed, erasure, stored }, given) {
        const ended = await write.erasePerson(
          personParameters(sub),
          stored,
          ending,
          attributed,
          codecs.erasures.encode(erasure),
          messageRows(given),
        )
        return ended?.flatMap(one => endedOf(database, one) ?? [])
      },
      erasures: reading(database, () => codecs.erasures.decodeAll(database, erasures())),
      finish: sub => write.finishErasure(sub),
      mails: (after, most) =>
        fullPage(
          most,
          reading(database, ([id] = [after]) => mails(String(id), most)),
          rows => codecs.waitingMails.decodeAll(database, rows),
        ),
      messages: ({ event_id, endpoint }, most) =>
        fullPage(
          most,
          reading(database, (last = [event_id, endpoint]) =>
            messages(String(last[0]), String(last[1]), most),
          ),
          rows => codecs.webhookMessages.decodeAll(database, rows),
        ),
    },
  }
}
