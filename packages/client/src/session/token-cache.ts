/** Cached tokens of the client itself (RFC 6749 §4.4), renewed before they expire. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Client } from '../create-client.ts'
import { unlessAborted } from '../http/unless-aborted.ts'
import type { Result } from '../result.ts'
import { clientCredentials } from '../token/client-credentials.ts'
import type { TokenRequestOptions } from '../token/request.ts'
import type { TokenResponse } from '../token/response.ts'
import { type RenewalOptions, renewalOf } from './renewal.ts'
import { createSingleFlight } from './single-flight.ts'
import type { TokenSource } from './token-source.ts'

export type TokenCacheOptions = RenewalOptions & {
  /** The number of tokens that are kept; the default is 100. The one that was not used for longest is removed first. */
  readonly maxTokens?: number | undefined
  /** The lifetime of tokens whose response has no `expires_in`; the default is 300 seconds. */
  readonly assumedLifetime?: Seconds | undefined
  /** Requests a token; the default is {@link clientCredentials}. */
  readonly request?:
    | ((client: Client, options: TokenRequestOptions) => Promise<Result<TokenResponse>>)
    | undefined
}

export type TokenCache = {
  /**
   * Returns a token for these options: from the cache, or with one request for all callers at that time. Shortly before a
   * cached token expires, it is returned while a newer one is requested. Fails as the request does; failures are not
   * cached.
   */
  readonly token: (options?: TokenRequestOptions) => Promise<Result<TokenResponse>>
  /** Removes a token, for example because an API refused it. */
  readonly drop: (access_token: string) => void
  /** Returns the tokens for these options as a source for `createAuthorizedFetch`. */
  readonly source: (options?: Omit<TokenRequestOptions, 'signal'>) => TokenSource
}

type Entry = { readonly response: TokenResponse; readonly usableUntil: Seconds; renewAt: Seconds }

/** Seconds after a failed early renewal until the next one. */
const renewalPause: Seconds = 10

/** Creates a cache for tokens of the client itself: one for each scope, resource, audience and other parameters. */
export function createTokenCache(client: Client, options: TokenCacheOptions = {}): TokenCache {
  const { maxTokens = 100, assumedLifetime = 300, request = clientCredentials } = options
  const { now } = client.issuer
  const entries = new Map<string, Entry>()
  const singleFlight = createSingleFlight<Result<TokenResponse>>()

  async function load(key: string, parameters: TokenRequestOptions): Promise<Result<TokenResponse>> {
    const requestedAt = Math.floor(now())
    const requested = await request(client, parameters)
    if (!requested.ok) {
      const current = entries.get(key)
      if (current) current.renewAt = now() + renewalPause
      return requested
    }
    const { value: response } = requested
    const { expires_in = assumedLifetime, expires_at = requestedAt + expires_in } = response
    entries.delete(key)
    entries.set(key, { response, ...renewalOf({ expires_in, expires_at }, options) })
    for (const oldest of entries.keys()) {
      if (entries.size <= maxTokens) break
      entries.delete(oldest)
    }
    return requested
  }

  const token: TokenCache['token'] = async ({ signal, ...parameters } = {}) => {
    const key = keyOf(parameters)
    const entry = entries.get(key)
    const usable = entry && now() < entry.usableUntil ? entry : undefined
    if (usable) {
      // The most recently used entry is the last one.
      entries.delete(key)
      entries.set(key, usable)
      if (now() < usable.renewAt) return { ok: true, value: usable.response }
    }
    const loading = singleFlight(key, () => load(key, parameters))
    if (!usable) return unlessAborted(loading, signal)
    loading.catch(() => undefined)
    return { ok: true, value: usable.response }
  }

  const drop: TokenCache['drop'] = access_token => {
    for (const [key, { response }] of entries) if (response.access_token === access_token) entries.delete(key)
  }

  return {
    token,
    drop,
    source: (parameters = {}) => ({
      client,
      accessToken: ({ signal } = {}) => token({ ...parameters, signal }),
      async renew(refused, { signal } = {}) {
        drop(refused)
        return token({ ...parameters, signal })
      },
    }),
  }
}

/** Returns equal keys for requests of equal meaning: the order of scope values and of parameters does not matter. */
function keyOf({ scope, resource, audience, parameters = {} }: TokenRequestOptions): string {
  const scopes = scope?.split(' ').filter(value => value !== '')
  const others = Object.entries(parameters).filter(([, value]) => value !== undefined)
  return JSON.stringify([sorted(scopes), sorted(resource), sorted(audience), others.sort(byName)])
}

const sorted = (values: string | readonly string[] | undefined): readonly string[] | null =>
  values === undefined ? null : [...new Set([values].flat())].sort()

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)
