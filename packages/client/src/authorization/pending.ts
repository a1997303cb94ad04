/** The part of an authorization request that the client keeps until the response. */

import type { Seconds } from '@tessera/protocol/brand'
import type { ResponseType } from '@tessera/protocol/response-type'
import type { Issuer } from '../discovery/issuer.ts'

/**
 * Where the parameters of the response are: in the query, in the fragment, or in the body of a POST request. With `jwt`,
 * they are one signed JWT (JARM §2.3); `jwt` alone is the default place of the response type.
 */
export type ResponseMode =
  | 'query'
  | 'fragment'
  | 'form_post'
  | 'jwt'
  | 'query.jwt'
  | 'fragment.jwt'
  | 'form_post.jwt'

/**
 * The expectations of one response. It is plain JSON: store it where only this user's browser leads to it, for example
 * in the user's session, and delete it when the response arrives. It contains secrets of the request.
 */
export type PendingAuthorization = {
  /** The issuer identifier of the server that the request was for. */
  readonly issuer: string
  readonly client_id: string
  readonly redirect_uri: string
  readonly response_type: ResponseType
  readonly response_mode: ResponseMode
  readonly scope: string
  readonly state: string
  /** Undefined if no ID token was requested. */
  readonly nonce?: string | undefined
  /** Undefined if no code was requested. */
  readonly code_verifier?: string | undefined
  readonly max_age?: Seconds | undefined
  readonly resource?: string | readonly string[] | undefined
  /** When the request was created. */
  readonly created_at: Seconds
}

/** States of requests that were completed, the oldest first. An issuer's states are dropped with it. */
const completed: WeakMap<Issuer, Set<string>> = new WeakMap()

const mostCompleted = 1000

/**
 * Returns true for the first call with a pending request, otherwise false. This covers repeated calls in one process,
 * such as those of a framework that runs an effect twice; the most recent 1000 requests of an issuer are remembered.
 */
export function consume(issuer: Issuer, { state }: PendingAuthorization): boolean {
  const states = completed.get(issuer) ?? new Set()
  if (states.has(state)) return false
  completed.set(issuer, states.add(state))
  for (const oldest of states) {
    if (states.size <= mostCompleted) break
    states.delete(oldest)
  }
  return true
}
