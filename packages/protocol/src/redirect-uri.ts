/** Redirection URIs: what may be registered and what matches (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1). */

/** Schemes that run code or read files in a browser when they are redirected to. */
const dangerousSchemes: ReadonlySet<string> = new Set([
  'javascript:',
  'data:',
  'vbscript:',
  'blob:',
  'file:',
  'about:',
  'view-source:',
  'filesystem:',
  'jar:',
  'ws:',
  'wss:',
])

/**
 * Whether a host can be named in a header's list, such as CSP's (CSP 3 §2.3.1): names of the web have no other characters,
 * though a URL may hold `;`, `,` and quotes there.
 */
export const isWebHost = (hostname: string): boolean => /^([a-z0-9._-]+|\[[0-9a-f:.]+\])$/.test(hostname)

/** As the URL Standard writes them. */
export const loopbackHosts: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost'])

/** Why a URI may not be registered as a redirection URI; undefined when it may. */
export function redirectUriFault(uri: string): string | undefined {
  // RFC 3986 §2: a browser is sent there by a header, which holds nothing else.
  if (/[^\x21-\x7E]/.test(uri)) return 'it holds white space, control or other characters that are not ASCII'
  if (uri.includes('*')) return 'it holds a wildcard, and redirection URIs are compared exactly'
  if (uri.includes('#')) return 'it has a fragment (RFC 6749 §3.1.2)'
  let url: URL
  try {
    url = new URL(uri)
  } catch {
    return 'it is not an absolute URI (RFC 6749 §3.1.2)'
  }
  if (dangerousSchemes.has(url.protocol)) return `its scheme ${url.protocol} is dangerous to redirect to`
  // As it is written: of an empty user (`https://@host/`) nothing is left once it is parsed.
  if (/^[a-z][a-z\d+.-]*:\/\/[^/?]*@/i.test(uri)) return 'it holds credentials'
  if (url.protocol === 'http:' && !loopbackHosts.has(url.hostname))
    return 'http is for loopback hosts only (RFC 9700 §2.6); use https'
  if (url.protocol === 'https:' || url.protocol === 'http:') {
    // RFC 9110 §4.2.2: without the slashes a browser reads it as a path of the page that it stands on.
    if (!/^https?:\/\//i.test(uri) || uri.includes('\\')) return 'it is not written as a web address is'
    return isWebHost(url.hostname) ? undefined : 'its host holds characters that no host on the web has'
  }
  // RFC 8252 §7.1: a private-use scheme is a reversed domain name, so it holds a dot.
  return url.protocol.includes('.')
    ? undefined
    : 'a private-use scheme must be a reversed domain name (RFC 8252 §7.1)'
}

/**
 * Whether the requested URI is one of the registered ones, byte for byte.
 * One exception: a registered `http://127.0.0.1/…` or `http://[::1]/…` without a port takes any port (RFC 8252 §7.3).
 */
export const matchesRedirectUri = (requested: string, registered: readonly string[]): boolean =>
  registered.includes(requested) || registered.some(uri => matchesLoopback(requested, uri))

const loopbackWithoutPort = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(\/.*)?$/
const loopbackWithPort = /^(http:\/\/(?:127\.0\.0\.1|\[::1\])):\d{1,5}(\/.*)?$/

function matchesLoopback(requested: string, registered: string): boolean {
  const base = loopbackWithoutPort.exec(registered)
  if (!base) return false
  const sent = loopbackWithPort.exec(requested)
  // A port beyond 65535 is none, and no address.
  return (
    sent !== null && sent[1] === base[1] && (sent[2] ?? '') === (base[2] ?? '') && URL.canParse(requested)
  )
}
