/** A receiver of webhooks on loopback, with responses that a test can set. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getTestContext } from 'node:test'

export type Delivery = {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly event: any
}

export type Receiver = {
  readonly url: string
  readonly deliveries: readonly Delivery[]
  /** Sets the response; 204 by default. */
  answer: (response: ServerResponse, request: IncomingMessage) => void
}

/** The receiver stops when the test ends. */
export async function startReceiver(path = '/hook'): Promise<Receiver> {
  const deliveries: Delivery[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const headers = request.headers as Readonly<Record<string, string>>
    deliveries.push({ headers, body, event: body === '' ? undefined : JSON.parse(body) })
    receiver.answer(response, request)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    deliveries,
    answer: response => void response.writeHead(204).end(),
  }
  const context = getTestContext()
  if (!context || !('after' in context)) throw new Error('a receiver belongs to a test')
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return receiver
}

export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Receiver['answer'] =>
  response =>
    void response.writeHead(code, headers).end()
