/** Redirection URIs: what may be registered and what matches (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1). */

import { hasPrivateUseScheme, isUnsafeScheme, schemeOf } from './uri-scheme.ts'

/**
 * Whether a host can be named in a header's list, such as CSP's (CSP 3 §2.3.1): names of the web have no other characters,
 * though a URL may hold `;`, `,` and quotes there.
 */
export const isWebHost = (hostname: string): boolean => /^([a-z0-9._-]+|\[[0-9a-f:.]+\])$/.test(hostname)

/** As the URL Standard writes them. */
export const loopbackHosts: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost'])

/** Returns why a URI may not be registered as a redirection URI; undefined when it may. */
export function redirectUriProblem(uri: string): string | undefined {
  // RFC 3986 §2: a browser is sent there by a header, which holds nothing else.
  if (/[^\x21-\x7E]/.test(uri)) return 'it holds white space, control or other characters that are not ASCII'
  if (uri.includes('*')) return 'it holds a wildcard, and redirection URIs are compared exactly'
  if (uri.includes('#')) return 'it has a fragment (RFC 6749 §3.1.2)'
  if (!URL.canParse(uri)) return 'it is not an absolute URI (RFC 6749 §3.1.2)'
  // As it is written: of an empty user (`https://@host/`) nothing is left once it is parsed.
  if (/^[a-z][a-z\d+.-]*:\/\/[^/?]*@/i.test(uri)) return 'it holds credentials'
  return hasPrivateUseScheme(uri) ? privateUseProblem(uri) : webProblem(uri)
}

function privateUseProblem(uri: string): string | undefined {
  const scheme = schemeOf(uri)
  if (/^urn:ietf:wg:oauth:2\.0:oob(?::auto)?$/i.test(uri)) {
    return 'it asks to show the code for copying, which is not offered; use a loopback address (RFC 8252 §7.3) or the device grant'
  }
  if (isUnsafeScheme(scheme)) return `its scheme ${scheme}: is dangerous to redirect to`
  // `localhost:3000/callback`, where "localhost" is the scheme.
  return /^[^:]+:\d+(?:[/?]|$)/.test(uri) ? 'it begins with a host in place of a scheme' : undefined
}

function webProblem(uri: string): string | undefined {
  const { protocol, hostname } = new URL(uri)
  if (protocol === 'http:' && !loopbackHosts.has(hostname))
    return 'http is for loopback hosts only (RFC 9700 §2.6); use https'
  // RFC 9110 §4.2.2: without the slashes a browser reads it as a path of the page that it stands on.
  if (!/^https?:\/\//i.test(uri) || uri.includes('\\')) return 'it is not written as a web address is'
  if (!isWebHost(hostname)) return 'its host holds characters that no host on the web has'
  // `127.1` and `[0:0:0:0:0:0:0:1]`: clients that take any port send the usual form.
  return protocol === 'http:' && !/^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?:[:/?]|$)/i.test(uri)
    ? 'its loopback host is not written as 127.0.0.1, [::1] or localhost'
    : undefined
}

export type MatchOptions = {
  /** Whether `http://localhost` takes any port too. */
  readonly anyLocalhostPort: boolean
}

/**
 * Returns whether the requested URI is one of the registered ones, byte for byte.
 * One exception: a registered `http://127.0.0.1…` or `http://[::1]…` takes any port, whether registered with one or
 * without (RFC 8252 §7.3). So does `http://localhost…` if `anyLocalhostPort`.
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

/** Nothing listens on port 0, and none is above 65535. Omitted, it is 80. */
const isPort = (port: string | undefined): boolean =>
  port === undefined || (/^[1-9]/.test(port) && Number(port) <= 65_535)
