/** Callers that stop waiting when a signal is aborted. The work that they wait for continues. */

import { ClientError } from '../error.ts'
import { fail, type Result } from '../result.ts'

/** Returns the result, or fails with `aborted` once the signal is aborted. */
export const unlessAborted = async <Value>(
  work: Promise<Result<Value>>,
  signal: AbortSignal | undefined,
): Promise<Result<Value>> =>
  signal
    ? raceSignal(work, signal, () =>
        fail(new ClientError('aborted', 'aborted', 'the call was aborted', { cause: signal.reason })),
      )
    : work

/** Settles like the work, or like `onAbort` as soon as the signal is aborted. */
export async function raceSignal<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
  onAbort: () => Value,
): Promise<Value> {
  let abort = (): void => undefined
  const aborted = new Promise<Value>((resolve, reject) => {
    abort = () => {
      try {
        resolve(onAbort())
      } catch (error) {
        reject(error)
      }
    }
  })
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
