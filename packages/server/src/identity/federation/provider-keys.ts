/** Key sets of OpenID Connect providers (RFC 7517 §5): fetched when a key is missing, at a limited rate. */

import type { Seconds } from '@tessera/protocol/brand'
import { parseStrangersObject } from '@tessera/protocol/json'
import type { CustomFetch } from 'openid-client'
import { singleFlight } from '../../runtime/async/promises.ts'
import type { Clock } from '../../runtime/ports.ts'
import { isRecent } from '../../runtime/recent.ts'
import { createPauses } from './pauses.ts'

export type ProviderKeys = {
  /**
   * Returns a response with the key set at a URL. Rejects if the set can't be fetched, or the response is no key set, unless
   * an earlier set may be used: one that is no longer recent, but not older than a day.
   */
  readonly fetch: CustomFetch
  /** Returns the cached set as JSON; undefined if it should be fetched again. */
  readonly recent: (url: string) => string | undefined
}

/** How long a set is used without asking the provider. */
const freshFor: Seconds = 300
/** How long a set is used if fetching it again fails. Removed keys remain valid until then. The same as for metadata. */
const staleFor: Seconds = 86_400
/**
 * Two fetches are allowed in this time: the regular one, and one in case the provider has since rotated its keys. The
 * limit prevents tokens with made-up `kid`s from flooding the provider with requests.
 */
const span: Seconds = 60
const mostInSpan = 2
/** Higher for failures, so that sign-ins work soon after the provider recovers. */
const mostFailedInSpan = 10

type CachedKeys = { readonly body: string; readonly fetched_at: Seconds; readonly asked: readonly Seconds[] }

/** Each process has its own cache. @param fetch sends the requests. */
export function createProviderKeys(fetch: CustomFetch, clock: Clock): ProviderKeys {
  const cached = new Map<string, CachedKeys>()
  const pauses = createPauses(clock, { most: mostFailedInSpan, span })

  async function ask(...[url, options]: Parameters<CustomFetch>): Promise<string> {
    const response = await fetch(url, options)
    const body = await response.text()
    if (response.status !== 200)
      throw new Error(`the response for the keys at ${url} has status ${response.status}`)
    // A page of a proxy must not replace keys that are known.
    if (!Array.isArray(parseStrangersObject(body)?.keys))
      throw new Error(`the response for the keys at ${url} is no key set`)
    const now = clock.now()
    const asked = (cached.get(url)?.asked ?? []).filter(at => isRecent(at, span, now))
    cached.set(url, { body, fetched_at: now, asked: [...asked, now] })
    return body
  }

  async function recordFailure(url: string, asking: Promise<string>): Promise<string> {
    try {
      return await asking
    } catch (error) {
      pauses.failed(url, error)
      throw error
    }
  }

  const asking = singleFlight((...[url, options]: Parameters<CustomFetch>) =>
    recordFailure(url, ask(url, options)),
  )

  async function bodyAt(...[url, options]: Parameters<CustomFetch>): Promise<string> {
    const found = cached.get(url)
    const now = clock.now()
    if (found && found.asked.filter(at => isRecent(at, span, now)).length >= mostInSpan) return found.body
    try {
      const paused = pauses.errorFor(url)
      if (paused) throw paused.error
      return await asking(url, options)
    } catch (error) {
      // A recent set was offered before: what is asked for is a key that it lacks.
      const isUsable =
        found && !isRecent(found.fetched_at, freshFor, now) && isRecent(found.fetched_at, staleFor, now)
      if (!isUsable) throw error
      return found.body
    }
  }

  return {
    fetch: async (url, options) =>
      new Response(await bodyAt(url, options), { headers: { 'content-type': 'application/json' } }),
    recent(url) {
      const found = cached.get(url)
      return found && isRecent(found.fetched_at, freshFor, clock.now()) ? found.body : undefined
    },
  }
}
