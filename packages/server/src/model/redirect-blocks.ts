/** Destinations that an operator blocked: no client that registered itself may send users there. */

import { hostPatternProblem, matchesHost } from './host-pattern.ts'

/**
 * Returns whether one of the URIs goes to a blocked destination: a host with any port, a host with its port, all hosts
 * below one (`*.example.com`), or a private-use scheme (`cursor:`).
 */
export const hasBlockedRedirect = (uris: readonly string[], blocked: readonly string[]): boolean =>
  blocked.length > 0 && uris.some(uri => blocked.some(pattern => isBlocked(uri, pattern)))

function isBlocked(uri: string, pattern: string): boolean {
  const url = URL.parse(uri)
  if (url === null) return false
  return url.protocol === pattern || matchesHost(pattern, url.hostname) || matchesHost(pattern, url.host)
}

/** Returns why an operator can't block this; undefined if they can. */
export function redirectBlockProblem(pattern: string): ReturnType<typeof hostPatternProblem> {
  if (!pattern.endsWith(':')) return hostPatternProblem(pattern)
  return /^(?!https?:)[a-z][a-z\d+.-]*:$/.test(pattern)
    ? undefined
    : { problem: 'it is not the scheme of an application', fix: 'write a scheme such as myapp:, or a host' }
}
