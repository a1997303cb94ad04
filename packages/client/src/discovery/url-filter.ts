/** The URLs that tokens may be sent to. */

import { isAllowedUrl } from './metadata.ts'

/**
 * Returns a function that tells whether a token may be sent to a URL.
 * @param origins origins such as `https://api.example`, or URLs whose path is a prefix, such as
 * `https://api.example/v1`: it allows `/v1` and paths that begin with `/v1/`.
 * @param httpHosts hosts besides loopback that may be contacted over `http`.
 * @throws TypeError if an entry is not an https URL, or has credentials, a query or a fragment.
 */
export function createUrlFilter(
  origins: readonly string[],
  httpHosts: readonly string[] = [],
): (url: string) => boolean {
  const policy = { httpHosts }
  const allowed = origins.map(entry => {
    if (!isAllowedUrl(entry, policy) || /[?#]/.test(entry))
      throw new TypeError(
        `${JSON.stringify(entry)} in origins must be an https URL without credentials, query and fragment`,
      )
    const { origin, pathname } = new URL(entry)
    return { origin, prefix: pathname.replace(/\/$/, '') }
  })
  return url => {
    if (!isAllowedUrl(url, policy)) return false
    const { origin, pathname } = new URL(url)
    return allowed.some(entry => entry.origin === origin && isBelow(pathname, entry.prefix))
  }
}

/**
 * A server may decode a slash or dots in a path after this check, so a prefix matches no path with encoded ones. Some
 * servers also ignore what follows a semicolon, so that `..;` is the folder above.
 */
const isBelow = (pathname: string, prefix: string): boolean =>
  prefix === '' ||
  (!/%(?:2f|5c|2e)|\/\.\.?(?:;|%3b)/i.test(pathname) &&
    (pathname === prefix || pathname.startsWith(`${prefix}/`)))
