/**
 * Delivers logout tokens to clients (OpenID Connect Back-Channel Logout 1.0 §2.5, §2.8) from a queue that outlives the
 * process. Each notice is claimed before it is sent; one whose deliverer died comes again when its claim has run out. A
 * client may so be told twice, which does no harm, and is never forgotten before its time.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { LogoutNotice } from '../model/authorization.ts'
import { type Client, type Clients, isVouchedFor } from '../model/client.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { singleFlight } from '../runtime/async/promises.ts'
import { type Clock, type Log, passedBy } from '../runtime/ports.ts'
import type { LogoutTokens } from '../tokens/logout-token.ts'

export type DeliveryPorts = {
  readonly stores: Pick<Stores, 'logoutNotices'>
  readonly clients: Pick<Clients, 'find'>
  readonly logoutTokens: LogoutTokens
  readonly outbound: Outbound
  readonly clock: Clock
  readonly log: Log
}

export type LogoutDelivery = {
  /** Delivers all that are due now; fulfilled when they were tried. Calls at once share one run. */
  readonly deliver: () => Promise<void>
  /** Fulfilled when nothing is under way. */
  readonly settled: () => Promise<void>
  /** Delivers what it can within a few seconds, then claims no more and waits for what is under way. */
  readonly close: () => Promise<void>
}

/** Milliseconds. Slow clients must not hold up the end of the process: what they were not told is in the store. */
const closeLimit = 5000
/** Sent at once by one process, and to one client while others wait: one that does not answer must not slow them. */
const most = 64
const mostOfClient = 8
/** To a client that nobody vouched for, and to all of these together. */
const mostOfStranger = 2
const mostOfStrangers = most / 2
/** Such clients that are remembered. */
const capacity = 1000
/** Longer than any exchange takes (`outbound` ends one after 5 seconds). */
const claimLasts: Seconds = 60
/** How long a client that did not answer is sent nothing else, so that it holds up what others are told once and not for each session. */
const rest: Seconds = 10
/** How long after which attempt the next one is made; after the last, none. */
const backoff: readonly Seconds[] = [10, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600]

export function createLogoutDelivery(ports: DeliveryPorts): LogoutDelivery {
  const { stores, clock, log } = ports
  const onError = (error: unknown): Outcome => {
    log.error('logout_delivery_failed', { error: String(error) })
    return 'settled'
  }
  const strangers = createStrangers(ports)
  let again = false
  let isClosed = false
  let wake = (): void => {}

  const run = singleFlight(async (): Promise<void> => {
    const lanes = createLanes(ports, strangers)
    do {
      again = false
      const woken = new Promise<void>(resolve => {
        wake = resolve
      })
      await fill(lanes)
      if (!lanes.isBusy()) continue
      await Promise.race([lanes.next(), woken])
      // Also when all ended at once: what waits for a free lane is sent now.
      again = true
    } while (again)
  })

  /** Sends what is due, until there is no more or enough is under way. */
  async function fill(lanes: Lanes): Promise<void> {
    while (!isClosed && !lanes.isFull() && (await stores.logoutNotices.anyDue(clock.now()))) {
      const now = clock.now()
      // Fewer at once while it is crowded: whoever is not known yet may be a stranger.
      const atOnce = lanes.isCrowded() ? mostOfStranger : mostOfClient
      const claimed = await stores.logoutNotices.claim(now, now + claimLasts, atOnce, lanes.closed())
      // What is left belongs to clients who are busy or silent.
      if (claimed.length === 0) return
      await strangers.learn(claimed.map(({ client_id }) => client_id))
      for (const notice of claimed) {
        if (lanes.hasRoomFor(notice.client_id))
          lanes.enter(notice.client_id, deliver(notice, ports).catch(onError))
        // Where too many strangers wait to be remembered, it may not be due again in this run.
        else await stores.logoutNotices.postpone(notice, strangers.areMany() ? now + rest : now)
      }
    }
  }

  return {
    deliver() {
      again = true
      wake()
      return run().catch(error => void onError(error))
    },
    settled: async () => run.current()?.catch(() => {}),
    async close() {
      const timer = setTimeout(() => {
        isClosed = true
      }, closeLimit)
      await run.current()?.catch(() => {})
      clearTimeout(timer)
      isClosed = true
    },
  }
}

type Lanes = ReturnType<typeof createLanes>

