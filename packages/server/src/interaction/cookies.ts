/** This server's cookies (RFC 6265bis): `__Host-` and Secure where the issuer is https, always HttpOnly, SameSite=Lax, for the whole host. A tenant's own issuer has names of its own, since `__Host-` knows no paths. */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import { parseCookie, stringifySetCookie } from 'cookie'

export type Cookies = {
  readonly read: (request: HttpRequest, name: string) => string | undefined
  /** A `Set-Cookie` value that lasts until the browser closes, or for so many seconds. */
  readonly write: (name: string, value: string, options?: { readonly maxAge?: Seconds }) => string
  /** A `Set-Cookie` value that removes it. */
  readonly clear: (name: string) => string
}

export function createCookies({ issuer, tenant }: { issuer: string; tenant?: string }): Cookies {
  const secure = issuer.startsWith('https:')
  const suffix = tenant === undefined ? '' : `.${tenant}`
  const named = (name: string): string => (secure ? '__Host-' : '') + name + suffix
  // Lax: a client's link to the authorization endpoint must arrive with the session.
  const attributes = { path: '/', httpOnly: true, secure, sameSite: 'lax' } as const

  return {
    read: (request, name) => parseCookie(request.headers.cookie ?? '')[named(name)] || undefined,
    write: (name, value, options = {}) =>
      stringifySetCookie({ ...attributes, ...options, name: named(name), value }),
    clear: name => stringifySetCookie({ ...attributes, name: named(name), value: '', maxAge: 0 }),
  }
}
