/** Server metadata as other servers publish it: only `issuer` is certain (RFC 8414 §2). */

import type { Seconds } from '@tessera/protocol/brand'
import type { ServerMetadata as TesseraMetadata } from '@tessera/protocol/metadata'
import { loopbackHosts } from '@tessera/protocol/redirect-uri'
import type { JsonObject } from '@tessera/protocol/result'
import { ClientError } from '../error.ts'
import { quote } from '../quote.ts'
import { fail, ok, type Result } from '../result.ts'

/** Members that no specification names are kept as they are. */
export type ServerMetadata = Partial<TesseraMetadata> & { readonly issuer: string }

/** Requirements for metadata besides those of the specifications. */
export type DiscoveryPolicy = {
  /** Hosts, without a port, that may be contacted over `http`. Loopback hosts always may. */
  readonly httpHosts?: readonly string[]
  /** The hosts, with their port if it is not 443, that endpoints may have besides the issuer's; by default any host. */
  readonly endpointHosts?: readonly string[]
  /** How long metadata is cached; the default is 3600 seconds. */
  readonly maxAge?: Seconds
  /** How long the server's keys are cached; the default is 600 seconds. */
  readonly jwksMaxAge?: Seconds
}

/** Returns whether the policy allows requests to a URL: `https`, or `http` to loopback hosts and to those listed. */
export function isAllowedUrl(url: string, policy: DiscoveryPolicy): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname, username, password } = new URL(url)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && isHttpHost(hostname, policy))
}

const isHttpHost = (hostname: string, { httpHosts = [] }: DiscoveryPolicy): boolean =>
  loopbackHosts.has(hostname) || httpHosts.includes(hostname)

/** Metadata members with the URLs that this library sends requests or browsers to. */
const endpoints = [
  'authorization_endpoint',
  'token_endpoint',
  'userinfo_endpoint',
  'jwks_uri',
  'end_session_endpoint',
  'introspection_endpoint',
  'revocation_endpoint',
  'device_authorization_endpoint',
  'pushed_authorization_request_endpoint',
  'registration_endpoint',
] as const satisfies readonly (keyof ServerMetadata)[]

/** An endpoint as metadata names it. */
export type EndpointName = (typeof endpoints)[number]

/**
 * Checks metadata: `issuer` equals the expected one, character by character (RFC 8414 §3.3, OpenID Connect Discovery
 * 1.0 §4.3), and the policy allows each endpoint. An https issuer can't name http endpoints.
 */
export function checkMetadata(
  metadata: JsonObject | ServerMetadata,
  issuer: string,
  policy: DiscoveryPolicy,
): Result<ServerMetadata> {
  if (metadata.issuer !== issuer)
    return refused(
      'invalid',
      'issuer_mismatch',
      `the metadata is of issuer ${quote(metadata.issuer)} instead of "${issuer}"; configure the issuer exactly as the server spells it`,
    )
  const groups: unknown[] = [metadata, metadata.mtls_endpoint_aliases]
  for (const group of groups) {
    if (typeof group !== 'object' || group === null) continue
    for (const name of endpoints) {
      const url = (group as JsonObject)[name]
      if (url === undefined) continue
      if (typeof url !== 'string' || !isAllowedUrl(url, policy) || isDowngrade(url, issuer))
        return refused(
          'policy',
          'endpoint_not_allowed',
          `${name} is ${quote(url)}, but it must be an https URL`,
        )
      if (!isAllowedHost(url, issuer, policy))
        return refused(
          'policy',
          'endpoint_host_not_allowed',
          `${name} has host ${new URL(url).host}, which is not in endpointHosts`,
        )
    }
  }
  return ok(metadata as ServerMetadata)
}

/**
 * Returns whether a URL that was named over https leads to http: a server on the web must not send its clients to one on
 * their own machine or network.
 * @param from the URL of the server that names the other one.
 */
export const isDowngrade = (url: string, from: string): boolean => isHttps(from) && !isHttps(url)

const isHttps = (url: string): boolean => URL.canParse(url) && new URL(url).protocol === 'https:'

/** Endpoints that a server keeps, unlike those of extensions, which its configuration may turn off. */
const lasting = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const

/**
 * Returns whether metadata name no endpoint, or lack a lasting endpoint that the older metadata name. A server that is starting, or
 * is configured in part, may publish such metadata for a moment.
 */
export const lacksEndpoints = (metadata: ServerMetadata, older: ServerMetadata | undefined): boolean =>
  endpoints.every(name => metadata[name] === undefined) ||
  lasting.some(name => metadata[name] === undefined && older?.[name] !== undefined)

const isAllowedHost = (url: string, issuer: string, { endpointHosts }: DiscoveryPolicy): boolean => {
  const { host } = new URL(url)
  return endpointHosts === undefined || host === new URL(issuer).host || endpointHosts.includes(host)
}

const refused = (kind: 'invalid' | 'policy', code: string, message: string): Result<never> =>
  fail(new ClientError(kind, code, message))

/**
 * Returns the URL of an endpoint, or its alias for mutual TLS if there is one (RFC 8705 §5). Fails with `unsupported` if
 * the server has no such endpoint.
 */
export function endpointUrl(metadata: ServerMetadata, name: EndpointName, mtls = false): Result<string> {
  const url = (mtls ? metadata.mtls_endpoint_aliases?.[name] : undefined) ?? metadata[name]
  return url === undefined
    ? fail(
        new ClientError(
          'unsupported',
          'endpoint_missing',
          `the metadata of ${metadata.issuer} has no ${name}`,
        ),
      )
    : ok(url)
}
