/** Sectors of clients with pairwise identifiers (OpenID Connect Core 1.0 §8.1): those of one host are told the same. */

import { loopbackHosts } from '@tessera/protocol/redirect-uri'
import type { Client } from './client.ts'

/** What of a client decides. */
export type SectorMember = Pick<Client, 'client_id' | 'sector_identifier_uri' | 'redirect_uris'>

/** The host that clients with the same identifiers share; one without a host is a sector of its own. */
export function sectorOf({ client_id, sector_identifier_uri, redirect_uris }: SectorMember): string {
  const uri = sector_identifier_uri ?? redirect_uris[0]
  return (uri !== undefined && webHostOf(uri)) || `client ${client_id}`
}

/**
 * The host whose owner alone receives what is sent to this address; empty where there is none: every device has a
 * loopback host, and behind a private-use scheme any application can write any host (RFC 8252 §8.6).
 */
export function webHostOf(uri: string): string {
  const { protocol, hostname } = new URL(uri)
  const isWeb = protocol === 'https:' || protocol === 'http:'
  return isWeb && !loopbackHosts.has(hostname) ? hostname : ''
}
