/** A page as an answer: its status, cookies and security headers (CSP Level 3; RFC 9700 §4.16 against clickjacking). */

import type { HttpResponse } from '@tessera/protocol/http'

export type PageOptions = {
  readonly status?: number
  /** `Set-Cookie` values. */
  readonly cookies?: readonly (string | undefined)[]
  /** Whether a form of the page can end at a client. The page then sends no `form-action`. */
  readonly formsLeave?: boolean
  /** Origins that the page's frames are loaded from. */
  readonly frameSources?: readonly string[]
  /** Whether the page loads a script file of this server. */
  readonly scriptFile?: boolean
  /** The CSP hash of the page's only script. */
  readonly scriptHash?: string
  /** Where its pictures are loaded from besides this server: addresses. */
  readonly pictures?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

/** Headers of everything that a person's browser is answered. */
export const browserHeaders = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  // A page of another site can't load it as a picture or a script, to learn from that who is signed in.
  'cross-origin-resource-policy': 'same-origin',
} as const

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
    // CSP 3 §6.4.1: browsers disagree on whether `form-action` covers the redirects after a form post. Chromium applies it to
    // each of them, and nobody knows where a client redirects to from its redirect_uri, so no list of sources would do.
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

/** 303 after a POST, so that the browser asks by GET and never posts a password on (RFC 9700 §4.12); 302 after a GET. */
export const redirectResponse = (
  { method }: { method: string },
  location: string,
  cookies: readonly (string | undefined)[] = [],
): HttpResponse => ({
  status: method === 'POST' ? 303 : 302,
  headers: { ...browserHeaders, location, ...withCookies(cookies) },
  body: '',
})

const withCookies = (cookies: readonly (string | undefined)[]): { 'set-cookie'?: readonly string[] } => {
  const set = cookies.filter(cookie => cookie !== undefined)
  return set.length === 0 ? {} : { 'set-cookie': set }
}
