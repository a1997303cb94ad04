/** The port to everything that is stored about one person, for the main thread. */

import type { DatabaseSync } from 'node:sqlite'
import type { PersonStores } from '../../../model/ports/stores.ts'
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
  const codec: Pick<RowCodec<object, unknown>, 'decode'> = codecs[table.name]
  return rows.flatMap(row => {
    const item = codec.decode(row) as ShownRow | undefined
    return item ? [shownRow(table, item)] : []
  })
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
        return ended?.flatMap(one => endedOf(one) ?? [])
      },
      erasures: reading(database, () => erasures().flatMap(row => codecs.erasures.decode(row) ?? [])),
      finish: sub => write.finishErasure(sub),
      mails: reading(database, (after, most) =>
        mails(after, most).flatMap(row => codecs.waitingMails.decode(row) ?? []),
      ),
      messages: reading(database, ({ event_id, endpoint }, most) =>
        messages(event_id, endpoint, most).flatMap(row => codecs.webhookMessages.decode(row) ?? []),
      ),
    },
  }
}
