/**
 * Limits guesses at secrets of clients and APIs (RFC 6749 §2.3.1). Failures are counted per network, and per name and
 * network. A correct secret costs two lookups in memory and no access to the store
 * (docs/decisions/0017-client-secret-guesses.md).
 */

import { hash } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import { type Refusal, refuse } from '@tessera/protocol/result'
import { isLiveCounter } from '../../model/ports/users.ts'
import type { Clock } from '../../runtime/ports.ts'

export type ClientFailures = {
  /** Returns a refusal if, as far as this process knows, the credential must not be checked. */
  readonly refusal: (name: string, from: string) => Block | undefined
  /** Returns whether any process saw this client authenticate from the network within a day. */
  readonly wasSeen: (name: string, from: string) => Promise<boolean>
  /**
   * Counts a failure for the network and for each client that the request may mean. Returns a refusal if there were too
   * many across all processes.
   */
  readonly failed: (names: readonly string[], from: string) => Promise<Refusal | undefined>
  readonly succeeded: (name: string, from: string) => void
}

/** `by: 'network'`: still checks clients that authenticated from the network within a day. */
export type Block = { readonly by: 'client' | 'network'; readonly refusal: Refusal }

type Counter = { readonly key: string; readonly most: number; readonly span: Seconds }

type ClientFailurePorts = {
  /** Adds one to a counter in the store. Returns the seconds to wait if it is full, otherwise 0. */
  readonly countFailure: (counter: Counter) => Promise<Seconds>
  /** Returns the networks of a request, narrowest first, with their limits; see `networkKeys`. */
  readonly networksOf: (
    from: string,
    limit: { readonly most: number; readonly span: Seconds },
  ) => readonly Counter[]
  /** Stores markers for {@link markerLifetime}. `isMarked` returns whether one of them exists. */
  readonly mark: (keys: readonly string[]) => Promise<void>
  readonly isMarked: (keys: readonly string[]) => Promise<boolean>
  readonly clock: Clock
}

const span: Seconds = 600
/** Failures of a client from a network. */
const maxPerClient = 100
/** Failures of all clients, including unknown names, from a network. */
const maxPerNetwork = 1000
const day: Seconds = 86_400
/** The key of a marker contains the half day in which it was created, so that it can be renewed. */
const halfDay: Seconds = 43_200
/** How long a marker is stored. */
export const markerLifetime: Seconds = day + halfDay
/** The maximum number of entries per kind in the memory of a process. */
const maxRemembered = 10_000

type Tally = { count: number; until: Seconds }
type Seen = { at: Seconds; marked: number }

