/** The served edge: a `node:http` server with limits of its own, which drains when it is closed (RFC 9112). */

import { createServer, type ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import { connectionAccepted } from '../runtime/async/batch-per-tick.ts'
import { canShare, listenBesides, started } from './address.ts'
import { createListener, type Listener, type ListenerOptions } from './listener.ts'
import type { Router } from './router.ts'

export type ListenOptions = Omit<ListenerOptions, 'embedded'> & {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Others listen on the same port, and the system spreads connections over all (`SO_REUSEPORT`). */
  readonly shared?: boolean
  /** Bytes of the request line and all headers; 16384 by default. A larger request is refused with 431. */
  readonly headerLimit?: number
  /** For the headers of a request to arrive; 10 s by default. Then 408, so that slow senders hold nothing for long. */
  readonly headersMs?: number
  /** For a whole request to arrive; 15 s by default. */
  readonly requestMs?: number
  /** For an idle connection; 72 s by default: longer than the proxies in front, which keep theirs for 60. */
  readonly keepAliveMs?: number
  /** For requests in progress to finish once `close` was called; 10 s by default. */
  readonly drainMs?: number
  /** Connections at once; 10000 by default. Idle ones make room for new ones, and others are turned away. */
  readonly mostConnections?: number
}

type Listening = {
  /** `http://HOST:PORT` with the real port. */
  readonly url: string
  /** Replaces the proxies that are trusted. */
  readonly trust: Listener['trust']
  /** Stops accepting, finishes what is in progress (`drainMs` at most), closes every connection. */
  readonly close: () => Promise<void>
}

/** Resolves once the server listens. Rejects if the address can't be listened on. */
export async function listen(router: Router, options: ListenOptions): Promise<Listening> {
  const { host, port, shared = false, drainMs = 10_000, mostConnections = 10_000 } = options
  const listener = createListener(router, options)
  const server = createServer(serverOptions(options))
  server.timeout = silenceMs
  server.maxConnections = mostConnections
  // Node's documentation does not name it: without it a client that ends its side after the request gets no response.
  Object.assign(server, { httpAllowHalfOpen: true })

  server.on('request', listener.handle)
  // `100 Continue` is sent only when the body is needed (RFC 9110 §10.1.1).
  server.on('checkContinue', listener.handle)
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
  // RFC 6761 §6.3: the name has both loopback addresses, and clients try either first.
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
    // Otherwise the first of two `Authorization` headers would win silently: joined, they are malformed.
    joinDuplicateHeaders: true,
  }
}

/** Milliseconds between two times that idle connections make room for new ones. */
const makeRoomMs = 1000

/** Milliseconds without a byte in either direction, for a client that sends or reads too slowly. */
const silenceMs = 60_000
