/** The socket of a test server: a Node server on loopback that records requests and injects faults. */

import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, type Server as Connections, createServer as createConnections } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { mountedOptions } from '../app/edge.ts'
import type { Tessera } from '../app/tessera.ts'
import { started } from '../http/address.ts'
import { createMounted, type Mounted } from '../http/mounted.ts'
import type { Router } from '../http/router.ts'
import type { Log } from '../runtime/ports.ts'
import type { Disturbance } from './faults.ts'
import type { Requests } from './requests.ts'

export type Edge = {
  readonly port: number
  /** Serves this server instead of the previous one. */
  readonly serve: (tessera: Tessera, log: Log) => Promise<void>
  /** Closes every connection, whatever is in progress. */
  readonly close: () => Promise<void>
}

export type EdgePorts = {
  readonly requests: Pick<Requests, 'add'>
  readonly take: (request: HttpRequest) => Disturbance
}

/** Connects a response with its request in the router. It replaces a header of this name that a client sent. */
const exchangeHeader = 'tessera-testing-exchange'

/**
 * Longer than a busy machine pauses a test, in milliseconds. By default Node closes an idle connection after 5 s, perhaps
 * while a client that was paused sends a request on it, which then fails with `ECONNRESET`.
 */
const keepAliveTimeout = 72_000

/** Resolves once it listens on both loopback addresses. @param port 0: any port that is free on both. */
export async function listenOnLoopback(port: number, ports: EdgePorts): Promise<Edge> {
  const responses = new Map<string, ServerResponse>()
  let current: Mounted | undefined
  let count = 0
  const server = createServer({ joinDuplicateHeaders: true, keepAliveTimeout }, (request, response) => {
    const exchange = String(++count)
    responses.set(exchange, response)
    response.once('close', () => responses.delete(exchange))
    request.headers[exchangeHeader] = exchange
    if (current) current.listener(request, response)
    else response.writeHead(503).end()
  })
  const besides = await listenOnBoth(server, port)
  return {
    port: (server.address() as AddressInfo).port,
    async serve(tessera, log) {
      const before = current
      const { configuration, probes } = tessera
      current = createMounted(disturbed(tessera.handle, { ...ports, responses }), {
        ...mountedOptions(configuration, { log, probes }),
        // Requests must not be refused because the test process was compiling for seconds.
        essential: () => true,
        drainMs: 0,
      })
      await before?.close()
    },
    async close() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      besides?.close()
      server.closeAllConnections()
      await closed
      await current?.close()
    },
  }
}

/** Returns a router that records each request and injects faults. */
function disturbed(
  router: Router,
  { requests, take, responses }: EdgePorts & { readonly responses: ReadonlyMap<string, ServerResponse> },
): Router {
  const handle = async ({ headers: given, ...request }: HttpRequest): Promise<HttpResponse> => {
    const { [exchangeHeader]: exchange = '', ...headers } = given
    const received: HttpRequest = { ...request, headers }
    const respond = requests.add(received)
    const { delayMs, outcome } = take(received)
    // The connection keeps the process running as long as the client waits.
    if (delayMs > 0) await setTimeout(delayMs, undefined, { ref: false })
    if (outcome === 'reset') return cut(exchange)
    const response = typeof outcome === 'object' ? outcome : await router(received)
    if (outcome === 'lose') return cut(exchange)
    respond(response.status)
    return response
  }
  const cut = (exchange: string): HttpResponse => {
    responses.get(exchange)?.socket?.resetAndDestroy()
    return { status: 500, headers: {}, body: '' }
  }
  return Object.assign(handle, {
    present: (request: HttpRequest, error: HttpResponse) => router.present?.(request, error) ?? error,
  })
}

/** A port that is free on one loopback address may be in use on the other. */
const attempts = 10

/** Listens on 127.0.0.1, and on ::1 if the machine has it: clients try either for `localhost` (RFC 6761 §6.3). */
async function listenOnBoth(server: Connections, port: number): Promise<Connections | undefined> {
  for (let left = attempts; ; left--) {
    await started(server, { host: '127.0.0.1', port })
    const besides = createConnections({ allowHalfOpen: true, noDelay: true }, socket =>
      server.emit('connection', socket),
    )
    try {
      await started(besides, { host: '::1', port: (server.address() as AddressInfo).port })
      return besides
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return undefined
      await new Promise(resolve => server.close(resolve))
      if (port !== 0 || left === 1) throw error
    }
  }
}
