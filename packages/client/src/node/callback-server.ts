/** The server on a loopback address that receives one authorization response (RFC 8252 §7.3, §8.3). */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { unverifiedState } from '../authorization/response-jwt.ts'
import { ClientError } from '../error.ts'
import { fail, ok, type Result } from '../result.ts'
import { type CallbackPage, type CallbackTexts, callbackPage, notFound } from './callback-page.ts'

type Callback = {
  readonly parameters: URLSearchParams
  /** Shows the browser how the sign-in ended. */
  readonly respond: (success: boolean) => Promise<void>
}

export type CallbackServer = {
  readonly redirect_uri: string
  /** Waits for the response with this state. Requests without it are refused and change nothing. */
  readonly callback: (state: string, signal: AbortSignal) => Promise<Result<Callback>>
  readonly close: () => void
}

export type CallbackServerOptions = {
  readonly host: '127.0.0.1' | '[::1]'
  readonly port: number
  readonly path: string
  readonly page: CallbackTexts
}

type Handler = (request: IncomingMessage, response: ServerResponse) => boolean

/** Listens. Fails with `unsupported` if the port can't be used. */
export async function listenForCallback({
  host,
  port,
  path,
  page,
}: CallbackServerOptions): Promise<Result<CallbackServer>> {
  let handle: Handler = () => false
  const server = createServer((request, response) => {
    if (!handle(request, response)) void send(response, 404, notFound())
  })
  try {
    server.listen(port, host === '[::1]' ? '::1' : host)
    await once(server, 'listening')
  } catch (cause) {
    return fail(
      new ClientError('unsupported', 'loopback_unavailable', `can't listen on ${host}:${port}`, { cause }),
    )
  }
  const authority = `${host}:${(server.address() as AddressInfo).port}`

  return ok({
    redirect_uri: `http://${authority}${path}`,
    callback: (state, signal) =>
      new Promise(resolve => {
        const end = (result: Result<Callback>): void => {
          handle = () => false
          signal.removeEventListener('abort', abort)
          resolve(result)
        }
        const abort = (): void =>
          end(
            fail(new ClientError('aborted', 'aborted', 'the sign-in was aborted', { cause: signal.reason })),
          )
        handle = (request, response) => {
          const parameters = parametersOf(request, authority, path)
          if (!parameters || unverifiedState(parameters) !== state) return false
          end(
            ok({
              parameters,
              respond: success => send(response, success ? 200 : 400, callbackPage(success, page)),
            }),
          )
          return true
        }
        signal.addEventListener('abort', abort)
        if (signal.aborted) abort()
      }),
    close() {
      server.close()
      server.closeAllConnections()
    },
  })
}

/** Returns the query of a request to the redirection URI. Its `Host` is checked against DNS rebinding. */
function parametersOf(
  { method, url = '', headers }: IncomingMessage,
  authority: string,
  path: string,
): URLSearchParams | undefined {
  if (method !== 'GET' || headers.host !== authority) return undefined
  const [pathname, query] = url.split(/\?(.*)/s)
  return pathname === path ? new URLSearchParams(query) : undefined
}

/** Resolves when the page is sent or the browser has left. */
async function send(
  response: ServerResponse,
  status: number,
  { headers, body }: CallbackPage,
): Promise<void> {
  if (response.destroyed) return
  const closed = new Promise(resolve => response.once('close', resolve))
  response.writeHead(status, headers).end(body)
  await closed
}
