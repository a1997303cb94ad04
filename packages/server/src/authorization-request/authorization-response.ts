/** The authorization response and its destination (RFC 6749 §4.1.2, RFC 9207 §2, Form Post Response Mode 1.0 §2). */

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

/** Returns the response with `state` and `iss`, also for errors. Undefined members are omitted. */
export function authorizationResponse(
  { redirect_uri, response_mode, state }: ResponseTarget,
  members: ResponseMembers,
  issuer: string,
): AuthorizationResponse {
  const fields = Object.entries({ ...members, state, iss: issuer }).filter(
    (field): field is [string, string] => field[1] !== undefined,
  )
  if (response_mode === 'form_post') return { kind: 'form', action: redirect_uri, fields }
  const text = new URLSearchParams(fields).toString()
  // Keeps a query of the registered URI (RFC 6749 §3.1.2). Registered URIs have no fragment.
  const separator = response_mode === 'fragment' ? '#' : redirect_uri.includes('?') ? '&' : '?'
  return { kind: 'redirect', location: redirect_uri + separator + text }
}
