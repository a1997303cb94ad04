/**
 * Delivers logout tokens to clients (OpenID Connect Back-Channel Logout 1.0 §2.5, §2.8) from a queue that outlives the
 * process. Each notice is claimed before it is sent. If a process dies while sending, another one sends the notice
 * after the claim has expired. A client may therefore receive a token twice, which is harmless, and receives it at
 * least once unless the notice expires.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { LogoutNotice } from '../model/authorization.ts'
import { type Client, type Clients, isTrusted } from '../model/client.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { createDeliveries } from '../runtime/async/claim-loop.ts'
import { singleFlight } from '../runtime/async/promises.ts'
import { type Clock, type Log, passedBy } from '../runtime/ports.ts'
import type { LogoutTokens } from '../tokens/logout-token.ts'

type DeliveryPorts = {
  readonly stores: Pick<Stores, 'logoutNotices'>
  readonly clients: Pick<Clients, 'find'>
  readonly logoutTokens: LogoutTokens
  readonly outbound: Outbound
  readonly clock: Clock
  readonly log: Log
}

type LogoutDelivery = {
  /** Tries to deliver all notices that are due. Simultaneous calls share one run. */
  readonly deliver: () => Promise<void>
  /** Resolves when no delivery is in progress. */
  readonly settled: () => Promise<void>
  /** Delivers for a few seconds what is due and in progress. The rest remains in the store. */
  readonly close: () => Promise<void>
}

/**
 * Maximum deliveries in progress per process, and to one client while others wait, so that an unresponsive client does
 * not slow down the others.
 */
const most = 64
const mostOfClient = 8
/** Maximum deliveries in progress to one untrusted client, and to all untrusted clients together. */
const mostOfUntrusted = 2
const mostOfUntrustedTotal = most / 2
/** Maximum number of untrusted clients that are remembered. */
const capacity = 1000
/** Longer than any exchange takes (`outbound` ends one after 5 seconds). */
const claimLasts: Seconds = 60
/** How long to skip a client that did not respond, so that it delays others only once and not for each session. */
const rest: Seconds = 10
/** The delay after each attempt. The last attempt has none. */
const backoff: readonly Seconds[] = [10, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600]

export function createLogoutDelivery(ports: DeliveryPorts): LogoutDelivery {
  const { stores, clock, log } = ports
  const onError = (error: unknown): Outcome => {
    deliveries.logFailure(error)
    return 'settled'
  }
  const untrusted = rememberUntrusted(ports)
  let again = false
  let isStopped = false
  let wake = (): void => {}
  const settled = async () => run.current()
  const deliveries = createDeliveries({
    logError: error => log.error('logout_delivery_failed', { error }),
    settled,
    stop() {
      isStopped = true
    },
  })

  /** Logs a failure itself, once for all callers. */
  const run = singleFlight(() => deliverDue().catch(error => void onError(error)))

  async function deliverDue(): Promise<void> {
    const lanes = createLanes(ports, untrusted)
    do {
      again = false
      const woken = new Promise<void>(resolve => {
        wake = resolve
      })
      await fill(lanes)
      if (!lanes.isBusy()) continue
      await Promise.race([lanes.next(), woken])
      // Also if all deliveries ended together, because notices that waited for a lane can be sent now.
      again = true
    } while (again)
  }

  /** Starts deliveries until none is due or enough are in progress. */
  async function fill(lanes: Lanes): Promise<void> {
    while (!isStopped && !lanes.isFull() && (await stores.logoutNotices.anyDue(clock.now()))) {
      const now = clock.now()
      // Claims fewer when busy, because a client that is not known yet may be untrusted.
      const atOnce = lanes.isCrowded() ? mostOfUntrusted : mostOfClient
      const claimed = await stores.logoutNotices.claim(now, now + claimLasts, atOnce, lanes.closed())
      // The remaining notices are for clients that are busy or unresponsive.
      if (claimed.length === 0) return
      await untrusted.learn(claimed.map(({ client_id }) => client_id))
      for (const notice of claimed) {
        if (lanes.hasRoomFor(notice.client_id))
          lanes.enter(notice.client_id, deliver(notice, ports).catch(onError))
        // If many untrusted clients have notices, this notice must not become due again in this run.
        else await stores.logoutNotices.postpone(notice, untrusted.areMany() ? now + rest : now)
      }
    }
  }

  return {
    deliver() {
      again = true
      wake()
      return run()
    },
    settled,
    close: deliveries.close,
  }
}

type Lanes = ReturnType<typeof createLanes>

