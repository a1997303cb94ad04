/** The port of events that wait to be sent to webhooks, for the main thread. */

import type { DatabaseSync } from 'node:sqlite'
import type { Messages, WebhookStores } from '../../../model/ports/stores.ts'
import { codecs, type Row } from '../codecs.ts'
import { one, reading } from '../statements.ts'
import type { Calls } from '../writes/operation.ts'
import type { webhookWrites } from '../writes/webhooks.ts'

const { encode, decodeAll } = codecs.webhookMessages

/** Returns the rows of events that another write stores; null if there are none. */
export const messageRows = (messages: Messages | undefined): readonly Row[] | null =>
  messages && messages.length > 0 ? messages.map(encode) : null

export function createWebhookStores(
  database: DatabaseSync,
  write: Calls<typeof webhookWrites>,
): WebhookStores {
  const due = one(database, 'select 1 from webhook_messages where endpoint = ? and due_at <= ? limit 1')
  const count = one(
    database,
    'select count(*) from (select 1 from webhook_messages where endpoint = ? limit ?)',
  )
  return {
    webhookMessages: {
      add: messages => write.addWebhookMessages(messages.map(encode)),
      claim: async (endpoint, at, until, limit) =>
        decodeAll(database, await write.claimWebhookMessages(endpoint, at, until, limit)),
      postpone: ({ event_id, endpoint, attempts }, dueAt) =>
        write.postponeWebhookMessage(event_id, endpoint, attempts, dueAt),
      remove: ({ event_id, endpoint }) => write.removeWebhookMessage(event_id, endpoint),
      anyDue: reading(database, (endpoint, at) => due(endpoint, at) !== undefined),
      count: reading(database, (endpoint, most) => Number(count(endpoint, most)?.[0])),
    },
  }
}
