/** Sign-in at other OpenID Connect providers. */

import type { Configuration } from '../configuration/configuration.ts'
import { createDiscovery, type OpenIdProvider } from '../identity/federation/provider-discovery.ts'
import { createUpstream, type Upstream } from '../identity/federation/upstream.ts'
import {
  createUpstreamAuthorization,
  createUpstreamStates,
  type UpstreamAuthorization,
  type UpstreamStates,
} from '../identity/federation/upstream-authorization-request.ts'
import {
  createLogoutTokenReader,
  type ReadLogoutToken,
} from '../identity/federation/upstream-logout-token.ts'
import {
  createUpstreamSessionStorage,
  createUpstreamSignOut,
  type StoreUpstreamSession,
} from '../identity/federation/upstream-session.ts'
import { createSealing } from '../keys/sealing.ts'
import { providerRoutes } from '../model/routes.ts'
import type { UpstreamSignOut } from '../model/session.ts'
import { type BrowserBinding, createBrowserBinding } from '../pages/flow/browser-cookies.ts'
import type { Cookies } from '../pages/flow/cookies.ts'
import type { Paths } from '../pages/flow/page-paths.ts'
import type { Services } from './services.ts'

export type FederationServices = UpstreamAuthorization & {
  readonly openIdProviders: readonly OpenIdProvider[]
  /** The path that a provider redirects browsers to. */
  readonly callbackPathOf: (provider: string) => string
  readonly upstream: Upstream
  readonly upstreamStates: UpstreamStates
  readonly browserBinding: BrowserBinding
  readonly storeUpstreamSession: StoreUpstreamSession
  readonly upstreamSignOut: UpstreamSignOut
  readonly readLogoutToken: ReadLogoutToken
}

export function createFederationServices(
  { issuer, signatureAlgorithms: algorithms }: Configuration,
  { context, attempts, signIn }: Services,
  { cookies, paths }: { readonly cookies: Cookies; readonly paths: Paths },
): FederationServices {
  const { stores, derived, clock, random, log, outbound } = context
  const { upstreamSessions, upstreamRequests } = stores
  const { countAttempt, forgiveAttempt } = attempts
  const discover = createDiscovery({ algorithms, outbound, clock })
  const sealing = createSealing({ derived, purpose: 'upstream-sessions' })
  const callbackPathOf = (provider: string) => paths(`${providerRoutes.callback.path}${provider}`)
  const upstream = createUpstream({
    discover,
    callbackOf: name => new URL(callbackPathOf(name), issuer).href,
  })
  const upstreamStates = createUpstreamStates({ derived, random })
  const openIdProviders = [...signIn.identityProviders.values()].flatMap(
    (provider): readonly OpenIdProvider[] =>
      provider.upstream ? [{ ...provider, upstream: provider.upstream }] : [],
  )
  return {
    ...createUpstreamAuthorization({
      upstream,
      upstreamStates,
      upstreamRequests,
      countAttempt,
      forgiveAttempt,
      clock,
    }),
    openIdProviders,
    callbackPathOf,
    upstream,
    upstreamStates,
    browserBinding: createBrowserBinding({ cookies, random }),
    storeUpstreamSession: createUpstreamSessionStorage({ stores, sealing, random, clock }),
    upstreamSignOut: createUpstreamSignOut({ openIdProviders, upstream, upstreamSessions, sealing, log }),
    readLogoutToken: createLogoutTokenReader({ discover, algorithms, outbound, clock }),
  }
}
