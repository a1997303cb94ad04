/** Reads the parameters of an authorization response (RFC 6749 §4.1.2, Form Post Response Mode 1.0 §2). */

import { ClientError } from '../error.ts'
import { fail, ok, type Result } from '../result.ts'
import type { PendingAuthorization } from './pending.ts'

/** Parameters that this library reads. Others, such as a query of the redirection URI, are ignored. */
const names = [
  'state',
  'iss',
  'error',
  'error_description',
  'error_uri',
  'code',
  'id_token',
  'access_token',
  'token_type',
  'expires_in',
  'scope',
  'session_state',
] as const

/** Parameters by name. Empty values count as omitted (RFC 6749 §3.1). */
export type ResponseParameters = Readonly<Partial<Record<(typeof names)[number], string>>>

/** Characters; enough for an ID token and an access token of a user in a thousand groups. */
const maxLength = 200_000

/** An absolute URL, or the path and query of an HTTP request. A form contains neither before its first `=`. */
const url = /^(?:[a-z][a-z\d+.-]*:|\/)/i

/**
 * Reads the parameters from where the response mode puts them. Fails with `invalid` if the response is elsewhere, is
 * too long, repeats a parameter (RFC 6749 §3.1), or came to another URL than the redirection URI (RFC 9700 §4.4.2.2).
 */
export function readParameters(
  response: URL | URLSearchParams | string,
  { response_mode, redirect_uri }: PendingAuthorization,
): Result<ResponseParameters> {
  const text = `${response}`
  if (text.length > maxLength)
    return invalid('response_too_long', `the authorization response has more than ${maxLength} characters`)
  if (response instanceof URLSearchParams || !url.test(text)) return collect(new URLSearchParams(text))
  if (response_mode === 'form_post')
    return invalid(
      'response_mode_mismatch',
      'the authorization response is a URL, but response_mode form_post sends it in the body of a POST request',
    )
  if (!text.startsWith('/') && !isSamePlace(text, redirect_uri))
    return invalid(
      'redirect_uri_mismatch',
      `the authorization response came to another URL than ${redirect_uri}; behind a proxy, pass only its query`,
    )
  const { search, hash } = new URL(text, 'https://path.invalid')
  return collect(new URLSearchParams(response_mode === 'query' ? search : hash.slice(1)))
}

function collect(parameters: URLSearchParams): Result<ResponseParameters> {
  const found: Partial<Record<keyof ResponseParameters, string>> = {}
  for (const name of names) {
    const values = parameters.getAll(name)
    if (values.length > 1)
      return invalid('duplicate_parameter', `the authorization response has more than one ${name}`)
    if (values[0]) found[name] = values[0]
  }
  return ok(found)
}

/** Compares URLs without query and fragment. */
const isSamePlace = (url: string, redirectUri: string): boolean => placeOf(url) === placeOf(redirectUri)

function placeOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}

const invalid = (code: string, message: string): Result<never> =>
  fail(new ClientError('invalid', code, message))
