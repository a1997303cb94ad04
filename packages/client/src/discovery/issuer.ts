/** The authorization server of a client or an API, with its metadata (RFC 8414, OpenID Connect Discovery 1.0 §4). */

import type { Seconds } from '@tessera/protocol/brand'
import { ClientError } from '../error.ts'
import { jsonObject } from '../http/response.ts'
import { createTransport, type Send, type TransportOptions } from '../http/transport.ts'
import { fail, type Result } from '../result.ts'
import { cached } from './cached.ts'
import {
  checkMetadata,
  type DiscoveryPolicy,
  isAllowedUrl,
  lacksEndpoints,
  type ServerMetadata,
} from './metadata.ts'

export type IssuerOptions = TransportOptions & {
  readonly policy?: DiscoveryPolicy | undefined
  /** The URL of the metadata, if it is not one that the issuer's URL leads to. */
  readonly metadataUrl?: string | undefined
  /**
   * The well-known path that is requested first: that of OpenID Connect Discovery 1.0 §4 (the default), or that of RFC 8414
   * §3, as the MCP authorization specification requires. The others follow.
   */
  readonly wellKnown?: 'openid-configuration' | 'oauth-authorization-server' | undefined
  /** Metadata that is known already. It is checked like any other, and never requested. */
  readonly metadata?: ServerMetadata | undefined
  /** Returns the current time; the default is the system's clock. */
  readonly now?: (() => Seconds) | undefined
}

/** An authorization server. Clients and API guards of one server can share it, with its caches. */
export type Issuer = {
  /** The issuer identifier. */
  readonly url: string
  readonly policy: DiscoveryPolicy
  readonly send: Send
  /** Returns the current time in seconds, not rounded. */
  readonly now: () => Seconds
  /**
   * Returns the metadata: from the cache, or with one request for all callers at that time. If a later request fails, or
   * its metadata is refused, the older metadata is used again. It is also used for up to a day while the newer metadata
   * lacks its authorization endpoint, token endpoint or keys. Fails if no request succeeded or the metadata is refused.
   */
  readonly metadata: () => Promise<Result<ServerMetadata>>
}

/** Creates an issuer. No request is sent before the metadata is needed. */
export function createIssuer(url: string, options: IssuerOptions = {}): Issuer {
  const { policy = {}, now = () => Date.now() / 1000 } = options
  const send = createTransport(options)
  const load = async (): Promise<Result<ServerMetadata>> => {
    if (!isAllowedUrl(url, policy) || /[?#]/.test(url))
      return fail(
        new ClientError(
          'policy',
          'issuer_not_allowed',
          `the issuer ${JSON.stringify(url)} must be a URL that starts with https:// and has no query and fragment; policy.httpHosts lists hosts that may use http`,
        ),
      )
    if (options.metadata) return checkMetadata(options.metadata, url, policy)
    const places =
      options.metadataUrl === undefined ? wellKnownUrls(url, options.wellKnown) : [options.metadataUrl]
    return requestMetadata(url, places, policy, send)
  }
  const { maxAge = 3600 } = policy
  return { url, policy, send, now, metadata: cached(load, { maxAge, now, isLacking: lacksEndpoints }) }
}

/**
 * Requests the metadata at each place where the issuer may publish it, until one has it.
 */
async function requestMetadata(
  issuer: string,
  places: readonly string[],
  policy: DiscoveryPolicy,
  send: Send,
): Promise<Result<ServerMetadata>> {
  let missing: ClientError | undefined
  for (const url of places) {
    if (!isAllowedUrl(url, policy))
      return fail(new ClientError('policy', 'metadata_url_not_allowed', `${url} must be an https URL`))
    const received = await send({
      operation: 'discovery',
      method: 'GET',
      url,
      headers: { accept: 'application/json' },
    })
    if (!received.ok) return received
    const { value: response } = received
    const metadata = response.status === 200 ? jsonObject(response) : undefined
    if (metadata) return checkMetadata(metadata, issuer, policy)
    missing ??= new ClientError(
      'invalid',
      'metadata_not_found',
      `no server metadata at ${url} (status ${response.status}); check the issuer, or pass metadataUrl or metadata`,
      { response },
    )
    // Another place can only help if this one is empty, not if the server fails.
    if (response.status >= 500 || response.status === 429) break
  }
  return fail(missing as ClientError)
}

/**
 * Returns the URLs of the metadata of an issuer, with its path appended (OpenID Connect Discovery 1.0 §4) or inserted (RFC
 * 8414 §3.1, §5).
 */
function wellKnownUrls(issuer: string, first: IssuerOptions['wellKnown']): readonly string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const appended = `${origin}${path}/.well-known/openid-configuration`
  const oauth = `${origin}/.well-known/oauth-authorization-server${path}`
  const inserted = path === '' ? [] : [`${origin}/.well-known/openid-configuration${path}`]
  return first === 'oauth-authorization-server'
    ? [oauth, ...inserted, appended]
    : [appended, oauth, ...inserted]
}