/** What is under way to each client, and who of them did not answer of late. */
function createLanes({ clock }: { clock: Clock }, strangers: Strangers) {
  const underWay = new Set<Promise<void>>()
  let ofStrangers = 0
  const byClient = new Map<string, number>()
  const restUntil = new Map<string, Seconds>()

  return {
    enter(client: string, delivery: Promise<Outcome>): void {
      byClient.set(client, (byClient.get(client) ?? 0) + 1)
      const isStranger = strangers.has(client)
      if (isStranger) ofStrangers += 1
      const done = delivery.then(outcome => {
        underWay.delete(done)
        if (isStranger) ofStrangers -= 1
        byClient.set(client, (byClient.get(client) ?? 1) - 1)
        if (outcome === 'silent') restUntil.set(client, clock.now() + rest)
      })
      underWay.add(done)
    },
    /** Clients who are sent nothing more for now. */
    closed: (): readonly string[] => [
      ...[...byClient].flatMap(([client, count]) =>
        count >= (strangers.has(client) ? mostOfStranger : mostOfClient) ? client : [],
      ),
      ...(ofStrangers >= mostOfStrangers ? strangers.all() : []),
      ...[...restUntil].flatMap(([client, until]) => (until > clock.now() ? client : [])),
    ],
    /** Whether strangers leave room for this client: one that was not known when its notice was claimed may be one of them. */
    hasRoomFor: (client: string): boolean => !strangers.has(client) || ofStrangers < mostOfStrangers,
    isBusy: () => underWay.size > 0,
    isFull: () => underWay.size >= most,
    isCrowded: () => underWay.size >= mostOfStrangers,
    next: (): Promise<void> => Promise.race(underWay),
  }
}

type Strangers = ReturnType<typeof createStrangers>

/** Clients with notices that nobody vouched for: known once they were met. */
function createStrangers({ clients }: Pick<DeliveryPorts, 'clients'>) {
  const known = new Set<string>()

  return {
    has: (client: string): boolean => known.has(client),
    all: (): Iterable<string> => known,
    areMany: (): boolean => known.size >= capacity,
    async learn(ids: readonly string[]): Promise<void> {
      for (const id of ids) {
        const client = await clients.find(id)
        known.delete(id)
        if (client && !isVouchedFor(client)) known.add(id)
        const oldest = known.size > capacity ? known.values().next().value : undefined
        if (oldest !== undefined) known.delete(oldest)
      }
    },
  }
}

type Outcome = 'settled' | 'silent'

/** `silent`: the client did not answer at all. */
async function deliver(notice: LogoutNotice, ports: DeliveryPorts): Promise<Outcome> {
  const { stores, clients, clock, log } = ports
  const { client_id, sid, attempts } = notice
  const client = await clients.find(client_id)
  const uri = client?.enabled ? client.backchannel_logout_uri : undefined
  // It has no back channel: it may have been told by the front one.
  if (!client || uri === undefined) return remove(notice, ports)
  const failure = await send(client, uri, notice, ports)
  if (failure === undefined) {
    log.info('logout_delivered', { client_id, sid, attempts })
    return remove(notice, ports)
  }
  const wait = backoff[attempts - 1]
  const next = wait === undefined ? undefined : clock.now() + wait
  if (next === undefined || passedBy(clock) + (wait ?? 0) >= notice.expires_at) {
    log.error('logout_undeliverable', { client_id, sid, attempts, ...failure })
    return remove(notice, ports)
  }
  log.warn('logout_delivery_delayed', { client_id, sid, attempts, next_at: next, ...failure })
  await stores.logoutNotices.postpone(notice, next)
  return failure.reason === 'logout_token_refused' ? 'settled' : 'silent'
}

async function remove(notice: LogoutNotice, { stores }: DeliveryPorts): Promise<'settled'> {
  await stores.logoutNotices.remove(notice)
  return 'settled'
}

/** Why it was not taken, for the log; undefined: it was (§2.8: 200, and 204 where frameworks answer so). */
async function send(
  client: Client,
  uri: string,
  { sub, sid }: LogoutNotice,
  { logoutTokens, outbound }: DeliveryPorts,
): Promise<{ readonly reason: string; readonly detail?: unknown } | undefined> {
  const logout_token = await logoutTokens.make({ client, sub, sid })
  const answer = await outbound(uri, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ logout_token }).toString(),
    maxBytes: 16_384,
    stranger: !isVouchedFor(client),
  })
  if (!answer.ok)
    return { reason: answer.reason, ...(answer.detail !== undefined && { detail: answer.detail }) }
  return answer.status === 200 || answer.status === 204
    ? undefined
    : { reason: 'logout_token_refused', detail: answer.status }
}
