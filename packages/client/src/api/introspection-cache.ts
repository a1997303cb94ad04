/** A bounded cache of introspection responses, with one request for all callers with the same token. */

import type { Seconds } from '@tessera/protocol/brand'
import { ClientError } from '../error.ts'
import { sha256 } from '../jwt/sha256.ts'
import { fail, type Result } from '../result.ts'
import type { AccessClaims } from './access.ts'

export type IntrospectionCacheOptions = {
  /**
   * How long an active token is cached; the default is 30 seconds. A token can be used for as long after its
   * revocation. With 0, each use is checked at the server.
   */
  readonly maxAge?: Seconds | undefined
  /** How long it is cached that a token is not active; the default is 5 seconds. */
  readonly negativeMaxAge?: Seconds | undefined
  /** How many active tokens are cached; the default is 10000. The one that was used least recently is dropped first. */
  readonly maxEntries?: number | undefined
  /** How many tokens that aren't active are cached, besides the others; the default is 1000. */
  readonly maxNegativeEntries?: number | undefined
  /**
   * Introspection requests at the same time; the default is 100. A request beyond them is refused with 503, so that
   * invented tokens can't overload the server. A fifth of them is reserved for tokens that were active before.
   */
  readonly maxConcurrent?: number | undefined
}

/** An introspection response; undefined if the token is not active. */
type Introspected = AccessClaims | undefined
type Entry = { readonly value: Introspected; readonly freshFrom: Seconds; readonly freshUntil: Seconds }

/** The share of the requests at the same time that invented tokens can't take. */
const reserved = 0.2

/** If the clock was set back, an entry counts as old: a revoked token must not be valid for as long again. */
const isFresh = ({ freshFrom, freshUntil }: Entry, now: Seconds): boolean =>
  now >= freshFrom && now < freshUntil

/**
 * Returns a function that introspects a token, or returns the cached response. Tokens are kept as SHA-256 hashes only.
 * Failures aren't cached.
 */
export function createIntrospectionCache(
  introspect: (token: string) => Promise<Result<Introspected>>,
  now: () => Seconds,
  options: IntrospectionCacheOptions = {},
): (token: string) => Promise<Result<Introspected>> {
  const { maxAge = 30, negativeMaxAge = 5, maxConcurrent = 100 } = options
  const active = createEntries(options.maxEntries ?? 10_000, now)
  // A separate cache, so that invented tokens can't evict valid ones.
  const inactive = createEntries(options.maxNegativeEntries ?? 1000, now)
  const inFlight = new Map<string, Promise<Result<Introspected>>>()

  async function request(token: string, key: string): Promise<Result<Introspected>> {
    // Counted from before the request, because the response may miss a revocation that happens meanwhile.
    const freshFrom = now()
    try {
      const introspected = await introspect(token)
      if (!introspected.ok) return introspected
      const { value } = introspected
      if (value !== undefined) active.add(key, { value, freshFrom, freshUntil: freshFrom + maxAge })
      else {
        active.drop(key)
        inactive.add(key, { value, freshFrom, freshUntil: freshFrom + negativeMaxAge })
      }
      return introspected
    } finally {
      inFlight.delete(key)
    }
  }

  return async token => {
    const key = await sha256(token)
    const known = active.find(key)
    const cached = known ?? inactive.find(key)
    if (cached && isFresh(cached, now())) return { ok: true, value: cached.value }
    const running = inFlight.get(key)
    if (running) return running
    if (inFlight.size >= maxConcurrent - (known ? 0 : Math.floor(maxConcurrent * reserved)))
      return fail(
        new ClientError(
          'network',
          'introspection_limit',
          'too many introspection requests at the same time',
          {
            retryAfter: 1,
          },
        ),
      )
    const requested = request(token, key)
    inFlight.set(key, requested)
    return requested
  }
}

const expiryOf = ({ exp }: AccessClaims): Seconds =>
  typeof exp === 'number' ? exp : Number.POSITIVE_INFINITY

/** Entries up to a number, the one that was used least recently first. Those of expired tokens are dropped. */
function createEntries(
  maxEntries: number,
  now: () => Seconds,
): {
  find: (key: string) => Entry | undefined
  add: (key: string, entry: Entry) => void
  drop: (key: string) => void
} {
  const entries = new Map<string, Entry>()
  const isExpired = ({ value }: Entry): boolean => value !== undefined && expiryOf(value) <= now()
  return {
    find(key) {
      const entry = entries.get(key)
      if (!entry) return undefined
      entries.delete(key)
      if (isExpired(entry)) return undefined
      entries.set(key, entry)
      return entry
    },
    add(key, entry) {
      if (maxEntries <= 0 || isExpired(entry)) return
      entries.delete(key)
      entries.set(key, entry)
      if (entries.size <= maxEntries) return
      const [oldest] = entries.keys()
      entries.delete(oldest as string)
    },
    drop: key => void entries.delete(key),
  }
}
