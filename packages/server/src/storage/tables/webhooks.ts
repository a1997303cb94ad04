/** The table of events that wait to be sent to webhooks. */

import type { WebhookMessage } from '../../model/webhook.ts'
import { tableFor } from './table.ts'

export const webhookTables = {
  webhookMessages: tableFor<WebhookMessage>()({
    name: 'webhook_messages',
    columns: {
      event_id: 'text',
      endpoint: 'text',
      sealed: 'bytes',
      attempts: 'integer',
      due_at: 'integer',
      expires_at: 'integer',
    },
    key: ['event_id', 'endpoint'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'webhook_messages' },
  }),
}
