/** Resource indicators (RFC 8707 §2): syntax and comparison. */

/** Returns whether the text is an absolute URI without a fragment (RFC 8707 §2). */
export const isResourceIndicator = (text: string): boolean => URL.canParse(text) && !text.includes('#')

/** Groups: scheme, user information, host, port, path and query (RFC 3986 appendix B, §3.2). */
const hierarchical =
  /^([a-z][a-z\d+.-]*):\/\/([^/?#@]*@)?(\[[^\]/?#]*\]|[^:/?#[\]]*)(?::(\d*))?(\/[^?#]*)?(\?.*)?$/i

const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443', ws: '80', wss: '443' }

/**
 * Normalizes a URI for comparison: scheme and host in lower case, no default port, `/` as empty path (RFC 3986
 * §6.2.2.1, §6.2.3). Path and percent-encoding stay unchanged, because only their server can interpret them. Returns
 * any other text unchanged.
 */
export function comparableUri(text: string): string {
  const parts = hierarchical.exec(text)
  if (!parts) return text
  const [, scheme = '', user = '', host = '', port = '', path = '/', query = ''] = parts
  const lower = asciiLower(scheme)
  const kept = port === '' || port === defaultPorts[lower] ? '' : `:${port}`
  return `${lower}://${user}${asciiLower(host)}${kept}${path}${query}`
}

/** Lowers ASCII letters only, because host names in URIs are ASCII. */
const asciiLower = (text: string): string => text.replaceAll(/[A-Z]+/g, letters => letters.toLowerCase())
