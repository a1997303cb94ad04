/** Decides to which redirection URIs of a client a response may be sent (RFC 8252 §7, §8). */

import { loopbackHosts, matchesRedirectUri } from '@tessera/protocol/redirect-uri'
import { hasPrivateUseScheme, isReversedDomain, schemeOf } from '@tessera/protocol/uri-scheme'
import { type Client, isPublic, isTrusted } from './client.ts'
import type { DocumentOrigin } from './client-document.ts'

type Destinations = Pick<
  Client,
  'application_type' | 'token_endpoint_auth_method' | 'redirect_uris' | 'post_logout_redirect_uris'
>

/** Returns whether an authorization response may be sent to the URI. */
export const isRedirectUriOf = (client: Destinations, uri: string): boolean =>
  matchesRedirectUri(uri, client.redirect_uris, optionsOf(client))

/** Returns whether the browser may go to the URI after a sign-out (OpenID Connect RP-Initiated Logout 1.0 §3). */
export const isPostLogoutRedirectUriOf = (client: Destinations, uri: string): boolean =>
  matchesRedirectUri(uri, client.post_logout_redirect_uris, optionsOf(client))

// RFC 8252 §8.3 advises against `localhost`, but many native applications use it, with a new port each time. A web
// application has a fixed port.
const optionsOf = (client: Destinations) => ({
  anyLocalhostPort: isPublic(client) || client.application_type === 'native',
})

/**
 * Returns whether the user is asked for consent at each request, even if it was remembered: any application can claim a
 * private-use scheme and impersonate the client (RFC 8252 §8.6). A configured reversed domain name is the operator's
 * responsibility.
 */
export const asksEachTime = ({ registered }: Pick<Client, 'registered'>, uri: string): boolean =>
  registered?.sealed === true ||
  (registered?.document !== undefined && !isVouchedFor(registered.document, uri)) ||
  (hasPrivateUseScheme(uri) && (registered !== undefined || !isReversedDomain(schemeOf(uri))))

/**
 * Returns whether the operator allowed the host of the client's document, and the response goes to that host. Documents
 * can change at any time, and any application on a device receives what is sent to a loopback host.
 */
const isVouchedFor = ({ host, trust }: DocumentOrigin, uri: string): boolean =>
  trust === 'allowed' && URL.parse(uri)?.protocol === 'https:' && URL.parse(uri)?.host === host

/**
 * Returns whether consent may be remembered. The consent page shows one destination, so consent for an untrusted client
 * with several destinations applies to one request only.
 */
export const mayRememberConsent = (
  client: Pick<Client, 'registered' | 'redirect_uris'>,
  uri: string,
): boolean =>
  !asksEachTime(client, uri) && (isTrusted(client) || destinationsOf(client.redirect_uris).length <= 1)

/**
 * Returns the possible destinations of responses, as users see them: hosts on the web, one name for loopback hosts with
 * any port, and schemes.
 */
export const destinationsOf = (uris: readonly string[]): readonly string[] =>
  [...new Set(uris.map(destinationOf))].sort()

function destinationOf(uri: string): string {
  if (!URL.canParse(uri)) return uri
  const { protocol, hostname, host } = new URL(uri)
  if (!/^https?:$/.test(protocol)) return protocol
  return loopbackHosts.has(hostname) ? 'loopback' : host
}

/** Returns why `application_type` does not allow the URI; undefined if it does (OpenID Connect Dynamic Client Registration 1.0 §2). */
export function applicationTypeProblem(
  uri: string,
  type: Client['application_type'],
  implicit: boolean,
): { readonly problem: string; readonly expected: string } | undefined {
  if (type !== 'web') return undefined
  const { protocol, hostname } = new URL(uri)
  const fits = implicit ? protocol === 'https:' && hostname !== 'localhost' : !hasPrivateUseScheme(uri)
  if (fits) return undefined
  return {
    problem: implicit
      ? 'it is not https, or its host is localhost, and the client has the implicit grant'
      : 'it is not a web URL',
    expected: 'an https URI for application_type "web", or "native" for an application on a device',
  }
}

/** The metadata that determines the sector of a client. */
export type SectorMember = Pick<Client, 'client_id' | 'sector_identifier_uri' | 'redirect_uris'>

/**
 * Returns the sector of a client with pairwise identifiers (OpenID Connect Core 1.0 §8.1). Clients with the same host get
 * the same `sub` for a user. A client without a host has its own sector.
 */
export function sectorOf({ client_id, sector_identifier_uri, redirect_uris }: SectorMember): string {
  const uri = sector_identifier_uri ?? redirect_uris[0]
  return (uri !== undefined && webHostOf(uri)) || `client ${client_id}`
}

/**
 * Returns the host of this URI if only the owner of that host receives responses sent to it; otherwise an empty string.
 * Every device has a loopback host, and any application can claim a private-use scheme with any host (RFC 8252 §8.6).
 */
export function webHostOf(uri: string): string {
  const { protocol, hostname } = new URL(uri)
  const isWeb = protocol === 'https:' || protocol === 'http:'
  return isWeb && !loopbackHosts.has(hostname) ? hostname : ''
}
