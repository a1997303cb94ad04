/** Sign-in in a window of its own, while the page stays as it is. */

import {
  type CompletedAuthorization,
  type CompletionOptions,
  completeAuthorization,
} from '../authorization/complete.ts'
import { createAuthorizationRequest } from '../authorization/request.ts'
import type { Client } from '../create-client.ts'
import { ClientError } from '../error.ts'
import { fail, type Result } from '../result.ts'
import { isAuthorizationResponse, takeResponse } from './address.ts'
import { type MessageEvent, type Popup, page } from './page.ts'
import type { BrowserSignInOptions } from './redirect.ts'

export type PopupOptions = BrowserSignInOptions & {
  /** Features of the window (HTML §7.2.2.1), such as its size; the default is `popup,width=480,height=640`. */
  readonly features?: string | undefined
  /**
   * Whether the sign-in fails when the window is closed; the default is true. Set it to false if the pages of the server
   * or of the application have `Cross-Origin-Opener-Policy: same-origin`: browsers then report the window as closed.
   * Pass a `signal` in that case, since nothing else ends the wait for a user who has closed the window.
   */
  readonly detectClosing?: boolean | undefined
  /** Options of the token request, and for the validation of ID tokens. */
  readonly completion?: CompletionOptions | undefined
}

/** The part of a message that shows that it is one of this library. */
const messageType = 'tessera.authorization_response'

const channelOf = (state: string): string => `tessera.authorization.${state}`

/** Milliseconds between two checks of whether the window is closed. */
const checkEvery = 500

/**
 * Opens a window in which the user signs in; its last page, at `redirect_uri`, calls {@link completePopup} and has the
 * origin of this page. Call it from a click handler; otherwise browsers block the window.
 *
 * Fails with `policy` and the code `popup_blocked`, with `aborted` and the code `popup_closed` if the user closes the
 * window, and as {@link completeAuthorization} does.
 */
export async function signInWithPopup(
  client: Client,
  options: PopupOptions,
): Promise<Result<CompletedAuthorization>> {
  const { features = 'popup,width=480,height=640', detectClosing = true, completion, ...request } = options
  // Before anything that takes time: afterwards, it would not be the click that opens it.
  const popup = page().open('about:blank', '_blank', features)
  if (!popup)
    return fail(
      new ClientError('policy', 'popup_blocked', 'the browser has blocked the window for the sign-in'),
    )
  try {
    const created = await createAuthorizationRequest(client, request)
    if (!created.ok) return created
    const { url, pending } = created.value
    const response = receive(popup, pending.state, detectClosing, options.signal)
    popup.location.replace(url)
    const received = await response
    if (!received.ok) return received
    return await completeAuthorization(client, received.value, pending, {
      signal: options.signal,
      ...completion,
    })
  } finally {
    popup.close()
  }
}

/**
 * Hands the response in the address of this page to the page that opened the window, and closes the window. Returns
 * false if the address contains no response. Only pages of the same origin receive the response, and it is of use only
 * to the one that has the pending request.
 */
export function completePopup(): boolean {
  const response = takeResponse(isAuthorizationResponse)
  if (!response) return false
  const { BroadcastChannel, opener, location, close } = page()
  const message = { type: messageType, response: response.href }
  const channel = new BroadcastChannel(channelOf(response.state))
  channel.onmessage = () => close()
  channel.postMessage(message)
  // In a frame of another site, this page and its opener have different channels of the same name.
  opener?.postMessage(message, location.origin)
  return true
}

/** Waits for the response with this state. */
function receive(
  popup: Popup,
  state: string,
  detectClosing: boolean,
  signal: AbortSignal | undefined,
): Promise<Result<string>> {
  const { BroadcastChannel, addEventListener, removeEventListener, location } = page()
  const channel = new BroadcastChannel(channelOf(state))
  return new Promise<Result<string>>(resolve => {
    const listen = ({ data }: Pick<MessageEvent, 'data'>): void => {
      const response = responseIn(data)
      if (response === undefined) return
      channel.postMessage('received')
      end({ ok: true, value: response })
    }
    const listenToWindow = (event: MessageEvent): void => {
      if (event.origin === location.origin && event.source === popup) listen(event)
    }
    const abort = (): void => end(aborted('aborted', 'the sign-in was aborted', signal?.reason))
    let wasClosed = false
    const check = (): void => {
      // The last message of a closed window may still be on its way.
      if (popup.closed && wasClosed) end(aborted('popup_closed', 'the window for the sign-in was closed'))
      wasClosed = popup.closed
    }
    const timer = detectClosing ? setInterval(check, checkEvery) : undefined
    const end = (result: Result<string>): void => {
      clearInterval(timer)
      removeEventListener('message', listenToWindow)
      signal?.removeEventListener('abort', abort)
      channel.close()
      resolve(result)
    }
    channel.onmessage = listen
    addEventListener('message', listenToWindow)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
  })
}

function responseIn(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { type, response } = data as { readonly type?: unknown; readonly response?: unknown }
  return type === messageType && typeof response === 'string' ? response : undefined
}

const aborted = (code: string, message: string, cause?: unknown): Result<never> =>
  fail(new ClientError('aborted', code, message, { cause }))
