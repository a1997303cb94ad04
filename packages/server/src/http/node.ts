/** The served edge: `node:http` turns sockets into requests; this turns them into ours, within limits, and drains (RFC 9112). */

import { createServer, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { connectionAccepted, createTurn } from '../runtime/turn.ts'
import { canShare, listenBesides, started } from './address.ts'
import { createAdmission } from './admission.ts'
import { readBody } from './body.ts'
import { type Exchange, originForm, plainRequest, presenceOf, refuseBytes, sendOr500 } from './exchange.ts'
import { createPeerReader, type PeerOptions } from './peer.ts'
import { createPipelines } from './pipeline.ts'
import { plainError, unavailable } from './plain-error.ts'
import { mayBeGone, nextRead } from './presence.ts'
import { createRequestIds } from './request-id.ts'
import type { Router } from './router.ts'
import { watchStalls } from './stall.ts'

export type ListenOptions = PeerOptions & {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Others listen on the same port, and the system spreads connections over all (`SO_REUSEPORT`). */
  readonly shared?: boolean
  /** Bytes; 65536 by default. A larger body is answered 413. */
  readonly bodyLimit?: number
  /** Bytes of the request line and all headers; 16384 by default. More are answered 431. */
  readonly headerLimit?: number
  /** For the headers of a request to arrive; 10 s by default. Then 408, so that slow senders hold nothing for long. */
  readonly headersMs?: number
  /** For a whole request to arrive; 15 s by default. */
  readonly requestMs?: number
  /** For an idle connection; 72 s by default: longer than the proxies in front, which keep theirs for 60. */
  readonly keepAliveMs?: number
  /** For requests under way to finish once `close` was called; 10 s by default. */
  readonly drainMs?: number
  /** Connections at once; 10000 by default. Idle ones make room for new ones, and others are turned away. */
  readonly mostConnections?: number
  /** Paths that are answered even under overload and after a stall: what tells an orchestrator whether the process lives. */
  readonly essential?: (path: string) => boolean
  /** An endpoint answered what HTTP can't say, such as a header with a line end; the client got 500 instead. */
  readonly onUnsendable?: (requestId: string, error: unknown) => void
  /** The event loop stood still for so long; what had waited was answered 503. */
  readonly onStall?: (milliseconds: number) => void
  /** Requests waited too long to be started and were answered 503; called once until none waits. */
  readonly onOverload?: (underWay: number) => void
}

export type Listening = {
  /** `http://HOST:PORT` with the real port. */
  readonly url: string
  /** From now on these proxies are believed. */
  readonly trust: (peers: PeerOptions) => void
  /** Stops accepting, finishes what is under way (`drainMs` at most), closes every connection. */
  readonly close: () => Promise<void>
}

export async function listen(router: Router, options: ListenOptions): Promise<Listening> {
  const { host, port, shared = false, bodyLimit = 65_536, drainMs = 10_000 } = options
  const { essential = () => false, onUnsendable = () => {}, onStall, onOverload } = options
  let readPeer = createPeerReader(options)
  let draining = false
  const nextId = createRequestIds()
  const stalls = watchStalls(onStall && { onStall })
  const admission = createAdmission(onOverload && { onOverload })
  const { inTurn } = createPipelines()
  const server = createServer(serverOptions(options))
  server.timeout = silenceMs
  server.maxConnections = options.mostConnections ?? 10_000
  // Node's documentation does not name it: without it a client that ends its side after the request gets no response.
  Object.assign(server, { httpAllowHalfOpen: true })

  const take = (raw: IncomingMessage, response: ServerResponse): void =>
    inTurn(response, raw.socket, ahead => {
      const exchange: Exchange = { id: nextId(), raw, response }
      if (essential(pathOf(raw))) read(exchange, () => {})
      else if (stalls.waited()) finish(exchange, unavailable)
      // By then it is known of many whether they still wait.
      else if (!admission.isOpen()) void nextRead().then(() => enter(exchange, ahead, true))
      else if (stalls.paused() || mayBeGone(raw.socket)) enter(exchange, ahead, false)
      else {
        admission.begin()
        read(exchange, admission.leave)
      }
    })

  /** Does nothing for a client that hung up before its request is started. `present`: unless its connection ends meanwhile, it is there. */
  const enter = (exchange: Exchange, ahead: boolean, present: boolean): void => {
    const { socket } = exchange.raw
    admission.enter({
      start() {
        if (present && !mayBeGone(socket)) read(exchange, admission.leave)
        else {
          // Finding out takes a while, in which another can be served.
          admission.leave()
          void findOut(exchange, ahead)
        }
      },
      refuse: () => finish(exchange, unavailable),
      ahead,
    })
  }

  const findOut = async (exchange: Exchange, ahead: boolean): Promise<void> => {
    const { socket } = exchange.raw
    if (await presenceOf(exchange).connected())
      admission.enter({
        start: () => read(exchange, admission.leave),
        refuse: () => finish(exchange, unavailable),
        ahead,
      })
    else socket.destroy()
  }

  /** Reads the body, unless the request is refused regardless of it. */
  const read = (exchange: Exchange, over: () => void): void => {
    const { raw, response } = exchange
    const request = plainRequest(exchange, readPeer)
    const bodyless = raw.method === 'GET' || raw.method === 'HEAD'
    const refusal = bodyless ? undefined : router.early?.(request)
    if (refusal) {
      over()
      finish(exchange, refusal)
    } else if (bodyless) answerInTurn({ exchange, request, over })
    else {
      if (raw.headers.expect) response.writeContinue()
      readBody(raw, bodyLimit, outcome => {
        if ('body' in outcome) {
          request.body = outcome.body
          answerInTurn({ exchange, request, over })
        } else {
          over()
          if ('tooLarge' in outcome) refuse(exchange, request, plainError(413, 'invalid_request'))
        }
      })
    }
  }

  const answerInTurn = createTurn(({ exchange, request, over }: Ready) => {
    const end = (response: HttpResponse): void => {
      over()
      finish(exchange, response)
    }
    if (exchange.raw.socket.destroyed) {
      over()
      return
    }
    const answer = router(request)
    if (answer instanceof Promise) answer.then(end)
    else end(answer)
  })

  const finish = (exchange: Exchange, answer: HttpResponse): void =>
    sendOr500(exchange, answer, draining || isEndless(exchange.raw, bodyLimit), onUnsendable)

  /** What the edge refuses by itself. */
  const refuse = (exchange: Exchange, request: HttpRequest, error: HttpResponse): void => {
    const told = router.present?.(request, error) ?? error
    if (told instanceof Promise) void told.then(response => finish(exchange, response))
    else finish(exchange, told)
  }

  server.on('request', take)
  // Asked for only when the body is wanted (RFC 9110 §10.1.1).
  server.on('checkContinue', take)
  server.on('clientError', (error, socket: Socket) => refuseBytes(error, socket, nextId()))
  server.on('connection', stalls.accepted)
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
    trust(peers) {
      readPeer = createPeerReader(peers)
    },
    async close() {
      draining = true
      stalls.stop()
      const force = setTimeout(() => server.closeAllConnections(), drainMs)
      besides?.close()
      await new Promise<void>(resolve => server.close(() => resolve()))
      clearTimeout(force)
      admission.close()
    },
  }
}

type Ready = { readonly exchange: Exchange; readonly request: HttpRequest; readonly over: () => void }

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
    // Else the first of two `Authorization` headers would win silently: joined, they are malformed.
    joinDuplicateHeaders: true,
  }
}

/** Milliseconds between two times that idle connections make room for new ones. */
const makeRoomMs = 1000

/** Milliseconds without a byte in either direction, for one who sends or reads too slowly. */
const silenceMs = 60_000

const pathOf = ({ url }: IncomingMessage): string => {
  const target = originForm(url)
  const mark = target.indexOf('?')
  return mark < 0 ? target : target.slice(0, mark)
}

/** Returns whether the rest of a body is too long to read and discard, which would keep the connection usable. */
const isEndless = (raw: IncomingMessage, bodyLimit: number): boolean =>
  !raw.complete &&
  !(Number(raw.headers['content-length'] ?? (raw.headers['transfer-encoding'] ? NaN : 0)) <= bodyLimit * 16)
