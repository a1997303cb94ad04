/** Client Identifier URLs (draft-ietf-oauth-client-id-metadata-document-03 §3), where a client publishes its metadata. */

/** The longest one in characters. The draft recommends short ones, and defines no limit. */
export const maxClientIdUrlLength = 1024

/**
 * Returns whether a `client_id` can only be a Client Identifier URL. Identifiers that this server makes never begin like
 * this.
 */
export const isClientIdUrl = (clientId: string): boolean => clientId.startsWith('https://')

/** Returns why a `client_id` is not a Client Identifier URL, or undefined if it is one. */
export function clientIdUrlProblem(clientId: string): string | undefined {
  if (!isClientIdUrl(clientId)) return 'its scheme is not https'
  if (clientId.length > maxClientIdUrlLength) return `it is longer than ${maxClientIdUrlLength} characters`
  // RFC 3986 §2. WHATWG parsers also read `\` as `/`, drop tabs, and map other characters to hosts.
  if (/[^\w\-.~:/?#[\]@!$&'()*+,;=%]/.test(clientId))
    return 'it contains a character that is not allowed in a URI'
  if (clientId.includes('#')) return 'it has a fragment'
  const [, authority = '', path = ''] = /^https:\/\/([^/?]*)([^?]*)/.exec(clientId) ?? []
  if (authority.includes('@')) return 'it has a user name or password'
  if (path === '') return 'it has no path'
  if (path.split('/').some(segment => dotSegment.test(segment))) return 'its path has a dot segment'
  return hostProblem(clientId, authority)
}

/** WHATWG parsers also remove percent-encoded dots. */
const dotSegment = /^(?:\.|%2e){1,2}$/i

/** Refuses other spellings of a host, such as `127.1` and `%65xample.com`, which hide where the request goes. */
function hostProblem(clientId: string, authority: string): string | undefined {
  const url = URL.parse(clientId)
  const host = authority.replace(/:\d*$/, '').toLowerCase()
  return url === null || url.hostname !== host || host.endsWith('.') ? 'its host is not valid' : undefined
}

/** Returns the host of a Client Identifier URL, in ASCII, with its port unless that is 443. */
export const hostOfClientIdUrl = (clientId: string): string => URL.parse(clientId)?.host ?? ''
