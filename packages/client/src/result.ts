/** Outcomes as values: functions of this library return errors. They throw only if their caller made a mistake. */

import type { ClientError } from './error.ts'

export type Ok<Value> = { readonly ok: true; readonly value: Value }
export type Failed = { readonly ok: false; readonly error: ClientError }

/** A value, or the reason why there is none. */
export type Result<Value> = Ok<Value> | Failed

export const ok = <Value>(value: Value): Ok<Value> => ({ ok: true, value })
export const fail = (error: ClientError): Failed => ({ ok: false, error })

/** Returns the value. Throws the {@link ClientError} of a failed result, for programs that prefer exceptions. */
export function unwrap<Value>(result: Result<Value>): Value {
  if (!result.ok) throw result.error
  return result.value
}
