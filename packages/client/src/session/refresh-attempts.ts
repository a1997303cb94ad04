/** Repeats a refresh whose response was lost. */

import type { Seconds } from '@tessera/protocol/brand'
import { ClientError } from '../error.ts'
import { jsonObject } from '../http/response.ts'
import { fail, type Result } from '../result.ts'
import { type Sleep, sleep as sleepByTimer, timerMilliseconds } from '../sleep.ts'
import type { UserTokens } from '../token/claims.ts'
import { startStopwatch } from './stopwatch.ts'

export type RefreshAttemptOptions = {
  /**
   * Seconds after the first attempt in which the same refresh token is sent again if there was no response, or a server
   * error. The default is 10, which is the default of Tessera's `refresh_token_retry_window`: within it, Tessera returns
   * the same next token. Use 0 for servers that treat each second use as theft.
   */
  readonly retryWindow?: Seconds | undefined
  /** The maximum number of attempts; the default is 4. */
  readonly maxAttempts?: number | undefined
  /**
   * Seconds until the first attempt without a response is given up for the second one; the default is 2.5. Each other
   * attempt gets twice as long. The last one in the window gets the time-out of the client.
   */
  readonly attemptTimeout?: Seconds | undefined
  /** A number from 0 to 1 (exclusive), for the pauses. The default is `Math.random`. */
  readonly random?: (() => number) | undefined
  /** Waits between attempts. The default uses a timer. */
  readonly sleep?: Sleep | undefined
}

/**
 * Sends one refresh request.
 * @param isInTime whether it may be sent now: an earlier one may have been executed, so the retry window ends that.
 */
export type RefreshAttempt = (signal: AbortSignal, isInTime: () => boolean) => Promise<Result<UserTokens>>

/** Returns the first result that no repetition can change, or the last one when attempts or time are used up. */
export async function attemptRefresh(
  attempt: RefreshAttempt,
  now: () => Seconds,
  options: RefreshAttemptOptions,
  signal: AbortSignal,
): Promise<Result<UserTokens>> {
  const { retryWindow = 10, maxAttempts = 4, attemptTimeout = 2.5 } = options
  const { random = Math.random, sleep = sleepByTimer } = options
  const elapsed = startStopwatch(now)
  for (let count = 1; ; count++) {
    const limit = attemptTimeout * 2 ** (count - 1)
    const isLast = count >= maxAttempts || elapsed() + limit >= retryWindow
    const isInTime = (): boolean => count === 1 || elapsed() < retryWindow
    const send = (stop: AbortSignal): Promise<Result<UserTokens>> => attempt(stop, isInTime)
    const result = await attemptWithin(isLast ? undefined : limit, send, signal)
    if (result.ok || !isTransient(result.error) || count >= maxAttempts) return result
    // Half a second to a second before the second attempt, and twice as long before each other one.
    const backoff = 2 ** (count - 2) * (1 + random())
    const pause = Math.max(backoff, result.error.retryAfter ?? 0)
    if (elapsed() + pause >= retryWindow) return result
    await sleep(pause, signal)
    // A paused process wakes up later than it wanted to.
    if (signal.aborted || elapsed() >= retryWindow) return result
  }
}

/** Fails with `timeout` if there is no result in time. The server may have refreshed the tokens then. */
async function attemptWithin(
  limit: Seconds | undefined,
  attempt: (signal: AbortSignal) => Promise<Result<UserTokens>>,
  signal: AbortSignal,
): Promise<Result<UserTokens>> {
  if (limit === undefined) return attempt(signal)
  const stop = new AbortController()
  const abort = (): void => stop.abort(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  const timer = setTimeout(() => stop.abort(), timerMilliseconds(limit))
  try {
    const result = await attempt(stop.signal)
    if (result.ok || result.error.kind !== 'aborted' || signal.aborted) return result
    const message = `no response to the refresh request within ${limit} s`
    return fail(new ClientError('network', 'timeout', message, { mayHaveSucceeded: true }))
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

/** Codes of responses that may not be the server's own, such as the page of a Wi-Fi network. */
const foreignResponses: readonly string[] = ['invalid_response', 'unexpected_redirect', 'response_too_large']

/**
 * Whether something else than the server has responded. If JSON has arrived, the server has used the refresh token, and
 * would take the same one for stolen: its next response would have the same fault.
 */
const isForeign = ({ kind, code, response }: ClientError): boolean =>
  kind === 'invalid' &&
  foreignResponses.includes(code) &&
  (response === undefined || jsonObject(response) === undefined)

/** Whether the next attempt may succeed: the response was lost or unreadable, or the server failed. */
const isTransient = (error: ClientError): boolean => {
  const { kind, status = 0 } = error
  return kind === 'network' || isForeign(error) || (kind === 'response' && (status === 429 || status >= 500))
}

/** Whether the server refused the refresh token itself. Tessera limits guesses with the same code, but with status 429. */
export const isRefusedToken = (error: ClientError): boolean =>
  error.kind === 'response' && error.code === 'invalid_grant' && !isTransient(error)
