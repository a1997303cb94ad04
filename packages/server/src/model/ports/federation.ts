/** Ports to sign-in at other providers. */

import type { Awaitable, TokenHash } from '../../runtime/ports.ts'
import type { IdentityLink, UpstreamRequest, UpstreamSession } from '../federation.ts'

/** Browsers that were sent to a provider. */
export type UpstreamRequests = {
  readonly create: (request: UpstreamRequest) => Promise<void>
  /** Deletes and returns the request with this state and browser. Of several concurrent calls, only one receives it. */
  readonly take: (hash: TokenHash, browser: TokenHash) => Promise<UpstreamRequest | undefined>
}

/**
 * Accounts at providers that a user can be linked to. Without a limit, someone who can create accounts at a provider could
 * fill the store, and make reading their own connections slow.
 */
export const mostIdentityLinks = 100

export type IdentityLinks = {
  readonly find: (provider: string, identity: string) => Awaitable<IdentityLink | undefined>
  readonly ofUser: (sub: string) => Awaitable<readonly IdentityLink[]>
  /**
   * Stores nothing if this identity is already linked (`taken`), or if the user has {@link mostIdentityLinks} links
   * (`full`).
   */
  readonly add: (link: IdentityLink) => Promise<'added' | 'taken' | 'full'>
  /** Returns whether this user had the link. */
  readonly remove: (provider: string, identity: string, sub: string) => Promise<boolean>
}

/**
 * Sessions at a provider that a user there keeps in addition to those of sessions here. Without a limit, someone with an
 * account there could fill the store: a browser that is signed in there needs no password for a further sign-in here.
 */
export const mostUpstreamSessions = 100

export type UpstreamSessions = {
  /**
   * Of the other ones of the same user, those that a session here originates from remain, and the newest of the others, so
   * that there are {@link mostUpstreamSessions} of these at most.
   */
  readonly create: (session: UpstreamSession) => Promise<void>
  readonly find: (id: string) => Awaitable<UpstreamSession | undefined>
  /** Returns the sessions that originate from one session at the provider, or from any session of a user there. */
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
