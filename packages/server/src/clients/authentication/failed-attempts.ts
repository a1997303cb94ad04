/**
 * Limits on guessing the secrets of clients and APIs (RFC 6749 §2.3.1): failures are counted by network, and by name and
 * network. A right secret costs two look-ups in memory and nothing in the store. See
 * docs/decisions/0017-client-secret-guesses.md.
 */

import type { Seconds } from '@tessera/protocol/brand'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { Clock } from '../../runtime/ports.ts'

export type ClientFailures = {
  /** Refuses a credential before it is checked, by what this process knows; undefined where it may be checked. */
  readonly refusal: (name: string, from: string) => Held | undefined
  /** Whether another process, or this one before it was restarted, saw this client authenticate from there within a day. */
  readonly wasSeen: (name: string, from: string) => Promise<boolean>
  /**
   * Counts a failure: one of the network, and one of each client that the request may have meant. Returns a refusal where
   * there were too many, at this process or at others.
   */
  readonly failed: (names: readonly string[], from: string) => Promise<Refusal | undefined>
  readonly succeeded: (name: string, from: string) => void
}

/** `by: 'network'`: a client that authenticated from there within a day is checked all the same. */
export type Held = { readonly by: 'client' | 'network'; readonly refusal: Refusal }

type Counter = { readonly key: string; readonly most: number; readonly span: Seconds }

export type ClientFailurePorts = {
  /** Counts one in the store. Returns how long to wait where the counter is full, else 0. */
  readonly countFailure: (counter: Counter) => Promise<Seconds>
  /** The networks that a request is counted in, the narrowest first, with the limit of each: see `networkKeys`. */
  readonly networksOf: (
    from: string,
    limit: { readonly most: number; readonly span: Seconds },
  ) => readonly Counter[]
  /** Writes marks that last, and returns whether one of them is there. */
  readonly mark: (keys: readonly string[], span: Seconds) => Promise<void>
  readonly isMarked: (keys: readonly string[]) => Promise<boolean>
  readonly clock: Clock
}

const span: Seconds = 600
/** Of one client from one network. */
const maxPerClient = 100
/** Of all clients from one network, and of names that nobody has. */
const maxPerNetwork = 1000
const day: Seconds = 86_400
/** Marks name the half day in which they were written, so that they can be renewed. */
const halfDay: Seconds = 43_200
/** The most entries of each kind that one process remembers. */
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
  /** Clients that were looked for in the store in vain: a flood is not to read it again and again. */
  const unseen = new Map<string, Seconds>()

  const pairOf = (name: string, from: string): string => JSON.stringify([name, from])
  const waitAt = (key: string, most: number, now: Seconds): Seconds => {
    const tally = tallies.get(key)
    return tally && tally.until > now && tally.count >= most ? tally.until - now : 0
  }
  const networks = (from: string) => networksOf(from, { most: maxPerNetwork, span })
  const isSeen = (name: string, from: string, now: Seconds): boolean =>
    (seen.find(name, from)?.at ?? Number.NEGATIVE_INFINITY) > now - day

  /** At once, so that whatever is under way at the same time is counted too. */
  function tally(key: string, now: Seconds): void {
    const before = tallies.get(key)
    if (before && before.until > now) before.count += 1
    else {
      forgetOldest(tallies)
      tallies.delete(key)
      tallies.set(key, { count: 1, until: now + span })
    }
  }

  /** Counts one in the store too; whatever other processes filled is full here as well. */
  async function count({ key, most }: Counter, now: Seconds): Promise<Seconds> {
    const wait = await countFailure({ key: `failures of ${key}`, most, span })
    if (wait > 0) tallies.set(key, { count: most, until: now + wait })
    return wait
  }

  const markOf = (name: string, from: string, half: number): string =>
    `client seen ${half} ${pairOf(name, from)}`

  /** Only where a network fails: a network whose clients are all right costs no write. */
  async function markSeen(from: string, now: Seconds): Promise<void> {
    const half = Math.floor(now / halfDay)
    const fresh = seen.of(from).filter(([, client]) => client.marked !== half && client.at > now - halfDay)
    if (fresh.length === 0) return
    for (const [, client] of fresh) client.marked = half
    const keys = fresh.slice(0, maxPerNetwork).map(([name]) => markOf(name, from, half))
    await mark(keys, day + halfDay)
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
      if ((unseen.get(pair) ?? 0) > now) return false
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
        // Without the store each process limits by itself.
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

/** Remembers which client authenticated from which network, in two generations. When the younger one is full, the older one is forgotten. */
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

function forgetOldest(map: Map<string, unknown>): void {
  if (map.size < maxRemembered) return
  for (const key of [...map.keys()].slice(0, maxRemembered / 10)) map.delete(key)
}

const tooMany = (client_id: string, retry_after: Seconds): Refusal =>
  refuse('invalid_client', 'client_guessed_too_often', {
    description: 'too many failed client authentications; try again later',
    ...{ retry_after, log: { client_id } },
  })
