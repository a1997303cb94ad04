/** The device authorization grant: polling for the tokens (RFC 8628 §3.4, §3.5). */

import type { Seconds } from '@tessera/protocol/brand'
import { grantTypes } from '@tessera/protocol/grant-types'
import type { Client } from '../create-client.ts'
import { ClientError } from '../error.ts'
import { fail, type Result } from '../result.ts'
import { type Sleep, sleep } from '../sleep.ts'
import { type UserTokenOptions, type UserTokens, withClaims } from './claims.ts'
import type { DeviceAuthorization } from './device-authorization.ts'
import { requestToken } from './request.ts'

/** Reported before each wait. */
export type DeviceProgress = {
  /**
   * The reason for the wait: the user has not decided yet, the server asked for fewer requests, or the server could not
   * be reached.
   */
  readonly state: 'pending' | 'slow_down' | 'unreachable'
  /** Seconds until the next request. */
  readonly wait: Seconds
  readonly expires_at: Seconds
  /** The last failure, if `state` is `unreachable`. */
  readonly error?: ClientError | undefined
}

export type DevicePollOptions = Omit<UserTokenOptions, 'scope' | 'resource' | 'audience'> & {
  readonly progress?: ((progress: DeviceProgress) => void) | undefined
  /** Waits between requests; the default uses a timer. */
  readonly sleep?: Sleep | undefined
}

/** RFC 8628 §3.5: what `slow_down` adds to the interval. */
const slowDownStep: Seconds = 5

/** Exponential backoff does not exceed this, unless the interval itself does. */
const maxBackoff: Seconds = 60

/**
 * Polls for the tokens until the user has decided. It obeys the server's interval and `slow_down`. After network
 * failures, timeouts and responses 408, 429 and 5xx it continues, and doubles the wait each time. The first wait is only
 * half as long again, because the response may have contained the tokens: Tessera repeats these within its
 * `refresh_token_retry_window`.
 *
 * Fails with `response` and `access_denied` if the user refuses, `expired_token` after `expires_in`, and `aborted` by
 * the signal. If the tokens were in a response that was lost, and the server does not repeat it, it fails with
 * `device_response_lost`: start a new device authorization then.
 * @throws TypeError if `expires_at` or `interval` is not a number.
 */
export async function pollDeviceToken(
  client: Client,
  device: Pick<DeviceAuthorization, 'device_code' | 'expires_at' | 'interval'>,
  { progress, sleep: wait = sleep, ...options }: DevicePollOptions = {},
): Promise<Result<UserTokens>> {
  const { device_code, expires_at, interval } = device
  // Otherwise there would be no pause between the requests.
  if (!Number.isFinite(expires_at) || !Number.isFinite(interval))
    throw new TypeError('expires_at and interval of the device authorization must be numbers')
  let poll: Poll = { state: 'pending', interval: Math.max(1, interval), failures: 0, mayBeUsed: false }
  for (;;) {
    const remaining = expires_at - client.issuer.now()
    if (remaining <= 0) return expired()
    const seconds = Math.min(remaining, waitOf(poll, remaining))
    progress?.({ state: poll.state, wait: seconds, expires_at, error: poll.error })
    await wait(seconds, options.signal)
    if (options.signal?.aborted) return aborted(options.signal)
    if (client.issuer.now() >= expires_at) return expired()

    const tokens = await requestToken(client, { grant_type: grantTypes.deviceCode, device_code }, options)
    if (tokens.ok) return withClaims(client, tokens, {}, options)
    const next = nextPoll(poll, tokens.error)
    if (next instanceof ClientError) return fail(next)
    poll = next
  }
}

type Poll = {
  readonly state: DeviceProgress['state']
  readonly interval: Seconds
  /** Consecutive requests without a response of the server. */
  readonly failures: number
  /** Whether a lost response may have contained the tokens. */
  readonly mayBeUsed: boolean
  /** Seconds that the server asked to wait. */
  readonly retryAfter?: Seconds | undefined
  readonly error?: ClientError
}

/** Returns the wait before the next request. Backoff leaves time for a last request before the codes expire. */
function waitOf({ interval, failures, mayBeUsed, retryAfter = 0 }: Poll, remaining: Seconds): Seconds {
  const growth = failures === 1 && mayBeUsed ? 1.5 : 2 ** failures
  const backoff = Math.min(interval * growth, Math.max(interval, maxBackoff))
  return Math.max(interval, retryAfter, Math.min(backoff, remaining - 1))
}

/** Returns how to continue, or why not. */
function nextPoll({ interval, failures, mayBeUsed }: Poll, error: ClientError): Poll | ClientError {
  // The code is not used then, so a response that was lost before contained no tokens.
  const pending = { failures: 0, mayBeUsed: false }
  if (error.code === 'authorization_pending') return { state: 'pending', interval, ...pending }
  if (error.code === 'slow_down') return { state: 'slow_down', interval: interval + slowDownStep, ...pending }
  if (isTemporary(error))
    return {
      state: 'unreachable',
      interval,
      failures: failures + 1,
      mayBeUsed: mayBeUsed || error.mayHaveSucceeded,
      retryAfter: error.retryAfter,
      error,
    }
  return mayBeUsed && error.code === 'invalid_grant' ? responseLost(error) : error
}

const isTemporary = ({ kind, status = 0 }: ClientError): boolean =>
  kind === 'network' || (kind === 'response' && (status >= 500 || status === 429 || status === 408))

const responseLost = (cause: ClientError): ClientError =>
  new ClientError(
    'network',
    'device_response_lost',
    'the tokens were probably issued in a response that was lost; start a new device authorization',
    { cause, response: cause.response, mayHaveSucceeded: true },
  )

const expired = (): Result<never> =>
  fail(new ClientError('response', 'expired_token', 'the user did not decide before the codes expired'))

const aborted = ({ reason }: AbortSignal): Result<never> =>
  fail(new ClientError('aborted', 'aborted', 'the call was aborted', { cause: reason }))
