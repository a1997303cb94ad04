/** What sends browsers to other OpenID Connect providers and takes them back. */

import type { IdentityProvider } from '../core/user.ts'
import { createDepartures } from '../federation/departure.ts'
import { createDiscovery, type OpenIdProvider } from '../federation/discovery.ts'
import { createLogoutTokenReader } from '../federation/logout-token.ts'
import { createOneUseStates } from '../federation/one-use.ts'
import { createUpstreamSignOut } from '../federation/sign-out.ts'
import { createUpstream } from '../federation/upstream.ts'
import { createUpstreamSessionKeeper } from '../federation/upstream-session.ts'
import type { CountAttempt, ForgiveAttempt } from '../identity/attempts.ts'
import { createBrowserMark } from '../interaction/browser-mark.ts'
import type { Cookies } from '../interaction/cookies.ts'
import type { Paths } from '../interaction/paths.ts'
import { createSealing } from '../keys/sealing.ts'
import type { Foundation } from './foundation.ts'

export function composeFederation(
  ports: Foundation & {
    issuer: string
    identityProviders: ReadonlyMap<string, IdentityProvider>
    cookies: Cookies
    paths: Paths
    countAttempt: CountAttempt
    forgiveAttempt: ForgiveAttempt
  },
) {
  const { issuer, paths, stores } = ports
  const { upstreamSessions } = stores
  const discover = createDiscovery(ports)
  const sealing = createSealing({ ...ports, purpose: 'upstream-sessions' })
  const callbackPathOf = (provider: string) => paths(`/federation/callback/${provider}`)
  const upstream = createUpstream({
    discover,
    callbackOf: name => new URL(callbackPathOf(name), issuer).href,
  })
  const oneUseStates = createOneUseStates(ports)
  const openIdProviders = [...ports.identityProviders.values()].flatMap(
    (provider): readonly OpenIdProvider[] =>
      provider.upstream ? [{ ...provider, upstream: provider.upstream }] : [],
  )
  return {
    ...{ callbackPathOf, openIdProviders, upstream, oneUseStates },
    ...createDepartures({
      ...ports,
      ...{ upstream, oneUseStates },
      upstreamRequests: stores.upstreamRequests,
    }),
    browserMark: createBrowserMark(ports),
    keepUpstreamSession: createUpstreamSessionKeeper({ ...ports, upstreamSessions, sealing }),
    upstreamSignOut: createUpstreamSignOut({
      ...ports,
      openIdProviders,
      upstream,
      upstreamSessions,
      sealing,
    }),
    readLogoutToken: createLogoutTokenReader({ ...ports, discover }),
  }
}