/** Counts deliveries in progress to each client, and remembers clients that did not respond recently. */
function createLanes({ clock }: { clock: Clock }, untrusted: Untrusted) {
  const underWay = new Set<Promise<void>>()
  let ofUntrusted = 0
  const byClient = new Map<string, number>()
  const restUntil = new Map<string, Seconds>()

  return {
    enter(client: string, delivery: Promise<Outcome>): void {
      byClient.set(client, (byClient.get(client) ?? 0) + 1)
      const isUntrusted = untrusted.has(client)
      if (isUntrusted) ofUntrusted += 1
      const done = delivery.then(outcome => {
        underWay.delete(done)
        if (isUntrusted) ofUntrusted -= 1
        byClient.set(client, (byClient.get(client) ?? 1) - 1)
        if (outcome === 'silent') restUntil.set(client, clock.now() + rest)
      })
      underWay.add(done)
    },
    /** Returns clients that must not get further deliveries for now. */
    closed: (): readonly string[] => [
      ...[...byClient].flatMap(([client, count]) =>
        count >= (untrusted.has(client) ? mostOfUntrusted : mostOfClient) ? client : [],
      ),
      ...(ofUntrusted >= mostOfUntrustedTotal ? untrusted.all() : []),
      ...[...restUntil].flatMap(([client, until]) => (until > clock.now() ? client : [])),
    ],
    /**
     * Returns whether the limit for untrusted clients allows a delivery to this one, which may have been unknown when
     * its notice was claimed.
     */
    hasRoomFor: (client: string): boolean => !untrusted.has(client) || ofUntrusted < mostOfUntrustedTotal,
    isBusy: () => underWay.size > 0,
    isFull: () => underWay.size >= most,
    isCrowded: () => underWay.size >= mostOfUntrustedTotal,
    next: (): Promise<void> => Promise.race(underWay),
  }
}

type Untrusted = ReturnType<typeof rememberUntrusted>

/** Remembers untrusted clients with notices, and those that are not at hand. */
function rememberUntrusted({ clients }: Pick<DeliveryPorts, 'clients'>) {
  const known = new Set<string>()

  return {
    has: (client: string): boolean => known.has(client),
    all: (): Iterable<string> => known,
    areMany: (): boolean => known.size >= capacity,
    async learn(ids: readonly string[]): Promise<void> {
      for (const id of ids) {
        const client = await clients.find(id, 'at_hand')
        known.delete(id)
        if (!client || !isTrusted(client)) known.add(id)
        const oldest = known.size > capacity ? known.values().next().value : undefined
        if (oldest !== undefined) known.delete(oldest)
      }
    },
  }
}

type Outcome = 'settled' | 'silent'

/** Resolves to `silent` if the client did not respond. */
async function deliver(notice: LogoutNotice, ports: DeliveryPorts): Promise<Outcome> {
  const { stores, clock, log } = ports
  const { client_id, sid, attempts } = notice
  const failure = await attempt(notice, ports).catch(notMade)
  if (failure === undefined) return remove(notice, ports)
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

type Failure = { readonly reason: string; readonly detail?: unknown }

/**
 * Treats an error before the request as a failed attempt, so that it has the same delays and is given up. Otherwise a client
 * whose metadata document can't be fetched would be tried with each claim.
 */
const notMade = (error: unknown): Failure => ({ reason: 'logout_token_not_made', detail: String(error) })

/** Resolves to undefined if the client was notified, or need not be. */
async function attempt(notice: LogoutNotice, ports: DeliveryPorts): Promise<Failure | undefined> {
  const { client_id, sid, attempts } = notice
  const client = await ports.clients.find(client_id)
  const uri = client?.enabled ? client.backchannel_logout_uri : undefined
  // A client without a back channel may have been notified by the front channel.
  if (!client || uri === undefined) return undefined
  const failure = await send(client, uri, notice, ports)
  if (!failure) ports.log.info('logout_delivered', { client_id, sid, attempts })
  return failure
}

/** Resolves to why the client refused the token, or to undefined if it accepted it (§2.8: 200, and 204 of some frameworks). */
async function send(
  client: Client,
  uri: string,
  { sub, sid }: LogoutNotice,
  { logoutTokens, outbound }: DeliveryPorts,
): Promise<Failure | undefined> {
  const logout_token = await logoutTokens.make({ client, sub, sid })
  const answer = await outbound(uri, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ logout_token }).toString(),
    maxBytes: 16_384,
    stranger: !isTrusted(client),
  })
  if (!answer.ok) return { reason: answer.reason, detail: answer.detail }
  return answer.status === 200 || answer.status === 204
    ? undefined
    : { reason: 'logout_token_refused', detail: answer.status }
}
