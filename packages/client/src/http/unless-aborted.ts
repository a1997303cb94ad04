/** Callers that stop waiting for work which others share. */

import { ClientError } from '../error.ts'
import { fail, type Result } from '../result.ts'

/** Returns the result, or fails with `aborted` once the signal is aborted. The work continues. */
export async function unlessAborted<Value>(
  work: Promise<Result<Value>>,
  signal: AbortSignal | undefined,
): Promise<Result<Value>> {
  if (!signal) return work
  const { promise: aborted, resolve } = withResolver<Result<Value>>()
  const abort = (): void =>
    resolve(fail(new ClientError('aborted', 'aborted', 'the call was aborted', { cause: signal.reason })))
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([aborted, work])
  } finally {
    signal.removeEventListener('abort', abort)
    // A rejection after the abort has no other handler.
    work.catch(() => undefined)
  }
}

/** `Promise.withResolvers` is missing in Node 20. */
function withResolver<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = () => undefined
  const promise = new Promise<Value>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}
