/** Redirects, and headers for every response to a browser. */

import type { HttpResponse } from '@tessera/protocol/http'

export const browserHeaders = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  // Prevents other sites from loading the response as an image or script to learn who is signed in.
  'cross-origin-resource-policy': 'same-origin',
} as const

/** `Set-Cookie` values; undefined ones are omitted. */
export type SetCookies = readonly (string | undefined)[]

/**
 * Returns a redirect: 302, or 303 after a POST, so that the browser uses GET and never reposts a password (RFC 9700
 * §4.12).
 */
export const redirectResponse = (
  { method }: { readonly method: string },
  location: string,
  cookies: SetCookies = [],
): HttpResponse => ({
  status: method === 'POST' ? 303 : 302,
  headers: { ...browserHeaders, location, ...withCookies(cookies) },
  body: '',
})

export const withCookies = (cookies: SetCookies): { 'set-cookie'?: readonly string[] } => {
  const set = cookies.filter(cookie => cookie !== undefined)
  return set.length === 0 ? {} : { 'set-cookie': set }
}
