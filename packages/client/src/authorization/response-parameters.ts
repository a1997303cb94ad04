/** Reads the parameters of an authorization response (RFC 6749 §4.1.2, Form Post Response Mode 1.0 §2, JARM §2.3). */

import { ClientError } from '../error.ts'
import { fail, ok, type Result } from '../result.ts'
import type { PendingAuthorization, ResponseMode } from './pending.ts'

/** Parameters that this library reads. Others, such as a query of the redirection URI, are ignored. */
export const responseNames = [
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
export type ResponseParameters = Readonly<Partial<Record<(typeof responseNames)[number], string>>>

/** Characters; enough for an ID token and an access token of a user in a thousand groups. */
const maxLength = 200_000

/** An absolute URL, or the path and query of an HTTP request. A form contains neither before its first `=`. */
const url = /^(?:[a-z][a-z\d+.-]*:|\/)/i

const isJwtMode = (mode: ResponseMode): boolean => mode.endsWith('jwt')

/** JARM §2.3.4: `jwt` alone is the place that the response type has by default. */
const placeIn = ({ response_mode, response_type }: PendingAuthorization): string =>
  response_mode === 'jwt'
    ? response_type === 'code'
      ? 'query'
      : 'fragment'
    : response_mode.replace(/\.jwt$/, '')

/**
 * Reads the parameters from where the response mode puts them. Fails with `invalid` if the response is elsewhere, is
 * too long, repeats a parameter (RFC 6749 §3.1), or came to another URL than the redirection URI (RFC 9700 §4.4.2.2). For
 * a response in a JWT, it returns only `response`, and fails if there is none.
 */
export function readParameters(
  response: URL | URLSearchParams | string,
  pending: PendingAuthorization,
): Result<ResponseParameters & { readonly response?: string }> {
  const { redirect_uri, response_mode } = pending
  const place = placeIn(pending)
  const read = (parameters: URLSearchParams) =>
    isJwtMode(response_mode) ? readJwt(parameters, response_mode) : collect(parameters, responseNames)
  const text = `${response}`
  if (text.length > maxLength)
    return invalid('response_too_long', `the authorization response has more than ${maxLength} characters`)
  if (response instanceof URLSearchParams || !url.test(text)) return read(new URLSearchParams(text))
  if (place === 'form_post')
    return invalid(
      'response_mode_mismatch',
      'the authorization response is a URL, but response_mode form_post sends it in the body of a POST request',
    )
  const isPath = text.startsWith('/') && URL.canParse(text, 'https://path.invalid')
  if (!isPath && !isSamePlace(text, redirect_uri))
    return invalid(
      'redirect_uri_mismatch',
      `the authorization response came to another URL than ${redirect_uri}; behind a proxy, pass only its query`,
    )
  const { search, hash } = new URL(text, 'https://path.invalid')
  return read(new URLSearchParams(place === 'query' ? search : hash.slice(1)))
}

/** Plain parameters beside the JWT are ignored, because anyone could have added them. */
function readJwt(parameters: URLSearchParams, mode: ResponseMode): Result<{ readonly response?: string }> {
  const found = collect(parameters, ['response'])
  return found.ok && found.value.response === undefined
    ? invalid(
        'response_not_signed',
        `the authorization response is not a JWT, as response_mode ${mode} requires`,
      )
    : found
}

function collect<Name extends string>(
  parameters: URLSearchParams,
  names: readonly Name[],
): Result<Partial<Record<Name, string>>> {
  const found: Partial<Record<Name, string>> = {}
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
