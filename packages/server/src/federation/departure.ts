/** Sends a browser to a provider, and remembers for what it is expected back (OpenID Connect Core 1.0 §3.1.2.1). */

import { ok, type Result } from '@tessera/protocol/result'
import type { UpstreamRequest } from '../core/federation.ts'
import type { Clock } from '../core/runtime.ts'
import type { UpstreamRequests } from '../core/stores.ts'
import type { OpenIdProvider } from './discovery.ts'
import type { OneUseStates } from './one-use.ts'
import type { Upstream, UpstreamWish } from './upstream.ts'

/** Answers where it goes. Refuses as `authorizationUrl` does. */
export type Depart = (
  provider: OpenIdProvider,
  wish: UpstreamWish,
  expected: Pick<UpstreamRequest, 'browser' | 'continuation' | 'linking_sid'>,
) => Promise<Result<string>>

/** Seconds to come back in: time to find a second factor. */
const lifetime = 900

export const createDeparture =
  ({
    upstream,
    oneUseStates,
    upstreamRequests,
    clock,
  }: {
    upstream: Pick<Upstream, 'authorizationUrl'>
    oneUseStates: OneUseStates
    upstreamRequests: UpstreamRequests
    clock: Clock
  }): Depart =>
  async (provider, wish, expected) => {
    const proof = oneUseStates.make()
    const location = await upstream.authorizationUrl(provider, proof, wish)
    if (!location.ok) return location
    await upstreamRequests.create({
      ...expected,
      hash: oneUseStates.hash(proof.state),
      provider: provider.name,
      expires_at: clock.now() + lifetime,
    })
    return ok(location.value)
  }
