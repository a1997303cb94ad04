/** The issuer identifier (RFC 8414 §2, OpenID Connect Discovery 1.0 §3). */

import { isIPv4 } from 'node:net'
import type { Configuration } from './configuration.ts'
import type { CheckError } from './validation/schema.ts'

const expected =
  'an https URL (http on a loopback host) without query, fragment and trailing slash (RFC 8414 §2)'

const wellKnown = /\/\.well-known\/(openid-configuration|oauth-authorization-server)\b.*$/

/** Returns the issuer whose discovery URL was probably written in its place (OpenID Connect Discovery 1.0 §4). */
export const issuerOfDiscoveryUrl = (value: string): string | undefined =>
  wellKnown.test(value) ? value.replace(wellKnown, '') : undefined

/** Returns why a value is not a valid issuer; undefined if it is. */
export function issuerError(value: string): CheckError | undefined {
  const error = (problem: string, fix: string): CheckError => ({ problem, expected, fix })
  if (value !== value.trim() || /[\x00-\x20\x7F]/.test(value))
    return error('it contains white space or control characters', 'remove them')
  const meant = issuerOfDiscoveryUrl(value)
  if (meant !== undefined) return error('it is the address of a discovery document', `write "${meant}"`)
  if (!URL.canParse(value))
    return error('it is not a URL', 'write the whole address, beginning with https://')
  const url = new URL(value)
  if (value.includes('?')) return error('it has a query', 'remove the question mark and everything after it')
  if (value.includes('#')) return error('it has a fragment', 'remove the number sign and everything after it')
  if (url.username !== '' || url.password !== '') return error('it contains credentials', 'remove them')
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return error(`its scheme is ${url.protocol}`, 'begin it with https://')
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return error('it is http and its host is not a loopback host', 'use https; a proxy can terminate TLS')
  if (value.endsWith('/')) return error('it ends in a slash', `write "${value.replace(/\/+$/, '')}"`)
  return undefined
}

/** Returns why a value is not a valid origin of the mTLS endpoints; undefined if it is. */
export function endpointOriginError(value: string): CheckError | undefined {
  const error = (problem: string, fix: string): CheckError => ({
    problem,
    expected: 'scheme, host and port only, such as https://mtls.example (RFC 6454 §7)',
    fix,
  })
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || url.origin === 'null')
    return error('it is not an origin', 'write an origin, beginning with https://')
  if (url.origin !== value) return error('it is not an origin', `write "${url.origin}"`)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return undefined
  return error('it is not https', 'use https: client certificates need TLS')
}

/** Returns whether a host is a loopback host (RFC 6761 §6.3, RFC 5735 §3, RFC 4291 §2.5.3). */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname.endsWith('.localhost') ||
  hostname === '[::1]' ||
  /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)

/** Returns the base URL of the endpoints where clients use certificates (RFC 8705 §5). */
export const mtlsBaseOf = (issuer: string, mtls: Configuration['mtls']): string =>
  mtls?.endpointOrigin === undefined
    ? issuer
    : mtls.endpointOrigin + new URL(issuer).pathname.replace(/\/$/, '')

/** Returns the port of a loopback issuer, which is the default port. */
export function loopbackPort(issuer: string | undefined): number | undefined {
  if (issuer === undefined) return undefined
  const url = new URL(issuer)
  if (!isLoopback(url.hostname)) return undefined
  return url.port === '' ? undefined : Number(url.port)
}

export const localIssuer = (port: number): string => `http://localhost:${port}`

/** The path of tenants by path, below the server's issuer. */
export const tenantPath = '/t/'

/** Replaces port 0 with a free port, also in an issuer that is not configured and in those of its tenants by path. */
export function followPort(configuration: Configuration, port: number): Configuration {
  const unsettled = localIssuer(0)
  if (configuration.issuer !== unsettled) return { ...configuration, port }
  const follow = (one: Configuration): Configuration => ({
    ...one,
    port,
    issuer:
      one.issuer === unsettled || one.issuer.startsWith(unsettled + tenantPath)
        ? localIssuer(port) + one.issuer.slice(unsettled.length)
        : one.issuer,
  })
  const tenants = [...configuration.tenantIssuers].map(([name, one]) => [name, follow(one)] as const)
  return { ...follow(configuration), tenantIssuers: new Map(tenants) }
}

/**
 * Returns whether the host name of a URL is an address. A URL has an IPv6 address in brackets, and `isIP` would compile
 * a large regular expression to find one in other texts.
 */
export const isAddress = (hostname: string): boolean => hostname.startsWith('[') || isIPv4(hostname)

/** Returns whether an issuer can have passkeys: a relying party is a domain, not an address (WebAuthn Level 3 §5.1.2). */
export const canHavePasskeys = (issuer: string): boolean =>
  URL.canParse(issuer) && !isAddress(new URL(issuer).hostname)
