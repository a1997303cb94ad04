/** Public keys of clients, registered (`jwks`) or fetched (`jwks_uri`, RFC 7591 §2). */

import type { Seconds } from '@tessera/protocol/brand'
import { isJsonObject, parseStrangersObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'
import { privateKeyMembers } from '@tessera/protocol/signature-algorithms'
import { type Client, isTrusted, type JwkSet } from '../../model/client.ts'
import { isAffordable } from '../../model/jose.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { createSlots, type TakeSlot } from '../../outbound/slots.ts'
import { singleFlight } from '../../runtime/async/promises.ts'
import { type BackOff, createBackOff } from '../../runtime/back-off.ts'
import { setBounded } from '../../runtime/bounded-map.ts'
import { type Clock, type Log, StoreUnavailable } from '../../runtime/ports.ts'
import { isRecent } from '../../runtime/recent.ts'

/**
 * Finds a client's keys. Resolves to undefined if they can't be known now: fetching them failed, and no earlier set may
 * still be used, or the earlier set lacks the wanted key. A key that a fetched set lacks does not exist.
 */
export type FindKeys = (client: Client, wanted?: WantedKey) => Promise<JwkSet | undefined>

export type WantedKey = {
  /**
   * If true, the set is fetched again (rate-limited), because the client may have rotated its keys (OpenID Connect Core
   * 1.0 §10.1.1).
   */
  readonly lacks: (keys: JwkSet) => boolean
}

type ClientKeysPorts = { readonly outbound: Outbound; readonly clock: Clock; readonly log: Log }

/** How long a fetched set is used without refreshing it. */
const freshFor: Seconds = 600
/**
 * How long a set is used while it is being refreshed, so that requests don't wait. Removed keys remain valid until
 * then.
 */
const staleWhileAsking: Seconds = 1200
/** How long a set is used if refreshing fails. */
const staleFor: Seconds = 86_400
/**
 * Minimum time between two fetches, so that unknown `kid`s don't make this server send requests. One extra fetch is
 * allowed, because the client may have rotated its keys.
 */
const pause: Seconds = 30
/** Key sets in memory. Beyond it, the oldest is dropped. */
const capacity = 500
const maxKeys = 100
/** Bytes of a key set. Limits memory use, together with the capacity. */
const maxBytes = 65_536

type Fetched = {
  readonly keys: JwkSet
  /** When it was last fetched successfully. */
  readonly fetched_at: Seconds
  /** When a fetch was last attempted. */
  readonly asked_at: Seconds
  /** Whether that was the extra fetch. */
  readonly isExtra: boolean
}

const noKeys: JwkSet = { keys: [] }

/** Requests that may wait for keys of clients at the same time. */
const maxWaiting = 500

/**
 * Creates the key finder. A client without keys has an empty set. Throws `StoreUnavailable` if too many requests wait,
 * unless the known keys can still be used.
 */
export function createClientKeyFinder(ports: ClientKeysPorts): FindKeys {
  const takeSlot = createSlots(maxWaiting)
  // Untrusted clients have a separate cache, so that they can't evict the keys of others.
  const findTrusted = createKeyMemory(ports, takeSlot)
  // Anyone can register clients with keys at somebody else's host. Each has its own pause, so the host needs one as well.
  const findUntrusted = createKeyMemory(ports, takeSlot, createBackOff(ports.clock))
  return async (client, wanted) => {
    const { jwks, jwks_uri: uri } = client
    if (uri === undefined) return jwks ?? noKeys
    return isTrusted(client) ? findTrusted(client, uri, wanted) : findUntrusted(client, uri, wanted)
  }
}

type FindFetched = (client: Client, uri: string, wanted: WantedKey | undefined) => Promise<JwkSet | undefined>

/** @param hosts pauses fetches of sets that were never fetched, by host. */
function createKeyMemory(
  { outbound, clock, log }: ClientKeysPorts,
  takeSlot: TakeSlot,
  hosts?: BackOff,
): FindFetched {
  const known = new Map<string, Fetched>()
  const fetchKeys = singleFlight(fetchSet)

  return async (client, uri, wanted) => {
    const { client_id } = client
    const found = known.get(uri)
    const now = clock.now()
    const lacks = found === undefined || (wanted?.lacks(found.keys) ?? false)
    if (found) {
      const isFresh = isRecent(found.fetched_at, freshFor, now) && !lacks
      const isPaused = isRecent(found.asked_at, pause, now)
      // After a failure, wait for the pause to end.
      const mayAskOnce = lacks && !found.isExtra && found.fetched_at === found.asked_at
      if (isFresh || (isPaused && !mayAskOnce)) return usable(found, wanted, now)
    }
    const isSlightlyStale = !lacks && isRecent(found.fetched_at, staleWhileAsking, now)
    if (isSlightlyStale && fetchKeys.current(uri)) return usable(found, wanted, now)
    const isNew = found === undefined || !wasFetched(found)
    if (isNew && (hosts?.waitFor(hostOf(uri)) ?? 0) > 0) return undefined
    const giveBack = takeSlot({ client_id, url: uri, trusted: isTrusted(client) })
    if (!giveBack) {
      if (!lacks && isRecent(found.fetched_at, staleFor, now)) return found.keys
      throw new StoreUnavailable('too many requests are waiting for keys of clients')
    }
    const asking = fetchKeys(uri, client).finally(giveBack)
    if (!isSlightlyStale) return usable(await asking, wanted, clock.now())
    asking.catch(error => log.warn('client_keys_not_fetched', { client_id, error: String(error) }))
    return usable(found, wanted, now)
  }

  async function fetchSet(uri: string, client: Client): Promise<Fetched> {
    const { client_id } = client
    const response = await outbound(uri, {
      headers: { accept: 'application/jwk-set+json, application/json' },
      maxBytes,
      stranger: !isTrusted(client),
    })
    const keys = response.ok && response.status === 200 ? readSet(response.body) : undefined
    if (!keys) {
      const why = response.ok
        ? { status: response.status }
        : { reason: response.reason, detail: response.detail }
      log.warn('client_keys_not_fetched', { client_id, jwks_uri: uri, ...why })
    }
    const now = clock.now()
    const before = known.get(uri) ?? {
      keys: noKeys,
      fetched_at: Number.NEGATIVE_INFINITY,
      asked_at: Number.NEGATIVE_INFINITY,
    }
    if (!keys && !wasFetched(before)) hosts?.failed(hostOf(uri))
    const isExtra = isRecent(before.asked_at, pause, now)
    const after: Fetched = { ...(keys ? { keys, fetched_at: now } : before), asked_at: now, isExtra }
    setBounded(known, uri, after, capacity)
    return after
  }
}

const wasFetched = ({ fetched_at }: Pick<Fetched, 'fetched_at'>): boolean =>
  fetched_at !== Number.NEGATIVE_INFINITY

const hostOf = (uri: string): string => URL.parse(uri)?.hostname ?? uri

/** Returns the keys, unless the last fetch failed and the set is too old or lacks the wanted key. */
function usable(
  { keys, fetched_at, asked_at }: Fetched,
  wanted: WantedKey | undefined,
  now: Seconds,
): JwkSet | undefined {
  if (!isRecent(fetched_at, staleFor, now)) return undefined
  return fetched_at !== asked_at && wanted?.lacks(keys) ? undefined : keys
}

/**
 * Parses a key set. Ignores symmetric and private keys, which are not secret at a public URL, and keys that are too
 * large.
 */
function readSet(body: string): JwkSet | undefined {
  const { keys } = parseStrangersObject(body) ?? {}
  if (!Array.isArray(keys) || keys.length > maxKeys) return undefined
  return { keys: keys.filter(isPublicKey) }
}

const isPublicKey = (key: unknown): key is JsonObject =>
  isJsonObject(key) && !privateKeyMembers.some(member => member in key) && isAffordable(key)
