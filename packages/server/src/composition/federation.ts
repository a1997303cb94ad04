/** What signs users in at other identity providers: OpenID Connect providers and directories. */

import type { Configuration } from '../configuration/configuration.ts'
import type { IdentityProvider, Users } from '../core/user.ts'
import { createDirectoryAuthority, type DirectoryPorts } from '../directory/authority.ts'
import { createDepartures } from '../federation/departure.ts'
import { createDiscovery, type OpenIdProvider } from '../federation/discovery.ts'
import { createLogoutTokenReader } from '../federation/logout-token.ts'
import { createOneUseStates } from '../federation/one-use.ts'
import { createUpstreamSignOut } from '../federation/sign-out.ts'
import { createUpstream } from '../federation/upstream.ts'
import { createUpstreamSessionKeeper } from '../federation/upstream-session.ts'
import type { CountAttempt, ForgiveAttempt } from '../identity/attempts.ts'
import { createSubjectResolver } from '../identity/external-identity.ts'
import { createBrowserMark } from '../interaction/browser-mark.ts'
import type { Cookies } from '../interaction/cookies.ts'
import type { Paths } from '../interaction/paths.ts'
import { createSealing } from '../keys/sealing.ts'
import type { Foundation } from './foundation.ts'

/** Who the users of other providers are here. */
export const composeSubjects = (
  { federation }: Pick<Configuration, 'federation'>,
  { stores, ...ports }: Foundation & { users: Users },
) =>
  createSubjectResolver({
    ...ports,
    links: stores.identityLinks,
    ...(federation.subject && { decideSubject: federation.subject }),
  })

/** The providers, directories with what checks their passwords. */
export const composeProviders = (
  { identityProviders }: Pick<Configuration, 'identityProviders'>,
  ports: DirectoryPorts,
): ReadonlyMap<string, IdentityProvider> =>
  new Map(
    [...identityProviders].map(([name, provider]) => {
      const { directory } = provider
      if (!directory) return [name, provider]
      const credentialAuthority = createDirectoryAuthority({ ...provider, directory }, ports)
      return [name, { ...provider, credentialAuthority }]
    }),
  )

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
