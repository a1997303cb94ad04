/** Redirection URIs: which may be registered, and which match (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1). */

import { hasPrivateUseScheme, isUnsafeScheme, schemeOf } from './uri-scheme.ts'

/**
 * Returns whether a host name can appear in a CSP source list (CSP 3 §2.3.1). A URL's host may contain `;`, `,` and
 * quotes; names on the web don't.
 */
export const isWebHost = (hostname: string): boolean => /^([a-z0-9._-]+|\[[0-9a-f:.]+\])$/.test(hostname)

/** Spelled as the URL Standard serializes them. */
export const loopbackHosts: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost'])

/** Returns why a URI may not be registered as a redirection URI, or undefined if it may. */
export function redirectUriProblem(uri: string): string | undefined {
  // RFC 3986 §2: redirects send the URI in a header, which allows only these characters.
  if (/[^\x21-\x7E]/.test(uri)) return 'it contains white space, control or non-ASCII characters'
  if (uri.includes('*')) return 'it contains a wildcard, but redirection URIs are compared exactly'
  if (uri.includes('#')) return 'it has a fragment (RFC 6749 §3.1.2)'
  if (!URL.canParse(uri)) return 'it is not an absolute URI (RFC 6749 §3.1.2)'
  // Check the original text, since parsing drops empty user information (`https://@host/`).
  if (/^[a-z][a-z\d+.-]*:\/\/[^/?]*@/i.test(uri)) return 'it contains credentials'
  return hasPrivateUseScheme(uri) ? privateUseProblem(uri) : webProblem(uri)
}

function privateUseProblem(uri: string): string | undefined {
  const scheme = schemeOf(uri)
  if (/^urn:ietf:wg:oauth:2\.0:oob(?::auto)?$/i.test(uri)) {
    return 'it asks the server to display the code for copying, which is not supported; use a loopback address (RFC 8252 §7.3) or the device grant'
  }
  if (isUnsafeScheme(scheme)) return `its scheme ${scheme}: is dangerous to redirect to`
  // `localhost:3000/callback`, where "localhost" is the scheme.
  return /^[^:]+:\d+(?:[/?]|$)/.test(uri) ? 'it begins with a host instead of a scheme' : undefined
}

function webProblem(uri: string): string | undefined {
  const { protocol, hostname } = new URL(uri)
  if (protocol === 'http:' && !loopbackHosts.has(hostname))
    return 'http is for loopback hosts only (RFC 9700 §2.6); use https'
  // RFC 9110 §4.2.2: without slashes, browsers resolve it as a path relative to the current page.
  if (!/^https?:\/\//i.test(uri) || uri.includes('\\')) return 'it is not a valid URL'
  if (!isWebHost(hostname)) return 'its host contains characters that are not valid in host names'
  // Clients that use any port send the canonical form, never `127.1` or `[0:0:0:0:0:0:0:1]`.
  return protocol === 'http:' && !/^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?:[:/?]|$)/i.test(uri)
    ? 'its loopback host must be written as 127.0.0.1, [::1] or localhost'
    : undefined
}

export type MatchOptions = {
  /** Whether `http://localhost` also matches any port. */
  readonly anyLocalhostPort: boolean
}

/**
 * Returns whether the requested URI is registered, byte for byte.
 * One exception: a registered `http://127.0.0.1…` or `http://[::1]…` matches any port (RFC 8252 §7.3), and so does
 * `http://localhost…` if `anyLocalhostPort` is set.
 */
export function matchesRedirectUri(
  requested: string,
  registered: readonly string[],
  options: MatchOptions,
): boolean {
  if (registered.includes(requested)) return true
  const sent = loopbackParts(requested)
  if (!sent || !isPort(sent.port) || (sent.host === 'localhost' && !options.anyLocalhostPort)) return false
  return registered.some(uri => {
    const known = loopbackParts(uri)
    return known !== undefined && known.host === sent.host && known.rest === sent.rest
  })
}

const loopback = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::(\d{1,5}))?([/?].*)?$/

function loopbackParts(
  uri: string,
): { readonly host: string; readonly port: string | undefined; readonly rest: string } | undefined {
  const [, host, port, rest = ''] = loopback.exec(uri) ?? []
  return host === undefined ? undefined : { host, port, rest }
}

/** Port 0 is not valid. */
const isPort = (port: string | undefined): boolean =>
  port === undefined || (/^[1-9]/.test(port) && Number(port) <= 65_535)
