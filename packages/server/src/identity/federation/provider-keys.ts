/** Key sets of OpenID Connect providers (RFC 7517 §5): fetched when a key is missing, at a limited rate. */

import type { Seconds } from '@tessera/protocol/brand'
import type { CustomFetch } from 'openid-client'
import { singleFlight } from '../../runtime/async/promises.ts'
import type { Clock } from '../../runtime/ports.ts'
import { isRecent } from '../../runtime/recent.ts'
import { createPauses } from './pauses.ts'

export type ProviderKeys = {
  /** Returns a response with the key set at a URL. Rejects if the given `fetch` does. */
  readonly fetch: CustomFetch
  /** Returns the cached set as JSON; undefined if it should be fetched again. */
  readonly recent: (url: string) => string | undefined
}

/** How long a set is used without asking the provider. */
const freshFor: Seconds = 300
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

  function bodyAt(...[url, options]: Parameters<CustomFetch>): string | Promise<string> {
    const found = cached.get(url)
    const now = clock.now()
    if (found && found.asked.filter(at => isRecent(at, span, now)).length >= mostInSpan) return found.body
    const paused = pauses.errorFor(url)
    if (paused) throw paused.error
    return asking(url, options)
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
