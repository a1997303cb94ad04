/** The two edges with the same routes behind a real socket: served by node:http, and mounted by fetch in a plain Node server. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, request as send } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { Route } from '@tessera/protocol/http'
import { createFetchEdge } from '../../packages/server/src/http/fetch.ts'
import { type ListenOptions, listen } from '../../packages/server/src/http/node.ts'
import { createRouter, type Router, type RouterPorts } from '../../packages/server/src/http/router.ts'
import { securityHeaders } from '../../packages/server/src/http/security-headers.ts'
import { inTime } from './until.ts'

export type Edge = { readonly url: string; readonly close: () => Promise<void> }
export type EdgeOptions = Partial<Omit<RouterPorts, 'routes'>> & Partial<ListenOptions>

const routerOf = (routes: readonly Route[], options: EdgeOptions): Router =>
  createRouter({
    headers: securityHeaders('https://id.example'),
    isAllowedOrigin: origin => origin === 'https://app.example',
    onError: () => {},
    ...options,
    routes,
  })

export const serve = (routes: readonly Route[], options: EdgeOptions = {}): Promise<Edge> =>
  listen(routerOf(routes, options), { host: '127.0.0.1', port: 0, ...options })

export async function mount(routes: readonly Route[], options: EdgeOptions = {}): Promise<Edge> {
  const { fetch: handler } = createFetchEdge(routerOf(routes, options), options)
  const server = createServer({ joinDuplicateHeaders: true }, async (incoming, outgoing) => {
    const address = incoming.socket.remoteAddress ?? ''
    const response = await handler(webRequest(incoming), { address })
    outgoing.writeHead(response.status, [...response.headers].flat())
    outgoing.end(Buffer.from(await response.arrayBuffer()))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function webRequest(incoming: IncomingMessage): Request {
  const headers = new Headers()
  for (let at = 0; at < incoming.rawHeaders.length; at += 2)
    headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!)
  const bodyless = incoming.method === 'GET' || incoming.method === 'HEAD'
  return new Request(`http://${incoming.headers.host}${incoming.url}`, {
    method: incoming.method,
    headers,
    ...(bodyless ? {} : { body: incoming as unknown as ReadableStream, duplex: 'half' as const }),
  })
}

export type Reply = {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Sends a request with `node:http`, which does not normalize it as `fetch` would. */
export function ask(
  edge: Edge,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string | string[]>; body?: string | Buffer } = {},
): Promise<Reply> {
  const answered = new Promise<Reply>((resolve, reject) => {
    const request = send(edge.url, { method, headers, path, agent: false })
    request.once('error', reject)
    request.once('response', response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      )
    })
    request.end(body)
  })
  return inTime(`${method} ${path.slice(0, 100)} is answered`, answered)
}

/** Sends these bytes and returns everything received until the server hangs up. */
export async function sendBytes(edge: Edge, ...pieces: readonly string[]): Promise<string> {
  const socket = connect(Number(new URL(edge.url).port), '127.0.0.1')
  let received = ''
  socket.setEncoding('utf8').on('data', text => {
    received += text
  })
  // A server that hangs up while bytes are in transit resets the connection. The bytes received before that are used.
  socket.on('error', () => {})
  for (const piece of pieces) socket.write(piece)
  await inTime('the server hangs up', once(socket, 'close'), { within: 60_000 })
  return received
}
