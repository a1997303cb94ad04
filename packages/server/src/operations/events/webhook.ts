/**
 * One webhook: its subscriptions, and the delivery of its messages from the store (Standard Webhooks 1.0,
 * "Deliverability and reliability"). Each webhook has its own slots, so that a slow or unreachable receiver does not
 * delay the others.
 */

import { hash } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { EventType } from '../../model/events.ts'
import type { Sealing } from '../../model/keys.ts'
import type { Stores } from '../../model/ports/stores.ts'
import { type Webhook, type WebhookMessage, webhookMessageName } from '../../model/webhook.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { createClaimLoop } from '../../runtime/async/claim-loop.ts'
import { createDeference } from '../../runtime/async/deference.ts'
import { type Clock, type Log, passedBy, type Random } from '../../runtime/ports.ts'
import { createAdmission } from './admission.ts'
import { webhookHeaders } from './signature.ts'

export type WebhookPorts = {
  readonly stores: Pick<Stores, 'webhookMessages'>
  readonly sealing: Sealing
  readonly outbound: Outbound
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

type WebhookQueue = {
  /** Returns whether it subscribes to the type, and has not responded 410. */
  readonly takes: (type: EventType) => boolean
  /**
   * Returns the message to store; undefined if too many wait.
   * @param by who caused the event.
   */
  readonly messageOf: (
    type: EventType,
    id: string,
    body: string,
    by: string | undefined,
  ) => WebhookMessage | undefined
  /** Sends all messages that are due, also those of other processes. */
  readonly deliver: () => Promise<void>
  /** Makes deliveries in progress continue with messages that are due now. Returns whether there are any. */
  readonly wakes: () => boolean
  /** Claims no more messages. */
  readonly stop: () => void
}

const atOnce = 8
/** Milliseconds ("Request timeouts": between 15 and 30 s). */
const timeoutMs = 15_000
/** Longer than an attempt takes. */
const claimLasts: Seconds = 60
const minute = 60
const hour = 60 * minute
/** The example schedule of Standard Webhooks: the delay after each attempt. The last attempt has none. */
const backoff: readonly Seconds[] = [
  5,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
]
/** Longer than the whole schedule with its jitter. */
const lifetime: Seconds = 96 * hour
/** The longest `retry-after` that is respected. */
const longestWait: Seconds = 24 * hour
/**
 * How long to skip a receiver that does not respond: the first value, doubled on each failure up to the second value.
 */
const rest = { first: 5, longest: 5 * minute } as const
/** Statuses that ask for fewer requests. */
const throttling: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** Returns the name of a webhook's rows. Its address may contain a secret, so it is not stored. */
const endpointOf = (url: string): string => hash('sha256', url, 'base64url').slice(0, 22)

/** Why an attempt failed, for the log. */
type Failure = {
  readonly problem: string
  readonly detail?: string | undefined
  readonly status?: number
  readonly retryAfter?: Seconds
}

export function createWebhook(webhook: Webhook, ports: WebhookPorts): WebhookQueue {
  const { sealing, outbound, clock, random, log } = ports
  const { webhookMessages } = ports.stores
  const endpoint = endpointOf(webhook.url)
  // The host only: the rest of the address may be secret.
  const about = { webhook: new URL(webhook.url).host }
  const admission = createAdmission({
    about,
    count: most => webhookMessages.count(endpoint, most),
    clock,
    log,
  })
  let isGone = false
  let silences = 0
  let restUntil: Seconds = 0

  const others = createDeference(clock)
  const loop = createClaimLoop<WebhookMessage>({
    atOnce,
    anyDue: () =>
      !isGone && !isResting() && !others.mustWait() && webhookMessages.anyDue(endpoint, clock.now()),
    async claim(limit) {
      const now = clock.now()
      // After a failure, one message tests whether the receiver responds again.
      if (silences > 0 && limit < atOnce) return []
      return webhookMessages.claim(endpoint, now, now + claimLasts, silences > 0 ? 1 : limit)
    },
    work: sendOne,
  })

  /** Setting the clock back does not prolong it. */
  function isResting(): boolean {
    const left = restUntil - clock.now()
    return left > 0 && left <= rest.longest
  }

  async function sendOne(message: WebhookMessage): Promise<void> {
    if (sealing.isOfNewerKey(message.sealed)) {
      others.defer()
      return webhookMessages.postpone(message, clock.now())
    }
    const body = openedBody(message)
    if (body === undefined) return remove(message)
    if (message.expires_at <= passedBy(clock)) return giveUp(message, { problem: 'it has expired' })
    const failure = await send(message, body)
    if (!failure) {
      silences = 0
      log.info('webhook_delivered', { ...about, event_id: message.event_id, attempts: message.attempts })
      return remove(message)
    }
    if (failure.status === 410) {
      isGone = true
      log.error('webhook_gone', { ...about, event_id: message.event_id })
    }
    return retryLater(message, failure)
  }

  function openedBody({ sealed, event_id }: WebhookMessage): string | undefined {
    try {
      return sealing.open(sealed, webhookMessageName(event_id))
    } catch (error) {
      log.error('webhook_undeliverable', { ...about, event_id, error: String(error) })
      return undefined
    }
  }

  /** Resolves to undefined if the receiver accepted it. */
  async function send({ event_id: id }: WebhookMessage, body: string): Promise<Failure | undefined> {
    const answer = await outbound(webhook.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...webhookHeaders({ id, at: clock.now(), body, secrets: webhook.secrets }),
      },
      body,
      timeoutMs,
      ignoreBody: true,
    })
    if (!answer.ok) return { problem: answer.reason, detail: answer.detail }
    const { status, headers: answered } = answer
    if (status >= 200 && status < 300) return undefined
    const wait = Number(answered['retry-after'])
    return {
      problem: 'the receiver did not accept it',
      status,
      ...(Number.isFinite(wait) && { retryAfter: Math.min(Math.max(wait, 0), longestWait) }),
    }
  }

  async function retryLater(message: WebhookMessage, failure: Failure): Promise<void> {
    if (failure.status === undefined || throttling.has(failure.status)) keepQuiet()
    const wait = backoff[message.attempts - 1]
    if (wait === undefined) return giveUp(message, failure)
    const { retryAfter = 0, ...shown } = failure
    const next = clock.now() + Math.max(jittered(wait), Math.ceil(retryAfter))
    const { event_id, attempts } = message
    log.warn('webhook_delayed', { ...about, event_id, attempts, next_at: next, ...shown })
    await webhookMessages.postpone(message, next)
  }

  /** Counts the failures of concurrent attempts once, because they have one cause. */
  function keepQuiet(): void {
    if (isResting()) return
    restUntil = clock.now() + Math.min(rest.first * 2 ** silences, rest.longest)
    silences += 1
  }

  /** Adds up to 20 %, so that deliveries that failed together are not retried together. */
  const jittered = (wait: Seconds): Seconds =>
    wait + Math.floor((wait * Number(random.bytes(1)[0])) / (5 * 256))

  function giveUp(message: WebhookMessage, failure: Failure): Promise<void> {
    const { event_id, attempts } = message
    const { retryAfter: _, ...shown } = failure
    log.error('webhook_undeliverable', { ...about, event_id, attempts, ...shown })
    return remove(message)
  }

  async function remove(message: WebhookMessage): Promise<void> {
    await webhookMessages.remove(message)
    admission.left()
  }

  return {
    takes: type => !isGone && (webhook.events?.has(type) ?? true),
    messageOf(type, event_id, body, by) {
      if (!admission.admits(type, by)) return undefined
      const now = clock.now()
      const sealed = sealing.seal(body, webhookMessageName(event_id))
      return { event_id, endpoint, sealed, attempts: 0, due_at: now, expires_at: now + lifetime }
    },
    async deliver() {
      await admission.recount()
      await loop.run()
    },
    wakes: loop.wakes,
    stop: loop.stop,
  }
}
