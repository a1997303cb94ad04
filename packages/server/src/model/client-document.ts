/** Clients that publish their metadata at their `client_id` (draft-ietf-oauth-client-id-metadata-document-03). */

import type { Seconds } from '@tessera/protocol/brand'
import { isBlockedHost, matchesHost } from './host-pattern.ts'

export type DocumentPolicy = {
  /** `allowed_hosts`: only from these hosts; `open`: from any host that is not blocked. */
  readonly mode: 'off' | 'allowed_hosts' | 'open'
  /** Hosts that the operator vouches for. */
  readonly allowedHosts: readonly string[]
  readonly blockedHosts: readonly string[]
  /** The grants of these clients. */
  readonly allowedGrantTypes: ReadonlySet<string>
  /** Bounds of how long a document is used before it is fetched again. */
  readonly minCacheLifetime: Seconds
  readonly maxCacheLifetime: Seconds
}

/** The trust in a host: `allowed` if the operator lists it, `unknown` if any host may publish documents. */
export type HostTrust = 'allowed' | 'unknown'

/** The host that published a client. */
export type DocumentOrigin = {
  /** The host of its `client_id`, in ASCII. Users see it, because a document can claim any name. */
  readonly host: string
  readonly trust: HostTrust
}

/** Returns undefined if clients of this host are refused. */
export function trustInHost(
  url: Pick<URL, 'host' | 'hostname'>,
  { mode, allowedHosts, blockedHosts }: Pick<DocumentPolicy, 'mode' | 'allowedHosts' | 'blockedHosts'>,
): HostTrust | undefined {
  if (mode === 'off' || isBlockedHost(url, blockedHosts)) return undefined
  if (allowedHosts.some(pattern => matchesHost(pattern, url.host))) return 'allowed'
  return mode === 'open' ? 'unknown' : undefined
}
