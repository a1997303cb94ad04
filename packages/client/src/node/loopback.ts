/** Sign-in of native applications through the system's browser and a loopback redirect (RFC 8252 §7.3). */

import type { Seconds } from '@tessera/protocol/brand'
import {
  type CompletedAuthorization,
  type CompletionOptions,
  completeAuthorization,
} from '../authorization/complete.ts'
import { type AuthorizationOptions, createAuthorizationRequest } from '../authorization/request.ts'
import type { Client } from '../create-client.ts'
import { ClientError } from '../error.ts'
import { fail, type Result } from '../result.ts'
import { timerMilliseconds } from '../sleep.ts'
import type { CallbackTexts } from './callback-page.ts'
import { listenForCallback } from './callback-server.ts'
import { openSystemBrowser } from './system-browser.ts'

export type LoopbackOptions = Omit<
  AuthorizationOptions,
  'redirect_uri' | 'response_type' | 'response_mode'
> & {
  /** `jwt` asks for a response in a signed JWT (JARM), which must not be encrypted. */
  readonly response_mode?: 'query' | 'jwt' | undefined
  /** The path of the redirection URI; the default is `/callback`. Register it as `http://127.0.0.1/callback`. */
  readonly path?: string | undefined
  /** The address to listen on; the default is `127.0.0.1`. */
  readonly host?: '127.0.0.1' | '[::1]' | undefined
  /** The default is any free port, which the server has to allow (RFC 8252 §7.3). */
  readonly port?: number | undefined
  /** Seconds until the sign-in fails; the default is 300. */
  readonly timeout?: Seconds | undefined
  /** Opens the URL in a browser; the default is the system's. If it throws, the sign-in fails. */
  readonly open?: ((url: string) => void | Promise<void>) | undefined
  /** Texts of the page that the browser shows at the end. */
  readonly page?: CallbackTexts | undefined
  /** Options of the token request, and for the validation of ID tokens. */
  readonly completion?: CompletionOptions | undefined
}

/**
 * Opens the system's browser, waits for the user to sign in and returns the tokens. Only the response with the `state`
 * of this sign-in ends the wait; other requests to the port are refused.
 *
 * Fails with `aborted` and the code `timeout` after the time-out, with `unsupported` and the code `browser_not_opened`
 * or `loopback_unavailable` if the browser or the port can't be opened, and as {@link completeAuthorization} does.
 */
export async function signInWithLoopback(
  client: Client,
  options: LoopbackOptions = {},
): Promise<Result<CompletedAuthorization>> {
  const { path = '/callback', host = '127.0.0.1', port = 0, timeout = 300, ...others } = options
  const { open = openSystemBrowser, page = {}, completion, ...request } = others
  if (!path.startsWith('/') || /[?#]/.test(path))
    throw new TypeError('path must start with / and have no query')
  const deadline = AbortSignal.timeout(timerMilliseconds(timeout))
  const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline
  const listening = await listenForCallback({ host, port, path, page })
  if (!listening.ok) return listening
  const server = listening.value
  try {
    const created = await createAuthorizationRequest(client, {
      ...request,
      redirect_uri: server.redirect_uri,
      signal,
    })
    if (!created.ok) return created
    const { url, pending } = created.value
    const callback = server.callback(pending.state, signal)
    const received = await Promise.race([callback, failureToOpen(open, url)])
    if (!received.ok) return deadline.aborted ? fail(timedOut(timeout)) : received
    const { parameters, respond } = received.value
    const completed = await completeAuthorization(client, parameters, pending, { signal, ...completion })
    await respond(completed.ok)
    return completed
  } finally {
    server.close()
  }
}

const timedOut = (timeout: Seconds): ClientError =>
  new ClientError('aborted', 'timeout', `nobody signed in within ${timeout} s`)

/** Calls `open`. Resolves only if it fails: it may take as long as the browser shows the page. */
async function failureToOpen(
  open: (url: string) => void | Promise<void>,
  url: string,
): Promise<Result<never>> {
  try {
    await open(url)
  } catch (cause) {
    const message = 'the browser could not be opened; pass a function `open` that shows the URL to the user'
    return fail(new ClientError('unsupported', 'browser_not_opened', message, { cause }))
  }
  return new Promise(() => {})
}
