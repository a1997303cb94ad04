/** Redirects, and the headers that every response to a browser has. */

import type { HttpResponse } from '@tessera/protocol/http'

export const browserHeaders = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  // A page of another site can't load it as a picture or a script, to learn who is signed in.
  'cross-origin-resource-policy': 'same-origin',
} as const

/** `Set-Cookie` values; undefined ones are left out. */
export type SetCookies = readonly (string | undefined)[]

/**
 * Returns a redirect: 303 after a POST, so that the browser asks by GET and never posts a password again (RFC 9700 §4.12);
 * 302 after a GET.
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
