/** The cookies of a simulated browser (RFC 6265bis §5.7, §5.8), for the test server and the application under test. */

import { parseSetCookie } from 'cookie'

/** A cookie in the form that Playwright's `context.addCookies` takes. */
export type TestCookie = {
  readonly name: string
  readonly value: string
  readonly domain: string
  readonly path: string
  /** Seconds since 1970; -1: until the browser closes. */
  readonly expires: number
  readonly httpOnly: boolean
  readonly secure: boolean
  readonly sameSite: 'Lax' | 'Strict' | 'None'
}

export type CookieJar = {
  /** Returns the `cookie` header for a request to this address; undefined if no cookie belongs there. */
  readonly header: (url: URL) => string | undefined
  /** Stores the `Set-Cookie` values of a response from this address. */
  readonly store: (url: URL, lines: readonly string[]) => void
  readonly list: () => TestCookie[]
}

/** Cookies belong to a host with all its ports, as in a browser (RFC 6265bis §8.5). */
export function createCookieJar(): CookieJar {
  const cookies = new Map<string, TestCookie & { readonly hostOnly: boolean }>()

  const isFor = (
    { domain, hostOnly, path, expires }: typeof cookies extends Map<string, infer V> ? V : never,
    url: URL,
  ) =>
    (url.hostname === domain || (!hostOnly && url.hostname.endsWith(`.${domain}`))) &&
    (url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`)) &&
    (expires === -1 || expires > Date.now() / 1000)

  return {
    header(url) {
      const sent = [...cookies.values()].filter(cookie => isFor(cookie, url))
      return sent.length === 0 ? undefined : sent.map(({ name, value }) => `${name}=${value}`).join('; ')
    },
    store(url, lines) {
      for (const line of lines) {
        const parsed = parseSetCookie(line)
        const { name, value = '', maxAge, expires: until, httpOnly = false, secure = false } = parsed
        const hostOnly = parsed.domain === undefined
        const domain = parsed.domain?.replace(/^\./, '').toLowerCase() ?? url.hostname
        const path = parsed.path?.startsWith('/') ? parsed.path : '/'
        const lasts = maxAge ?? (until === undefined ? undefined : (until.getTime() - Date.now()) / 1000)
        const key = JSON.stringify([domain, path, name])
        if (lasts !== undefined && lasts <= 0) cookies.delete(key)
        else
          cookies.set(key, {
            name,
            value,
            domain,
            path,
            httpOnly,
            secure,
            hostOnly,
            expires: lasts === undefined ? -1 : Math.floor(Date.now() / 1000 + lasts),
            sameSite: sameSites[String(parsed.sameSite ?? 'lax').toLowerCase()] ?? 'Lax',
          })
      }
    },
    list: () => [...cookies.values()].map(({ hostOnly: _, ...cookie }) => cookie),
  }
}

const sameSites: Readonly<Record<string, TestCookie['sameSite']>> = {
  lax: 'Lax',
  strict: 'Strict',
  none: 'None',
}
