/** Resource indicators (RFC 8707 §2): absolute URIs without a fragment, and when two of them are equal. */

/** RFC 8707 §2. */
export const isResourceIndicator = (text: string): boolean => URL.canParse(text) && !text.includes('#')

/** Scheme, user information, host, port, path and query of a URI with an authority (RFC 3986 appendix B, §3.2). */
const hierarchical =
  /^([a-z][a-z\d+.-]*):\/\/([^/?#@]*@)?(\[[^\]/?#]*\]|[^:/?#[\]]*)(?::(\d*))?(\/[^?#]*)?(\?.*)?$/i

const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443', ws: '80', wss: '443' }

/**
 * Writes equal URIs alike: scheme and host in lower case, without the default port, an empty path as `/` (RFC 3986
 * §6.2.3, §6.2.2.1). Nothing else is changed, because what a path means is for its server to say: no dot segments, no
 * percent-encoding, no trailing slash. Text that is no URI with an authority is returned as it is.
 */
export function comparableUri(text: string): string {
  const parts = hierarchical.exec(text)
  if (!parts) return text
  const [, scheme = '', user = '', host = '', port = '', path = '/', query = ''] = parts
  const lower = asciiLower(scheme)
  const kept = port === '' || port === defaultPorts[lower] ? '' : `:${port}`
  return `${lower}://${user}${asciiLower(host)}${kept}${path}${query}`
}

/** Host names in URIs are ASCII; letters of other scripts are not changed. */
const asciiLower = (text: string): string => text.replaceAll(/[A-Z]+/g, letters => letters.toLowerCase())
