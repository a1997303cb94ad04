/** Calls an operator's hooks with a time limit, validated return values, and errors that name the hook. */

import type { Seconds } from '@tessera/protocol/brand'
import { type Awaitable, StoreUnavailable } from '../runtime/ports.ts'
import { describeThrown, isThrown } from '../runtime/thrown.ts'
import { InvalidHookResult, type Read } from './hook-result.ts'

/** The last argument of each hook. */
export type HookContext = {
  /** Aborted when the hook times out. Can be passed to `fetch` and to database drivers. */
  readonly signal: AbortSignal
}

/** A function of an operator's module. */
export type Hook<Request, Result> = (request: Request, context: HookContext) => Awaitable<Result>

/** A hook in the form that the server calls. Rejects with {@link HookError}. */
export type CheckedHook<Of extends Hook<never, unknown>> = (
  request: Parameters<Of>[0],
) => Promise<Awaited<ReturnType<Of>>>

type HookFailure = 'hook_failed' | 'hook_result_invalid' | 'hook_timed_out'

/**
 * A hook threw, took too long or returned a wrong value. The response is 500 for a wrong value, and otherwise 503: the error
 * is named `HookUnavailable` then. The message names the hook and the member, never a value.
 */
export class HookError extends Error {
  override readonly name: 'HookError' | 'HookUnavailable'
  readonly hook: string
  readonly reason: HookFailure

  constructor(hook: string, reason: HookFailure, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = reason === 'hook_result_invalid' ? 'HookError' : 'HookUnavailable'
    this.hook = hook
    this.reason = reason
  }
}

/** Returns the log fields for a hook's error, with the stack of the exception. */
export function hookFields({ hook, reason, message, cause }: HookError): Readonly<Record<string, unknown>> {
  if (reason !== 'hook_failed') return { reason, hook, problem: message }
  const { text: problem, stack } = describeThrown(cause)
  return { reason, hook, problem, stack }
}

/** The hook's name in logs, and its time limit. */
export type HookCall = { readonly hook: string; readonly limit: Seconds }

/**
 * Resolves to the checked return value. If this server's store, which a hook may read, is unavailable, that is not an
 * error of the hook.
 */
export async function callHook<Value>(
  { hook, limit }: HookCall,
  call: (context: HookContext) => unknown,
  read: Read<Value>,
): Promise<Value> {
  const abort = new AbortController()
  const { promise: timedOut, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(new HookError(hook, 'hook_timed_out', `${hook} took more than ${limit} s`))
    abort.abort()
  }, limit * 1000)
  try {
    return read(await Promise.race([call({ signal: abort.signal }), timedOut]), hook)
  } catch (error) {
    if (isThrown(error, HookError) || isThrown(error, StoreUnavailable)) throw error
    if (isThrown(error, InvalidHookResult)) throw new HookError(hook, 'hook_result_invalid', error.message)
    throw new HookError(hook, 'hook_failed', `${hook} threw an error`, error)
  } finally {
    clearTimeout(timer)
  }
}

/** Returns the hook in the form that the server calls. */
export const checkHook =
  <Request, Result>(of: HookCall, hook: Hook<Request, Result>, read: Read<Result>) =>
  (request: Request): Promise<Result> =>
    callHook(of, context => hook(request, context), read)
