/**
 * The events of one issuer. If there is no subscriber for a type, an event costs one lookup, and nothing is created or
 * stored. See docs/decisions/0051-events.md.
 */

import type { Seconds } from '@tessera/protocol/brand'
import {
  type AuditMessages,
  type AuditType,
  isAuditedByStrangers,
  type NoteAudit,
} from '../../model/audit.ts'
import type { AuditDetails } from '../../model/audit-record.ts'
import {
  type Event,
  type EventCallbacks,
  type EventData,
  type Events,
  type EventType,
  isByStrangers,
  type PreparedEvent,
} from '../../model/events.ts'
import { newTimedId } from '../../model/handle.ts'
import type { Messages } from '../../model/ports/stores.ts'
import type { Webhook } from '../../model/webhook.ts'
import { createDeliveries, receiverLimit } from '../../runtime/async/claim-loop.ts'
import { settlesWithin } from '../../runtime/async/promises.ts'
import { createCallbacks } from './callbacks.ts'
import { createLaterWrites } from './later-writes.ts'
import { createWebhook, type WebhookPorts } from './webhook.ts'

export type ManagedEvents = Events & {
  /** Tries to send all messages that are due. Resolves afterwards, or after a few seconds. */
  readonly deliver: () => Promise<void>
  /** Records what is no event in the audit log, in the background. */
  readonly note: NoteAudit
  /** Returns whether `note` records the type. */
  readonly notes: (type: AuditType) => boolean
  /** Resolves when no callback runs, and nothing is being stored or sent. */
  readonly settled: () => Promise<void>
  /**
   * Sends for a few seconds, once for all calls, and stores waiting messages. The rest remain in the store. A later call
   * waits for what was emitted since to be stored.
   */
  readonly close: () => Promise<void>
}

type EventsPorts = WebhookPorts & {
  readonly issuer: string
  readonly tenant?: string | undefined
  readonly callbacks: EventCallbacks
  /** How long a callback may take. */
  readonly callbackLimit: Seconds
  readonly webhooks: readonly Webhook[]
  readonly audit: AuditMessages
  /** Whether this process sends the messages that it stores. The command line leaves this to the server. */
  readonly delivers: boolean
}

const nobody: PreparedEvent = { happened: () => {} }

/** Returns who caused an event: its user, else its client. */
function causeOf(data: object): string | undefined {
  const { sub, client_id } = data as { readonly sub?: unknown; readonly client_id?: unknown }
  if (typeof sub === 'string') return `user ${sub}`
  return typeof client_id === 'string' ? `client ${client_id}` : undefined
}

export function createEvents(ports: EventsPorts): ManagedEvents {
  const { issuer, tenant, delivers, audit, stores, clock, random, log } = ports
  const callbacks = createCallbacks(ports.callbacks, { limit: ports.callbackLimit, log })
  const queues = ports.webhooks.map(webhook => createWebhook(webhook, ports))
  const laterWrites = createLaterWrites({ stores, log, onStored: sendSoon })

  let closing: Promise<void> | undefined
  /** Deliveries in progress, so that closing waits for their queries. */
  const delivering = new Set<Promise<unknown>>()

  function run(of = queues): Promise<unknown> {
    const running = Promise.all(of.map(queue => queue.deliver()))
    const done = running.catch(() => {}).finally(() => delivering.delete(done))
    delivering.add(done)
    return running
  }

  /** Not awaited: no request waits for a receiver. */
  function sendSoon(): void {
    if (!delivers) return
    const idle = queues.filter(queue => !queue.wakes())
    if (idle.length > 0) void run(idle).catch(logFailure)
  }

  const { logFailure, close } = createDeliveries({
    logError: error => log.error('webhooks_failed', { error }),
    settled,
    stop() {
      for (const queue of queues) queue.stop()
    },
  })

  /** Returns the event as JSON with its messages; undefined if there is no subscriber, and it is not audited. */
  function made<Type extends EventType>(type: Type, data: EventData[Type], details?: AuditDetails) {
    const records = audit.takes(type) ? audit.messagesOf(type, data, details) : []
    if (!callbacks.has(type) && !queues.some(queue => queue.takes(type)))
      return records.length > 0 ? { body: undefined, messages: records, sends: false } : undefined
    const event = {
      id: `evt_${newTimedId<string>(random)}`,
      type,
      timestamp: new Date(clock.now() * 1000).toISOString(),
      issuer,
      ...(tenant !== undefined && { tenant }),
      data,
    } as Event
    const body = JSON.stringify(event)
    const messages: Messages = queues.flatMap(queue =>
      queue.takes(type) ? (queue.messageOf(type, event.id, body, causeOf(data)) ?? []) : [],
    )
    const all = [...messages, ...records]
    return { body, messages: all.length > 0 ? all : undefined, sends: messages.length > 0 }
  }

  async function settled(): Promise<void> {
    await callbacks.settled()
    await laterWrites.settled()
    while (delivering.size > 0) await Promise.all(delivering)
  }

  return {
    prepare(type, data, details) {
      const event = made(type, data, details)
      if (!event) return nobody
      const { body, messages, sends } = event
      return {
        messages,
        happened() {
          if (body !== undefined) callbacks.call(type, body)
          if (sends) sendSoon()
        },
      }
    },
    emit(type, data) {
      const event = made(type, data)
      if (!event) return
      if (event.body !== undefined) callbacks.call(type, event.body)
      if (event.messages) laterWrites.add(event.messages, isByStrangers(type))
    },
    note(type, data) {
      if (audit.takes(type)) laterWrites.add(audit.messagesOf(type, data), isAuditedByStrangers(type))
    },
    notes: audit.takes,
    deliver: async () => void (await settlesWithin(receiverLimit, run())),
    settled,
    async close() {
      closing ??= close()
      await closing
      await settlesWithin(receiverLimit, laterWrites.settled())
    },
  }
}
