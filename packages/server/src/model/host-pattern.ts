/** Patterns that operators write for hosts: `app.example`, `app.example:8443`, or `*.example.com` for all hosts below it. */

import { isWebHost } from '@tessera/protocol/redirect-uri'

/** Returns whether the host is the pattern, or below it if that begins with `*.`. */
export const matchesHost = (pattern: string, host: string): boolean =>
  pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern

/**
 * Returns whether one of the patterns names the host with any port, or with the port of the URL. `app.example.` is the
 * same host as `app.example` (RFC 1034 §3.1). For blocks: what an operator allows must be spelled alike.
 */
export function isBlockedHost(
  { host, hostname }: Pick<URL, 'host' | 'hostname'>,
  blocked: readonly string[],
): boolean {
  // The look-behind keeps the time linear: strangers choose the host, and it may consist of dots.
  const name = hostname.replace(/(?<!\.)\.+$/, '').toLowerCase()
  const spellings = [name, name + host.slice(hostname.length)]
  return blocked.some(pattern => spellings.some(spelling => matchesHost(pattern, spelling)))
}

/** Returns why a text is not such a pattern, in the form that URLs have; undefined if it is one. */
export function hostPatternProblem(
  pattern: string,
): { readonly problem: string; readonly fix: string } | undefined {
  const host = pattern.replace(/^\*\./, '')
  const isWild = host !== pattern
  const url = URL.parse(`https://${host}/`)
  if (host.includes('*') || url === null || !isWebHost(url.hostname) || url.hostname.endsWith('.'))
    return { problem: 'it is not a host', fix: 'write the host of the URL' }
  if (isWild && (!url.hostname.includes('.') || /[\d\]]$/.test(url.hostname)))
    return { problem: 'it matches too many hosts', fix: 'write a longer name' }
  return url.host === host
    ? undefined
    : { problem: 'browsers write it differently', fix: `write "${url.host}"` }
}
