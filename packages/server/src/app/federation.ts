/** What sends browsers to other OpenID Connect providers and takes them back. */

import type { CountAttempt, ForgiveAttempt } from '../identity/attempts.ts'
import { createDiscovery, type OpenIdProvider } from '../identity/federation/provider-discovery.ts'
import { createUpstream } from '../identity/federation/upstream.ts'
import { createDepartures } from '../identity/federation/upstream-authorization-request.ts'
import { createLogoutTokenReader } from '../identity/federation/upstream-logout-token.ts'
import { createUpstreamSessionKeeper } from '../identity/federation/upstream-session.ts'
import { createUpstreamSignOut } from '../identity/federation/upstream-sign-out.ts'
import { createOneUseStates } from '../identity/federation/used-logout-tokens.ts'
import { createSealing } from '../keys/sealing.ts'
import type { IdentityProvider } from '../model/user.ts'
import { createBrowserMark } from '../pages/flow/browser-mark.ts'
import type { Cookies } from '../pages/flow/cookies.ts'
import type { Paths } from '../pages/flow/page-paths.ts'
import type { Foundation } from './issuer-context.ts'

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
