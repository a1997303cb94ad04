/** Sign-in at other providers. Ports, one for each noun. */

import type { Awaitable, TokenHash } from '../../runtime/ports.ts'
import type { IdentityLink, UpstreamRequest, UpstreamSession } from '../federation.ts'

/** Browsers that were sent to a provider. */
export type UpstreamRequests = {
  readonly create: (request: UpstreamRequest) => Promise<void>
  /** Takes the request of this state and this browser away: of any number of calls at once, one gets it. */
  readonly take: (hash: TokenHash, browser: TokenHash) => Promise<UpstreamRequest | undefined>
}

export type IdentityLinks = {
  readonly find: (provider: string, identity: string) => Awaitable<IdentityLink | undefined>
  readonly ofUser: (sub: string) => Awaitable<readonly IdentityLink[]>
  /** Answers false, and stores nothing, where this identity is linked already. */
  readonly add: (link: IdentityLink) => Promise<boolean>
  /** Answers whether this user had the link. */
  readonly remove: (provider: string, identity: string, sub: string) => Promise<boolean>
}

export type UpstreamSessions = {
  readonly create: (session: UpstreamSession) => Promise<void>
  readonly find: (id: string) => Awaitable<UpstreamSession | undefined>
  /** Those that came from a session there, or from any session of a user there. */
  readonly from: (
    provider: string,
    from: { readonly upstream_sid: string } | { readonly identity: string },
  ) => Awaitable<readonly UpstreamSession[]>
  readonly end: (id: string) => Promise<void>
}

export type FederationStores = {
  readonly upstreamRequests: UpstreamRequests
  readonly identityLinks: IdentityLinks
  readonly upstreamSessions: UpstreamSessions
}
