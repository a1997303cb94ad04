/** The served edge: a `node:http` server with its own limits, which drains when it is closed (RFC 9112). */

import type { ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import { connectionAccepted } from '../runtime/async/batch-per-tick.ts'
import { canShare, listenBesides, started } from './address.ts'
import { createListener, type Listener, type ListenerOptions } from './listener.ts'
import { createServer } from './node-http.ts'
import type { Router } from './router.ts'

export type ListenOptions = Omit<ListenerOptions, 'embedded'> & {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Whether several processes listen on this port. The system distributes connections among them (`SO_REUSEPORT`). */
  readonly shared?: boolean
  /** Bytes of the request line and all headers; 16384 by default. A larger request is refused with 431. */
  readonly headerLimit?: number
  /** Milliseconds in which all headers of a request must arrive; 10,000 by default. A slower request gets 408. */
  readonly headersMs?: number
  /** Milliseconds in which a complete request must arrive; 15,000 by default. */
  readonly requestMs?: number
  /**
   * Milliseconds that an idle connection is kept; 72,000 by default, which is longer than the usual 60 s of proxies.
   */
  readonly keepAliveMs?: number
  /** Milliseconds that requests in progress may take after `close` is called; 10,000 by default. */
  readonly drainMs?: number
  /**
   * Maximum number of connections; 10,000 by default. Beyond it, idle connections are closed to admit new ones; without
   * idle ones, new connections are rejected.
   */
  readonly mostConnections?: number
}

type Listening = {
  /** `http://HOST:PORT` with the real port. */
  readonly url: string
  /** Replaces the proxies that are trusted. */
  readonly trust: Listener['trust']
  /** Stops accepting connections, waits for requests in progress (at most `drainMs`), and closes every connection. */
  readonly close: () => Promise<void>
}

/** Resolves once the server listens. Rejects if the address can't be listened on. */
export async function listen(router: Router, options: ListenOptions): Promise<Listening> {
  const { host, port, shared = false, drainMs = 10_000, mostConnections = 10_000 } = options
  const listener = createListener(router, options)
  const server = createServer(serverOptions(options))
  server.timeout = silenceMs
  server.maxConnections = mostConnections
  // Not in Node's documentation. Without it, a client that closes its side of the connection after the request gets no
  // response.
  Object.assign(server, { httpAllowHalfOpen: true })

  server.on('request', listener.handle)
  // `100 Continue` is sent only when the body is needed (RFC 9110 §10.1.1).
  server.on('checkContinue', listener.handle)
  // Node itself would respond without the headers of our errors.
  server.on('checkExpectation', listener.handle)
  server.on('clientError', (error, socket: Socket) => listener.refuse(error, socket))
  server.on('connection', listener.accepted)
  server.on('connection', connectionAccepted)
  let roomMadeAt = Number.NEGATIVE_INFINITY
  server.on('drop', () => {
    if (performance.now() - roomMadeAt < makeRoomMs) return
    roomMadeAt = performance.now()
    server.closeIdleConnections()
  })

  const sharing = { ...(shared && canShare && { reusePort: true as const }) }
  // RFC 6761 §6.3: `localhost` has two loopback addresses, and clients differ in which one they try first.
  const isLocalhost = host === 'localhost'
  await started(server, { host: isLocalhost ? '127.0.0.1' : host, port, ...sharing })
  const bound = server.address()
  const actualPort = typeof bound === 'object' && bound ? bound.port : port
  const besides = isLocalhost
    ? await listenBesides(server, { host: '::1', port: actualPort, ...sharing })
    : undefined
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    trust: listener.trust,
    async close() {
      listener.drain()
      const force = setTimeout(() => server.closeAllConnections(), drainMs)
      besides?.close()
      await new Promise<void>(resolve => server.close(() => resolve()))
      clearTimeout(force)
      listener.close()
    },
  }
}

function serverOptions({
  headerLimit = 16_384,
  headersMs = 10_000,
  requestMs = 15_000,
  keepAliveMs = 72_000,
}: ListenOptions): ServerOptions {
  return {
    maxHeaderSize: headerLimit,
    headersTimeout: headersMs,
    requestTimeout: Math.max(headersMs, requestMs),
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: Math.min(headersMs, 5_000),
    // Join repeated `Authorization` headers, which makes the value malformed. Otherwise the first one would be used
    // silently.
    joinDuplicateHeaders: true,
    // The listener refuses such requests, with the headers of our errors.
    requireHostHeader: false,
  }
}

/** Minimum milliseconds between two rounds of closing idle connections to admit new ones. */
const makeRoomMs = 1000

/** Milliseconds without a byte in either direction, for a client that sends or reads too slowly. */
const silenceMs = 60_000
