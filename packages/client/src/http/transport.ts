/** Sends one HTTP request and reads its response completely: with time and size limits, without redirects. */

import type { Seconds } from '@tessera/protocol/brand'
import { ClientError } from '../error.ts'
import { fail, ok, type Result } from '../result.ts'
import { timerMilliseconds } from '../sleep.ts'
import type { ReceivedResponse } from './response.ts'
import { raceSignal } from './unless-aborted.ts'

/** The part of `fetch` that this library uses. Pass one of your own for mutual TLS, a proxy, or tests. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** The purpose of a request. */
export type Operation =
  | 'webfinger'
  | 'discovery'
  | 'protected_resource'
  | 'jwks'
  | 'token'
  | 'pushed_authorization_request'
  | 'device_authorization'
  | 'userinfo'
  | 'introspection'
  | 'revocation'
  | 'registration'

export type OutgoingRequest = {
  readonly operation: Operation
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal | undefined
}

/** One HTTP exchange, for logs and traces. It contains no token and no secret. */
export type Exchange = {
  readonly operation: Operation
  readonly method: string
  /** Without its query. */
  readonly url: string
  /** Milliseconds until the response was read, or the error occurred. */
  readonly duration: number
  readonly status?: number | undefined
  /** The id of the request in the server's log. */
  readonly requestId?: string | undefined
  /** Why there is no response. An error that the server sent is not one. */
  readonly error?: ClientError | undefined
}

/** For logs and traces. If one of these functions throws, the call that sent the request throws the same error. */
export type Hooks = {
  /** Called after each exchange. */
  readonly exchanged?: (exchange: Exchange) => void
  /**
   * Wraps each exchange, for example in a span. It must call `send` once and return its value. Headers passed to `send`
   * are added to the request, for example `traceparent`.
   */
  readonly trace?: (
    exchange: Pick<Exchange, 'operation' | 'method' | 'url'>,
    send: (headers?: Readonly<Record<string, string>>) => Promise<Exchange>,
  ) => Promise<Exchange>
}

export type TransportOptions = {
  /** The default is the global `fetch`, looked up at each request. */
  readonly fetch?: Fetch | undefined
  /** Seconds until a request without a complete response fails; the default is 10. */
  readonly timeout?: Seconds | undefined
  /** The maximum size of a response in bytes; the default is 1 MiB. */
  readonly maxResponseBytes?: number | undefined
  readonly hooks?: Hooks | undefined
}

/** Sends a request. Fails with `network` or `aborted`, never because of a status. */
export type Send = (request: OutgoingRequest) => Promise<Result<ReceivedResponse>>

export function createTransport(options: TransportOptions = {}): Send {
  const { timeout = 10, maxResponseBytes = 1_048_576, hooks = {} } = options

  return async function send(request) {
    const { operation, method } = request
    const about = { operation, method, url: withoutQuery(request.url) }
    let result: Result<ReceivedResponse> | undefined
    const exchange = async (headers: Readonly<Record<string, string>> = {}): Promise<Exchange> => {
      const start = performance.now()
      result = await sendOnce({ ...request, headers: { ...request.headers, ...headers } })
      const duration = performance.now() - start
      if (!result.ok) return { ...about, duration, error: result.error }
      const requestId = result.value.headers.get('x-request-id') ?? undefined
      return { ...about, duration, status: result.value.status, requestId }
    }
    const exchanged = await (hooks.trace ? hooks.trace(about, exchange) : exchange())
    hooks.exchanged?.(exchanged)
    if (!result) throw new TypeError('hooks.trace must call send before it returns')
    return result
  }

  async function sendOnce({
    method,
    url,
    headers = {},
    body,
    signal,
  }: OutgoingRequest): Promise<Result<ReceivedResponse>> {
    if (signal?.aborted)
      return fail(new ClientError('aborted', 'aborted', 'the call was aborted', { cause: signal.reason }))
    // The message of the exception for such a header contains its value, which may be a token.
    if (!Object.values(headers).every(isHeaderValue))
      return fail(
        new ClientError(
          'invalid',
          'header_invalid',
          `a header for ${withoutQuery(url)} has invalid characters`,
        ),
      )
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), timerMilliseconds(timeout))
    const abort = (): void => stop.abort()
    signal?.addEventListener('abort', abort)
    try {
      const init: RequestInit = { method, headers, redirect: 'manual', signal: stop.signal }
      if (body !== undefined) init.body = body
      const response = await unlessStopped((options.fetch ?? fetch)(url, init), stop.signal)
      // Browsers report a redirect as a response without a status.
      if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
        // Otherwise the connection would stay open for the rest, and keep the process running.
        await response.body?.cancel()
        return unreadable(
          method,
          'unexpected_redirect',
          `${withoutQuery(url)} redirects, which is not followed`,
        )
      }
      const text = await unlessStopped(readText(response, maxResponseBytes), stop.signal)
      if (text === undefined)
        return unreadable(
          method,
          'response_too_large',
          `the response of ${withoutQuery(url)} is larger than ${maxResponseBytes} bytes`,
        )
      return ok({ status: response.status, headers: response.headers, body: text })
    } catch (cause) {
      return fail(lost(method, url, cause, signal, stop.signal.aborted, timeout))
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }
}

/** RFC 9110 §5.5, without white space at the ends. */
const isHeaderValue = (value: string): boolean => /^[\t\x20-\x7E\x80-\xFF]*$/.test(value)

/** Rejects as soon as the signal is aborted, also if a `fetch` of the caller ignores the signal. */
const unlessStopped = <Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> =>
  raceSignal(work, signal, () => {
    throw signal.reason
  })

/** RFC 9110 §9.2.1: a GET request changes nothing, so repeating it does no harm. */
const mayChange = (method: OutgoingRequest['method']): boolean => method !== 'GET'

const unreadable = (method: OutgoingRequest['method'], code: string, message: string): Result<never> =>
  fail(new ClientError('invalid', code, message, { mayHaveSucceeded: mayChange(method) }))

function lost(
  method: OutgoingRequest['method'],
  url: string,
  cause: unknown,
  signal: AbortSignal | undefined,
  stopped: boolean,
  timeout: Seconds,
): ClientError {
  const target = withoutQuery(url)
  const details = { cause, mayHaveSucceeded: mayChange(method) }
  if (signal?.aborted)
    return new ClientError('aborted', 'aborted', `the request to ${target} was aborted`, details)
  return stopped
    ? new ClientError('network', 'timeout', `no response from ${target} within ${timeout} s`, details)
    : new ClientError('network', 'network_error', `no response from ${target}${reasonOf(cause)}`, details)
}

/** Returns the code of the system or of TLS, such as `ECONNREFUSED`, which Node and Bun attach to the failure. */
function reasonOf(cause: unknown): string {
  for (const one of [cause, (cause as Error | undefined)?.cause]) {
    const { code } = (one ?? {}) as { readonly code?: unknown }
    if (typeof code === 'string' && /^\w{1,60}$/.test(code)) return ` (${code})`
  }
  return ''
}

/** Returns the body; undefined if it is larger than the limit, and then the rest is not read. */
async function readText(response: Response, maxBytes: number): Promise<string | undefined> {
  const reader = response.body?.getReader()
  if (!reader) return ''
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    size += value.byteLength
    if (size > maxBytes) {
      await reader.cancel()
      return undefined
    }
    text += decoder.decode(value, { stream: true })
  }
}

const withoutQuery = (url: string): string => url.replace(/[?#].*$/s, '')
