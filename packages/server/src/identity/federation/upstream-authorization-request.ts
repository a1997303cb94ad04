/** Sends a browser to a provider, and remembers for what it is expected back (OpenID Connect Core 1.0 §3.1.2.1). */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { UpstreamRequest } from '../../model/federation.ts'
import type { UpstreamRequests } from '../../model/ports/stores.ts'
import { networkKeys } from '../../runtime/network.ts'
import type { Clock, TokenHash } from '../../runtime/ports.ts'
import { type CountAttempt, doCounted, type ForgiveAttempt } from '../attempts.ts'
import type { OpenIdProvider } from './provider-discovery.ts'
import type { Upstream, UpstreamWish } from './upstream.ts'
import type { OneUseStates } from './upstream-state.ts'

export type Departures = {
  /** Answers where the browser goes. Refuses as `authorizationUrl` does, and `slow_down` with how long to wait. */
  readonly depart: (
    provider: OpenIdProvider,
    wish: UpstreamWish,
    expected: Pick<UpstreamRequest, 'browser' | 'continuation' | 'linking_sid'> & {
      /** The network that the request came from. */
      readonly from: string
    },
  ) => Promise<Result<string>>
  /** What the browser with this state is expected with; it is expected no longer. */
  readonly arrive: (state: string, browser: TokenHash, from: string) => Promise<UpstreamRequest | undefined>
}

/** Seconds to come back in: time to find a second factor. */
const lifetime = 900
/** Whoever has not come back costs a row with their request in it, so that a network has so many and no more. */
const mostUnderWay = 2000

export function createDepartures({
  upstream,
  oneUseStates,
  upstreamRequests,
  countAttempt,
  forgiveAttempt,
  clock,
}: {
  upstream: Pick<Upstream, 'authorizationUrl'>
  oneUseStates: OneUseStates
  upstreamRequests: UpstreamRequests
  countAttempt: CountAttempt
  forgiveAttempt: ForgiveAttempt
  clock: Clock
}): Departures {
  const underWay = (from: string) =>
    networkKeys('to a provider', from, { most: mostUnderWay, span: lifetime })

  return {
    async depart(provider, wish, { from, ...expected }) {
      const proof = oneUseStates.make()
      const location = await upstream.authorizationUrl(provider, proof, wish)
      if (!location.ok) return location
      const counted = await countAttempt(underWay(from))
      if (!counted.ok) return refuse('slow_down', 'upstream_asked_too_often', { retry_after: counted.wait })
      const request = {
        ...expected,
        hash: oneUseStates.hash(proof.state),
        provider: provider.name,
        expires_at: clock.now() + lifetime,
      }
      await doCounted(
        counted.forgive,
        () => upstreamRequests.create(request),
        () => true,
      )
      return ok(location.value)
    },
    async arrive(state, browser, from) {
      const taken = await upstreamRequests.take(oneUseStates.hash(state), browser)
      if (!taken) return undefined
      await forgiveAttempt(underWay(from))
      return taken.expires_at > clock.now() ? taken : undefined
    },
  }
}
