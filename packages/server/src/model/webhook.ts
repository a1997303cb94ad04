/** Webhooks (Standard Webhooks 1.0): the addresses that events are sent to, and events that wait to be sent. */

import type { Seconds } from '@tessera/protocol/brand'

/** An address that events are sent to. */
export type Webhook = {
  readonly url: string
  /** The keys of the signatures, the current one first. */
  readonly secrets: readonly Uint8Array[]
  /** The types of events that are sent. Undefined: all. */
  readonly events?: ReadonlySet<string>
}

/** Returns the name that a message is sealed with. */
export const webhookMessageName = (eventId: string): string => `webhook ${eventId}`

/** A stored event that waits for one webhook. */
export type WebhookMessage = {
  readonly event_id: string
  /** The webhook, by a hash of its address. */
  readonly endpoint: string
  /** Encrypted JSON, because it names users. */
  readonly sealed: Uint8Array
  /** The number of attempts so far. */
  readonly attempts: number
  /** When the next attempt is due. */
  readonly due_at: Seconds
  /** When attempts stop. */
  readonly expires_at: Seconds
}