export function createClientFailures({
  countFailure,
  networksOf,
  mark,
  isMarked,
  clock,
}: ClientFailurePorts): ClientFailures {
  const tallies = new Map<string, Tally>()
  const seen = createSeen()
  /** Clients that the store doesn't know. Remembered, so that a flood doesn't read the store repeatedly. */
  const unseen = new Map<string, Seconds>()

  const pairOf = (name: string, from: string): string => JSON.stringify([shortened(name), from])
  const waitAt = (key: string, most: number, now: Seconds): Seconds => {
    const tally = tallies.get(key)
    return tally && isLiveCounter(tally.until, span, now) && tally.count >= most ? tally.until - now : 0
  }
  const networks = (from: string) => networksOf(from, { most: maxPerNetwork, span })
  const isSeen = (name: string, from: string, now: Seconds): boolean =>
    (seen.find(name, from)?.at ?? Number.NEGATIVE_INFINITY) > now - day

  /** Counts synchronously, so that concurrent requests see the count. */
  function tally(key: string, now: Seconds): void {
    const before = tallies.get(key)
    if (before && isLiveCounter(before.until, span, now)) before.count += 1
    else {
      forgetOldest(tallies)
      tallies.delete(key)
      tallies.set(key, { count: 1, until: now + span })
    }
  }

  /** Counts in the store too, and adopts a limit that other processes have reached. */
  async function count({ key, most }: Counter, now: Seconds): Promise<Seconds> {
    const wait = await countFailure({ key: `failures of ${key}`, most, span })
    if (wait > 0) tallies.set(key, { count: most, until: now + wait })
    return wait
  }

  const markOf = (name: string, from: string, half: number): string =>
    `client seen ${half} ${pairOf(name, from)}`

  /** Stores markers only for networks with failures, so that other networks cause no writes. */
  async function markSeen(from: string, now: Seconds): Promise<void> {
    const half = Math.floor(now / halfDay)
    const fresh = seen.of(from).filter(([, client]) => client.marked !== half && client.at > now - halfDay)
    if (fresh.length === 0) return
    for (const [, client] of fresh) client.marked = half
    const keys = fresh.slice(0, maxPerNetwork).map(([name]) => markOf(name, from, half))
    await mark(keys)
  }

  return {
    refusal(name, from) {
      if (tallies.size === 0) return undefined
      const now = clock.now()
      const own = waitAt(pairOf(name, from), maxPerClient, now)
      if (own > 0) return { by: 'client', refusal: tooMany(name, own) }
      const waits = networks(from).map(({ key, most }) => waitAt(key, most, now))
      const shared = Math.max(...waits)
      if (shared === 0 || isSeen(name, from, now)) return undefined
      return { by: 'network', refusal: tooMany(name, shared) }
    },
    async wasSeen(name, from) {
      const pair = pairOf(name, from)
      const now = clock.now()
      if (isLiveCounter(unseen.get(pair) ?? 0, span, now)) return false
      const half = Math.floor(now / halfDay)
      const found = await isMarked([markOf(name, from, half), markOf(name, from, half - 1)])
      if (found) seen.add(name, from, now)
      else {
        forgetOldest(unseen)
        unseen.set(pair, now + span)
      }
      return found
    },
    async failed(names, from) {
      const now = clock.now()
      const [name = ''] = names
      const pairs = names.map(one => pairOf(one, from))
      for (const pair of pairs) tally(pair, now)
      const shared = networks(from)
      for (const { key } of shared) tally(key, now)
      try {
        const [own, waits] = await Promise.all([
          Promise.all(pairs.map(key => count({ key, most: maxPerClient, span }, now))),
          Promise.all(shared.map(network => count(network, now))),
          markSeen(from, now),
        ])
        const isKnown = names.some(one => isSeen(one, from, now))
        const wait = Math.max(...own, ...(isKnown ? [] : waits))
        return wait === 0 ? undefined : tooMany(name, wait)
      } catch {
        // While the store is unavailable, each process enforces the limits by itself.
        return undefined
      }
    },
    succeeded(name, from) {
      const client = seen.find(name, from)
      if (client) client.at = clock.now()
      else seen.add(name, from, clock.now())
    },
  }
}

/**
 * Remembers which clients authenticated from which networks, in two generations. A full young generation replaces the
 * old one.
 */
function createSeen() {
  type Networks = Map<string, Map<string, Seen>>
  let young: Networks = new Map()
  let old: Networks = new Map()
  let size = 0

  return {
    find: (name: string, from: string): Seen | undefined =>
      young.get(from)?.get(name) ?? old.get(from)?.get(name),
    of: (from: string): readonly (readonly [string, Seen])[] => [
      ...(old.get(from) ?? []),
      ...(young.get(from) ?? []),
    ],
    add(name: string, from: string, at: Seconds): void {
      if (size >= maxRemembered) {
        old = young
        young = new Map()
        size = 0
      }
      const clients = young.get(from) ?? new Map<string, Seen>()
      young.set(from, clients)
      clients.set(name, { at, marked: Number.NaN })
      size += 1
    },
  }
}

/** Ids that are URLs can be long, and thousands of them are remembered. */
const shortened = (name: string): string => (name.length > 100 ? hash('sha256', name, 'base64url') : name)

function forgetOldest(map: Map<string, unknown>): void {
  if (map.size < maxRemembered) return
  for (const key of [...map.keys()].slice(0, maxRemembered / 10)) map.delete(key)
}

const tooMany = (client_id: string, retry_after: Seconds): Refusal =>
  refuse('invalid_client', 'client_guessed_too_often', {
    description: 'too many failed client authentications; try again later',
    retry_after,
    log: { client_id },
  })
