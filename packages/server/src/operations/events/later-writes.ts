/**
 * Stores events in the background that are not part of another write. There is one write at a time, which stores all
 * events that have arrived in the meantime.
 */

import type { Messages, Stores } from '../../model/ports/stores.ts'
import type { WebhookMessage } from '../../model/webhook.ts'
import type { Log } from '../../runtime/ports.ts'
import { repeatedLine } from '../../runtime/repeated-line.ts'

type LaterWrites = {
  /** @param byStrangers whether strangers can cause it. */
  readonly add: (messages: Messages, byStrangers: boolean) => void
  /** Resolves when nothing is being stored. */
  readonly settled: () => Promise<void>
}

/** Messages that wait for a store that is slow or unavailable. */
const capacity = 1000
/** How many of them can be there when an event that strangers can cause is added. */
const capacityForStrangers = 500

export function createLaterWrites({
  stores: { webhookMessages },
  log,
  onStored,
}: {
  readonly stores: Pick<Stores, 'webhookMessages'>
  readonly log: Log
  readonly onStored: () => void
}): LaterWrites {
  const logDropped = repeatedLine(log.error, { event: 'webhook_events_dropped', count: 'events' })
  let waiting: WebhookMessage[] = []
  let writing: Promise<void> | undefined

  async function write(): Promise<void> {
    // So that `writing` is set before it is reset, also if nothing is to be stored or the store throws at once.
    await undefined
    while (waiting.length > 0) {
      const messages = waiting
      waiting = []
      try {
        await webhookMessages.add(messages)
        onStored()
      } catch (error) {
        logDropped({ problem: 'the store is unavailable', error: String(error) }, messages.length)
      }
    }
    // In the same tick as the last check, so that no message is added in between and forgotten.
    writing = undefined
  }

  return {
    add(messages, byStrangers) {
      if (waiting.length >= (byStrangers ? capacityForStrangers : capacity))
        return logDropped({ problem: 'the store is too slow' }, messages.length)
      waiting.push(...messages)
      writing ??= write()
    },
    settled: async () => writing,
  }
}
