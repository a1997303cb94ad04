/** Writes of events that wait to be sent to webhooks. */

import type { DatabaseSync } from 'node:sqlite'
import { codecs, type Row } from '../codecs.ts'
import { all, change } from '../statements.ts'
import type { Writes } from './operation.ts'

const { names, placeholders } = codecs.webhookMessages

/** Stores events as part of another write; null: there are none. */
export function storeMessages(database: DatabaseSync): (messages: readonly Row[] | null) => void {
  const insert = change(database, `insert into webhook_messages (${names}) values (${placeholders})`)
  return messages => {
    for (const message of messages ?? []) insert(...message)
  }
}

export const webhookWrites = {
  addWebhookMessages: storeMessages,
  claimWebhookMessages(database) {
    const claim = all(
      database,
      `update webhook_messages set attempts = attempts + 1, due_at = ?3 where rowid in
        (select rowid from webhook_messages where endpoint = ?1 and due_at <= ?2 order by due_at limit ?4)
      returning ${names}`,
    )
    return (endpoint: string, at: number, until: number, limit: number): readonly Row[] =>
      claim(endpoint, at, until, limit) as readonly Row[]
  },
  postponeWebhookMessage(database) {
    const postpone = change(
      database,
      'update webhook_messages set due_at = ? where event_id = ? and endpoint = ? and attempts = ?',
    )
    return (eventId: string, endpoint: string, attempts: number, dueAt: number): void =>
      void postpone(dueAt, eventId, endpoint, attempts)
  },
  removeWebhookMessage(database) {
    const remove = change(database, 'delete from webhook_messages where event_id = ? and endpoint = ?')
    return (eventId: string, endpoint: string): void => void remove(eventId, endpoint)
  },
} as const satisfies Writes
