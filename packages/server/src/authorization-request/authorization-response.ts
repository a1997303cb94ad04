/** The authorization response and its destination (RFC 6749 §4.1.2, RFC 9207 §2, Form Post Response Mode 1.0 §2, JARM §2.3). */

import type { ResponseJwts } from '../tokens/response-jwt.ts'
import type { ResponseTarget } from './authorization-request.ts'

export type ResponseMembers = Readonly<Record<string, string | undefined>>

type AuthorizationResponse =
  | { readonly kind: 'redirect'; readonly location: string }
  /** A form that the browser posts. */
  | {
      readonly kind: 'form'
      readonly action: string
      readonly fields: readonly (readonly [name: string, value: string])[]
    }

export type AuthorizationResponsePorts = { readonly issuer: string; readonly responseJwts: ResponseJwts }

/**
 * Returns the response with `state` and `iss`, also for errors. Undefined members are omitted. Rejects with
 * `StoreUnavailable` if the response must be encrypted and can't be.
 */
export async function authorizationResponse(
  { client, redirect_uri, response_mode, state }: ResponseTarget,
  members: ResponseMembers,
  { issuer, responseJwts }: AuthorizationResponsePorts,
): Promise<AuthorizationResponse> {
  const { place, isJwt } = response_mode
  const sent = isJwt
    ? { response: await responseJwts.make(client, { ...members, state }) }
    : { ...members, state, iss: issuer }
  const fields = Object.entries(sent).filter((field): field is [string, string] => field[1] !== undefined)
  if (place === 'form_post') return { kind: 'form', action: redirect_uri, fields }
  const text = new URLSearchParams(fields).toString()
  // Keeps a query of the registered URI (RFC 6749 §3.1.2). Registered URIs have no fragment.
  const separator = place === 'fragment' ? '#' : redirect_uri.includes('?') ? '&' : '?'
  return { kind: 'redirect', location: redirect_uri + separator + text }
}
