/** The key sets of OpenID Connect providers (RFC 7517 §5): fetched when a key is missing, and only so often. */

import type { Seconds } from '@tessera/protocol/brand'
import type { CustomFetch } from 'openid-client'
import { singleFlight } from '../../runtime/async/promises.ts'
import type { Clock } from '../../runtime/ports.ts'

export type ProviderKeys = {
  /** Responds with the key set at an address. Rejects as the fetch does. */
  readonly fetch: CustomFetch
  /** The set as it was fetched last, as JSON; undefined for one that should be fetched again. */
  readonly recent: (url: string) => string | undefined
}

/** How long a set is used without a look at the provider. */
const freshFor: Seconds = 300
/**
 * Two fetches in this time: the ordinary one, and one for a provider that rotated its keys since. Whoever sends tokens
 * with made-up `kid`s must not make this server flood the provider.
 */
const span: Seconds = 60
const mostInSpan = 2
/** More where they fail, so that a provider that is back again serves sign-ins soon. */
const mostFailedInSpan = 10

type Kept = { readonly body: string; readonly fetched_at: Seconds; readonly asked: readonly Seconds[] }

/** Each process has its own. @param fetch how requests leave this server. */
export function createProviderKeys(fetch: CustomFetch, clock: Clock): ProviderKeys {
  const kept = new Map<string, Kept>()
  const failed = new Map<string, { readonly at: readonly Seconds[]; readonly error: unknown }>()

  async function ask(...[url, options]: Parameters<CustomFetch>): Promise<string> {
    const response = await fetch(url, options)
    const body = await response.text()
    if (response.status !== 200) throw new Error(`the keys at ${url} were answered by ${response.status}`)
    const now = clock.now()
    const asked = (kept.get(url)?.asked ?? []).filter(at => at > now - span)
    kept.set(url, { body, fetched_at: now, asked: [...asked, now] })
    return body
  }

  async function noting(url: string, asking: Promise<string>): Promise<string> {
    try {
      return await asking
    } catch (error) {
      const now = clock.now()
      const at = (failed.get(url)?.at ?? []).filter(before => before > now - span)
      failed.set(url, { at: [...at, now], error })
      throw error
    }
  }

  const asking = singleFlight((...[url, options]: Parameters<CustomFetch>) => noting(url, ask(url, options)))

  function bodyAt(...[url, options]: Parameters<CustomFetch>): string | Promise<string> {
    const found = kept.get(url)
    const since = clock.now() - span
    if (found && found.asked.filter(at => at > since).length >= mostInSpan) return found.body
    const failures = failed.get(url)
    if (failures && failures.at.filter(at => at > since).length >= mostFailedInSpan) throw failures.error
    return asking(url, options)
  }

  return {
    fetch: async (url, options) =>
      new Response(await bodyAt(url, options), { headers: { 'content-type': 'application/json' } }),
    recent(url) {
      const found = kept.get(url)
      return found && found.fetched_at + freshFor > clock.now() ? found.body : undefined
    },
  }
}
