/** The issuer identifier (RFC 8414 §2, OpenID Connect Discovery 1.0 §3). */

import { isIP } from 'node:net'
import type { Configuration } from './configuration.ts'
import type { CheckError } from './validation/schema.ts'

const expected =
  'an https URL (http on a loopback host) without query, fragment and final slash (RFC 8414 §2)'

/** Why this may not be the issuer; undefined when it may. */
export function issuerError(value: string): CheckError | undefined {
  const error = (problem: string, fix: string): CheckError => ({ problem, expected, fix })
  if (value !== value.trim() || /[\x00-\x20\x7F]/.test(value))
    return error('it holds white space or control characters', 'remove them')
  if (!URL.canParse(value))
    return error('it is not a URL', 'write the whole address, beginning with https://')
  const url = new URL(value)
  if (value.includes('?')) return error('it has a query', 'remove the question mark and all after it')
  if (value.includes('#')) return error('it has a fragment', 'remove the number sign and all after it')
  if (url.username !== '' || url.password !== '') return error('it holds credentials', 'remove them')
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return error(`its scheme is ${url.protocol}`, 'begin it with https://')
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return error('it is http and its host is not a loopback one', 'use https; a proxy may end TLS')
  if (value.endsWith('/')) return error('it ends in a slash', `write "${value.replace(/\/+$/, '')}"`)
  return undefined
}

/** Why this may not be the origin of the mTLS endpoints; undefined when it may. */
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
  return error('it is not https', 'use https: certificates are shown in TLS')
}

/** Whether a host is this machine itself (RFC 6761 §6.3, RFC 5735 §3, RFC 4291 §2.5.3). */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname.endsWith('.localhost') ||
  hostname === '[::1]' ||
  /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)

/** What the issuer's endpoints begin with where clients show certificates (RFC 8705 §5). */
export const mtlsBaseOf = (issuer: string, mtls: Configuration['mtls']): string =>
  mtls?.endpointOrigin === undefined
    ? issuer
    : mtls.endpointOrigin + new URL(issuer).pathname.replace(/\/$/, '')

/** The port of a loopback issuer: what to listen on when no port is configured. */
export function loopbackPort(issuer: string | undefined): number | undefined {
  if (issuer === undefined) return undefined
  const url = new URL(issuer)
  if (!isLoopback(url.hostname)) return undefined
  return url.port === '' ? undefined : Number(url.port)
}

export const localIssuer = (port: number): string => `http://localhost:${port}`

/** Where the issuers of tenants by path begin, under the server's own. */
export const tenantPath = '/t/'

/** Puts a free port in place of port 0; an issuer that nobody configured follows, and its tenants' by path. */
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

/** A relying party is a domain: no address can be one (WebAuthn Level 3 §5.1.2, "effective domain"). */
export const canHavePasskeys = (issuer: string): boolean => {
  if (!URL.canParse(issuer)) return false
  const { hostname } = new URL(issuer)
  return !hostname.startsWith('[') && isIP(hostname) === 0
}
