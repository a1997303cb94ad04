/** Deletes everything about one person in one write. */

import { auditEndpoint } from '../../../model/audit-record.ts'
import type { AccessEnding, AttributedRows } from '../../../model/ports/stores.ts'
import type { PersonParameters } from '../../tables/person-parameters.ts'
import { personStatements } from '../../tables/personal-conditions.ts'
import { codecs, type Row } from '../codecs.ts'
import { change } from '../statements.ts'
import type { Writes } from './operation.ts'
import { createEndAccess, type Ended } from './sessions.ts'
import { storeMessages } from './webhooks.ts'

export const statements = personStatements({ parameter: number => `?${number}`, position: 'instr' })

/** The conditions of rows that the caller attributes to the person, with the values as a JSON list. */
export const attributedConditions = {
  waiting_mails: 'id in (select value from json_each(?1))',
  webhook_messages: `event_id in (select value from json_each(?1)) and endpoint <> '${auditEndpoint}'`,
  attempts: 'hash in (select value from json_each(?1))',
} as const

/** Returns the values for {@link attributedConditions}. */
export const attributedValues = ({ mails, events, counters }: AttributedRows) => ({
  waiting_mails: JSON.stringify(mails),
  webhook_messages: JSON.stringify(events),
  attempts: JSON.stringify(counters),
})

export const personWrites = {
  erasePerson(database) {
    const removeUser = change(database, 'delete from stored_users where sub = ?')
    const first = statements.first.map(sql => change(database, sql))
    const endAccess = createEndAccess(database)
    const rest = statements.rest.map(sql => change(database, sql))
    const attributed = Object.entries(attributedConditions).map(
      ([table, condition]) => [table, change(database, `delete from ${table} where ${condition}`)] as const,
    )
    const begin = change(
      database,
      `insert or replace into erasures (${codecs.erasures.names}) values (${codecs.erasures.placeholders})`,
    )
    const store = storeMessages(database)
    return (
      person: PersonParameters,
      stored: boolean,
      ending: AccessEnding,
      rows: AttributedRows,
      erasure: Row,
      messages: readonly Row[] | null,
    ): readonly Ended[] | undefined => {
      const [sub] = person
      if (removeUser(sub) === 0 && stored) return undefined
      for (const remove of first) remove(...person)
      const ended = endAccess(sub, ending)
      for (const remove of rest) remove(...person)
      const values = attributedValues(rows)
      for (const [table, remove] of attributed) remove(values[table as keyof typeof values])
      begin(...erasure)
      store(messages)
      return ended
    }
  },
  finishErasure(database) {
    const finish = change(database, 'delete from erasures where sub = ?')
    return (sub: string): void => void finish(sub)
  },
} as const satisfies Writes
