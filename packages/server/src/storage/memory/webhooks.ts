/** Events that wait to be sent to webhooks, in memory. */

import type { Messages, WebhookStores } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

/** Stores events as part of a write. */
export function storeMessages({ webhookMessages }: Tables, messages: Messages = []): void {
  for (const message of messages) webhookMessages.insert(message)
}

export const createWebhookStores = (tables: Tables): WebhookStores => {
  const { webhookMessages } = tables
  return {
    webhookMessages: {
      async add(messages) {
        storeMessages(tables, messages)
      },
      async claim(endpoint, at, until, limit) {
        const due = webhookMessages
          .filter(message => message.endpoint === endpoint && message.due_at <= at)
          .toSorted((one, other) => one.due_at - other.due_at)
          .slice(0, limit)
          .map(message => ({ ...message, attempts: message.attempts + 1, due_at: until }))
        for (const message of due) webhookMessages.put(message)
        return due
      },
      async postpone({ event_id, endpoint, attempts }, dueAt) {
        const found = webhookMessages.get(event_id, endpoint)
        if (found?.attempts === attempts) webhookMessages.put({ ...found, due_at: dueAt })
      },
      async remove({ event_id, endpoint }) {
        webhookMessages.delete(event_id, endpoint)
      },
      anyDue: (endpoint, at) =>
        webhookMessages.filter(message => message.endpoint === endpoint && message.due_at <= at).length > 0,
      count: (endpoint, most) =>
        Math.min(most, webhookMessages.filter(message => message.endpoint === endpoint).length),
    },
  }
}
