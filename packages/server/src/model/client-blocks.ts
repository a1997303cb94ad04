/** Clients that operators block while servers run, among those that registered themselves or publish their metadata. */

import { hostPatternProblem, matchesHost } from './host-pattern.ts'

/**
 * `stored_client`: a client that needs no row, by its id. `redirect_host`: clients that redirect to a host or scheme.
 * `sealed_clients`: all sealed ids, with an empty `id`.
 */
export type Block = {
  readonly kind: 'stored_client' | 'redirect_host' | 'sealed_clients'
  readonly id: string
}

/** Whether anything changed, or why it can't be blocked. */
type BlockOutcome =
  | { readonly ok: true; readonly changed: boolean }
  | { readonly ok: false; readonly problem: string; readonly fix: string }

/** Blocks clients, or ends a block. This process honours it at once, and others within a second. */
export type BlockClients = (block: Block, isBlocked: boolean) => Promise<BlockOutcome>

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
