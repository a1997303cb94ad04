/** Creates the response of a page: its status, cookies and security headers (CSP Level 3; RFC 9700 §4.16 against clickjacking). */

import type { HttpResponse } from '@tessera/protocol/http'
import { browserHeaders, type SetCookies, withCookies } from '../../messages/redirect.ts'

export type PageOptions = {
  readonly status?: number
  readonly cookies?: SetCookies
  /** Whether submitting a form of the page can lead to a client. The page is then sent without `form-action`. */
  readonly formsLeave?: boolean
  /** Origins that the page's frames are loaded from. */
  readonly frameSources?: readonly string[]
  /** Whether the page loads a script file of this server. */
  readonly scriptFile?: boolean
  /** The CSP hash of the page's only script. */
  readonly scriptHash?: string
  /** URLs of images on other servers. */
  readonly pictures?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

export function pageResponse(
  html: string,
  {
    status = 200,
    cookies = [],
    formsLeave = false,
    scriptFile,
    scriptHash,
    frameSources = [],
    pictures = [],
    headers,
  }: PageOptions = {},
): HttpResponse {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    `img-src ${["'self'", 'data:', ...new Set(pictures.map(address => new URL(address).origin))].join(' ')}`,
    ...(scriptFile ? ["script-src 'self'"] : []),
    ...(scriptHash ? [`script-src '${scriptHash}'`] : []),
    ...(frameSources.length > 0 ? [`frame-src ${frameSources.join(' ')}`] : []),
    // CSP 3 §6.4.1: browsers disagree on whether `form-action` covers the redirects after a form post. Chromium applies
    // it to each of them, and the further redirects of a client after its redirect_uri are unknown, so no list of
    // sources would be sufficient.
    ...(formsLeave ? [] : ["form-action 'self'"]),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')
  return {
    status,
    headers: {
      ...browserHeaders,
      ...headers,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
      'x-frame-options': 'DENY',
      ...withCookies(cookies),
    },
    body: html,
  }
}
