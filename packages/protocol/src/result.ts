/**
 * Outcomes as values: expected failures return a {@link Refusal}. Exceptions are for bugs and broken infrastructure.
 */

import type { ErrorCode } from './errors.ts'

/** A JSON value, as in a claim or a response member. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }
export type JsonObject = { readonly [name: string]: Json }

/**
 * A refused request. The client gets `error`, `description` and `members`; `reason` and `log` are for the operator and
 * never leave the server.
 */
export type Refusal = {
  readonly ok: false
  readonly error: ErrorCode
  /** `error_description` (RFC 6749 §5.2): printable ASCII except `"` and `\`. */
  readonly description?: string
  /** A stable code in snake_case, documented in `docs/reasons.md`. */
  readonly reason: string
  /** Details for the operator; never a secret, token or password. */
  readonly log?: Readonly<Record<string, unknown>>
  /** Seconds to wait before a retry: sent as 429 with `Retry-After` (RFC 6585 §4). */
  readonly retry_after?: number
  /** Extra members of the error response. They can't replace `error` and `error_description`. */
  readonly members?: JsonObject
}

export type Ok<Value> = { readonly ok: true; readonly value: Value }
export type Result<Value> = Ok<Value> | Refusal

export const ok = <Value>(value: Value): Ok<Value> => ({ ok: true, value })

/** Creates a refusal with an error code for the client and a stable reason code for the operator. */
export const refuse = (
  error: ErrorCode,
  reason: string,
  more: Omit<Refusal, 'ok' | 'error' | 'reason'> = {},
): Refusal => ({ ok: false, error, reason, ...more })
