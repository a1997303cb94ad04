/** The address of the page: the response that it may contain, and paths to return to. */

import { unverifiedState } from '../authorization/response-jwt.ts'
import { page } from './page.ts'

/** Parameters of responses, which are removed from the address. */
const parameters = [
  'code',
  'state',
  'response',
  'iss',
  'session_state',
  'error',
  'error_description',
  'error_uri',
  'scope',
] as const

export type AddressResponse = {
  /** The complete address. */
  readonly href: string
  readonly state: string
}

/**
 * Returns the response in the address of the page and removes it from there, so that neither the history nor a
 * `Referer` header contains the code. Returns undefined if the address contains none.
 * @param isResponse returns whether parameters with a `state` are a response.
 */
export function takeResponse(
  isResponse: (parameters: URLSearchParams) => boolean,
): AddressResponse | undefined {
  const { location, history } = page()
  const url = new URL(location.href)
  const fragment = new URLSearchParams(url.hash.slice(1))
  const found = [url.searchParams, fragment].find(one => isResponse(one) && unverifiedState(one))
  const state = found && unverifiedState(found)
  if (!found || !state) return undefined
  const { href } = url
  if (found === fragment) url.hash = ''
  else for (const name of parameters) url.searchParams.delete(name)
  history.replaceState(history.state, '', url.href)
  return { href, state }
}

export const isAuthorizationResponse = (parameters: URLSearchParams): boolean =>
  ['code', 'error', 'response'].some(name => parameters.has(name))

/**
 * Returns a path of this origin with its query and fragment: the one that the URL names, or `/` if it leads to another
 * origin.
 */
export function localPath(url: string): string {
  const { location } = page()
  if (!URL.canParse(url, location.href)) return '/'
  const { origin, protocol, pathname, search, hash } = new URL(url, location.href)
  // A path with two slashes would be a URL of another host.
  const leaves = origin !== location.origin || protocol !== new URL(location.href).protocol
  return leaves || pathname.startsWith('//') ? '/' : pathname + search + hash
}
