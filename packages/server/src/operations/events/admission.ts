/**
 * Limits the messages that wait for one webhook. They are counted in the store from time to time, and in memory in
 * between, so that storing an event needs no count. Several processes can therefore exceed the limit by the messages
 * that they add in the meantime.
 */

import type { Seconds } from '@tessera/protocol/brand'
import { type EventType, isByStrangers } from '../../model/events.ts'
import { currentOrigin } from '../../runtime/async/origin.ts'
import { networkPath } from '../../runtime/network.ts'
import type { Awaitable, Clock, Log } from '../../runtime/ports.ts'
import { repeatedLine } from '../../runtime/repeated-line.ts'

type Admission = {
  /**
   * Returns whether a message of this type may be stored, and counts it. Logs those that may not.
   * @param by who caused the event: a user or a client.
   */
  readonly admits: (type: EventType, by: string | undefined) => boolean
  /** Counts a message that was deleted. */
  readonly left: () => void
  /** Counts the store's messages again, if that was not done recently. */
  readonly recount: () => Promise<void>
}

export const webhookLimits = {
  /** Messages that wait for one webhook. */
  waiting: 10_000,
  /** Beyond this number, refusals are not stored: strangers can cause them, and must not displace other events. */
  waitingForRefusals: 1000,
  /** Refusals that one process stores in a minute. */
  refusals: 300,
  /** Of these, those that one network caused, or one /48 of IPv6, so that it does not hide the others. */
  refusalsOfNetwork: 200,
  /** Beyond this number, each user or client gets only a few more messages, so that none of them displaces others. */
  waitingForAll: 5000,
  /** Messages that one process stores then for a user or client, until fewer wait. */
  waitingForOne: 100,
  /** Messages that one process stores then of people in one network, or one /48 of IPv6: anyone can make accounts. */
  waitingForNetwork: 1000,
} as const

const refusalSpan: Seconds = 60
const recountInterval: Seconds = 5

const newSpan = (since: Seconds) => ({ since, count: 0, networks: new Map<string, number>() })

export function createAdmission({
  about,
  count,
  clock,
  log,
}: {
  /** Fields that name the webhook in log lines. */
  readonly about: object
  /** Counts the messages in the store, up to this number. */
  readonly count: (most: number) => Awaitable<number>
  readonly clock: Clock
  readonly log: Log
}): Admission {
  const logDropped = repeatedLine(log.error, { event: 'webhook_events_dropped', count: 'events' })
  let waiting = 0
  let countedAt: Seconds = 0
  let refusals = newSpan(0)
  /** How many messages each user, client and network has caused since so many wait. */
  const shares = new Map<string, number>()

  const dropped = (problem: string): false => {
    logDropped({ ...about, problem })
    return false
  }

  function admitsRefusal(): boolean {
    const now = clock.now()
    if (Math.abs(now - refusals.since) >= refusalSpan) refusals = newSpan(now)
    const [network = ''] = networkPath(currentOrigin().network ?? '')
    const ofNetwork = refusals.networks.get(network) ?? 0
    if (refusals.count >= webhookLimits.refusals) return dropped('too many refusals in a minute')
    if (ofNetwork >= webhookLimits.refusalsOfNetwork)
      return dropped('too many refusals of one network in a minute')
    refusals.count += 1
    refusals.networks.set(network, ofNetwork + 1)
    return true
  }

  /** The map is bounded by the messages that may still wait. */
  function admitsShare(by: string): boolean {
    const { actor, network } = currentOrigin()
    const limits: [cause: string, most: number][] = [[by, webhookLimits.waitingForOne]]
    // Of a client's requests, the network is that of all its users.
    if (actor.kind === 'browser' && network !== undefined)
      limits.push([`network ${networkPath(network)[0]}`, webhookLimits.waitingForNetwork])
    if (limits.some(([cause, most]) => (shares.get(cause) ?? 0) >= most))
      return dropped('too many messages wait, most of them of one cause')
    for (const [cause] of limits) shares.set(cause, (shares.get(cause) ?? 0) + 1)
    return true
  }

  return {
    admits(type, by) {
      const isRefusal = isByStrangers(type)
      const most = isRefusal ? webhookLimits.waitingForRefusals : webhookLimits.waiting
      if (waiting >= most) return dropped('too many messages wait')
      if (isRefusal && !admitsRefusal()) return false
      if (waiting < webhookLimits.waitingForAll) shares.clear()
      else if (by !== undefined && !admitsShare(by)) return false
      waiting += 1
      return true
    },
    left() {
      waiting = Math.max(0, waiting - 1)
    },
    async recount() {
      const now = clock.now()
      if (Math.abs(now - countedAt) < recountInterval) return
      countedAt = now
      waiting = await count(webhookLimits.waiting)
    },
  }
}
