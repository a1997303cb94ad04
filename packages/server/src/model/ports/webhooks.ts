/** The port to events that wait to be sent to webhooks. Other writes can also store them, in the same transaction. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Awaitable } from '../../runtime/ports.ts'
import type { WebhookMessage } from '../webhook.ts'

type WebhookMessages = {
  readonly add: (messages: readonly WebhookMessage[]) => Promise<void>
  /**
   * Returns messages for this endpoint that are due, the longest overdue first. Counts the attempt, and postpones them to
   * `until`, so that no other process sends them meanwhile.
   */
  readonly claim: (
    endpoint: string,
    at: Seconds,
    until: Seconds,
    limit: number,
  ) => Promise<readonly WebhookMessage[]>
  /** Does nothing if another process has claimed it since. */
  readonly postpone: (message: WebhookMessage, dueAt: Seconds) => Promise<void>
  /** Deletes a message that was sent or abandoned. */
  readonly remove: (message: WebhookMessage) => Promise<void>
  readonly anyDue: (endpoint: string, at: Seconds) => Awaitable<boolean>
  /** Returns how many wait for this endpoint, but at most `most`. */
  readonly count: (endpoint: string, most: number) => Awaitable<number>
}

export type WebhookStores = { readonly webhookMessages: WebhookMessages }
