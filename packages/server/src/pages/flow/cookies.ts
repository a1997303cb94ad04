/**
 * This server's cookies (RFC 6265bis): `__Host-` and Secure if the issuer is https, HttpOnly, for the whole host, and
 * SameSite=Lax, except for those that frames of other sites need. Each tenant with its own issuer has its own cookie
 * names, because `__Host-` does not allow a path.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import { parseCookie, stringifySetCookie } from 'cookie'

export type Cookies = {
  /** Returns the cookie's name in the browser. */
  readonly nameOf: (name: string) => string
  readonly read: (request: HttpRequest, name: string) => string | undefined
  /** Returns the values of those cookies that the request has, in the order of the names. */
  readonly readEach: (request: HttpRequest, names: readonly string[]) => readonly string[]
  /** Returns a `Set-Cookie` value. */
  readonly write: (name: string, value: string, options?: CookieOptions & { maxAge?: Seconds }) => string
  /** Returns a `Set-Cookie` value that removes it. */
  readonly clear: (name: string, options?: CookieOptions) => string
}

/** Without `maxAge`, the cookie lasts until the browser closes. */
type CookieOptions = {
  /** For our scripts in a frame of another site: neither HttpOnly nor SameSite. Must not contain secrets. */
  readonly readable?: boolean
  /** For requests in a frame of another site, such as silent authorization requests, if the configuration allows them. */
  readonly framed?: boolean
}

export type SameSite = 'lax' | 'none'

/** @param sameSite the value for `framed` cookies. Default: Lax. */
export function createCookies({
  issuer,
  tenant,
  sameSite = 'lax',
}: {
  issuer: string
  tenant?: string
  sameSite?: SameSite
}): Cookies {
  const secure = issuer.startsWith('https:')
  const suffix = portSuffix(issuer) + (tenant === undefined ? '' : `.${tenant}`)
  const nameOf = (name: string): string => (secure ? '__Host-' : '') + name + suffix
  // Lax: a client's link to the authorization endpoint must arrive with the session.
  const attributes = { path: '/', httpOnly: true, secure, sameSite: 'lax' } as const
  // Browsers accept SameSite=None only for Secure cookies (RFC 6265bis §5.7).
  const readable = { path: '/', secure, sameSite: secure ? 'none' : 'lax' } as const
  // On a loopback host, Lax is sufficient, because all ports belong to one site.
  const framed = { ...attributes, sameSite: secure ? sameSite : 'lax' } as const
  const attributesOf = (options: CookieOptions) => {
    if (options.readable) return readable
    return options.framed ? framed : attributes
  }

  return {
    nameOf,
    read: (request, name) => parseCookie(request.headers.cookie ?? '')[nameOf(name)] || undefined,
    readEach(request, names) {
      const found = parseCookie(request.headers.cookie ?? '')
      return names.flatMap(name => found[nameOf(name)] || [])
    },
    write: (name, value, { maxAge, ...options } = {}) =>
      stringifySetCookie({
        ...attributesOf(options),
        ...(maxAge !== undefined && { maxAge }),
        name: nameOf(name),
        value,
      }),
    clear: (name, options = {}) =>
      stringifySetCookie({ ...attributesOf(options), name: nameOf(name), value: '', maxAge: 0 }),
  }
}

/** The port that the server listens on by default. */
const usualPort = '5080'

/** Browsers send cookies to every port of a host (RFC 6265bis §8.5): servers on two ports must not overwrite each other's. */
function portSuffix(issuer: string): string {
  const { port } = new URL(issuer)
  return port === '' || port === usualPort ? '' : `-${port}`
}
