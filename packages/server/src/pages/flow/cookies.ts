/** This server's cookies (RFC 6265bis): `__Host-` and Secure where the issuer is https, HttpOnly, for the whole host, and SameSite=Lax, except the few that frames of other sites need. A tenant's own issuer has names of its own, since `__Host-` knows no paths. */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import { parseCookie, stringifySetCookie } from 'cookie'

export type Cookies = {
  /** What a cookie is called in the browser. */
  readonly nameOf: (name: string) => string
  readonly read: (request: HttpRequest, name: string) => string | undefined
  /** A `Set-Cookie` value. */
  readonly write: (name: string, value: string, options?: CookieOptions & { maxAge?: Seconds }) => string
  /** A `Set-Cookie` value that removes it. */
  readonly clear: (name: string, options?: CookieOptions) => string
}

/** Without `maxAge` it lasts until the browser closes. */
type CookieOptions = {
  /** For scripts of ours in a frame of another site: neither HttpOnly nor SameSite. Nothing secret may be in it. */
  readonly readable?: boolean
  /** For requests in a frame of another site, where the configuration allows that: what a silent authorization request needs. */
  readonly framed?: boolean
}

export type SameSite = 'lax' | 'none'

/** @param sameSite of the cookies that are `framed`; Lax unless given. */
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
  // Browsers take SameSite=None only of Secure cookies (RFC 6265bis §5.7).
  const readable = { path: '/', secure, sameSite: secure ? 'none' : 'lax' } as const
  // On a loopback host Lax does the same between ports, which belong to one site.
  const framed = { ...attributes, sameSite: secure ? sameSite : 'lax' } as const
  const attributesOf = (options: CookieOptions) => {
    if (options.readable) return readable
    return options.framed ? framed : attributes
  }

  return {
    nameOf,
    read: (request, name) => parseCookie(request.headers.cookie ?? '')[nameOf(name)] || undefined,
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
