/**
 * Converts the requests of a Node server into ours, within limits, and sends the responses (RFC 9112). Does not listen
 * on a port itself.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { batchPerTick } from '../runtime/async/batch-per-tick.ts'
import { createAdmission } from './admission.ts'
import { limitParts, readBody } from './body.ts'
import {
  type Exchange,
  malformedStatus,
  pathOf,
  plainRequest,
  presenceOf,
  refuseBytes,
  sendOr500,
  tooManyParts,
} from './exchange.ts'
import { createLoad, createPart } from './load.ts'
import { createPeerReader, type PeerOptions } from './peer.ts'
import { createPipelines } from './pipeline.ts'
import { plainError, unavailable } from './plain-error.ts'
import { mayBeGone, nextRead } from './presence.ts'
import { createRequestIds } from './request-id.ts'
import type { Router } from './router.ts'
import { watchStalls } from './stall.ts'

export type ListenerOptions = PeerOptions & {
  /** Bytes; 65536 by default. A larger body is refused with 413. */
  readonly bodyLimit?: number
  /** Paths that are served even during overload and after a stall, for liveness checks of an orchestrator. */
  readonly essential?: (path: string) => boolean
  /**
   * Called when an endpoint returned a response that HTTP can't express, such as one with a line end in a header. The
   * client gets 500.
   */
  readonly onUnsendable?: (requestId: string, error: unknown) => void
  /** Called with the duration when the event loop was blocked. Requests that waited are refused with 503. */
  readonly onStall?: (milliseconds: number) => void
  /**
   * Called when requests are refused with 503 because they waited too long; not called again until no request waits.
   */
  readonly onOverload?: (underWay: number) => void
  /** Called when a middleware has already read the body of a request. The request gets 500. */
  readonly onBodyRead?: (requestId: string, path: string) => void
  /** The server belongs to an application, which manages its own connections. */
  readonly embedded?: boolean
}

export type Listener = {
  readonly handle: (raw: IncomingMessage, response: ServerResponse) => void
  /** Responds to bytes that are not a request. */
  readonly refuse: (error: Error, socket: Socket) => void
  /** Records that a connection was accepted. */
  readonly accepted: () => void
  readonly readPeer: ReturnType<typeof createPeerReader>
  /** Replaces the proxies that are trusted. */
  readonly trust: (peers: PeerOptions) => void
  /** Makes each further response close its connection. */
  readonly drain: () => void
  /** Resolves when no request is in progress. */
  readonly idle: () => Promise<void>
  /** Refuses requests that wait or arrive later. */
  readonly close: () => void
}

type Ready = { readonly exchange: Exchange; readonly request: HttpRequest; readonly over: () => void }

export function createListener(router: Router, options: ListenerOptions): Listener {
  const { bodyLimit = 65_536, embedded = false, essential = () => false } = options
  const { onUnsendable = () => {}, onBodyRead = () => {}, onStall, onOverload } = options
  let readPeer = createPeerReader(options)
  let draining = false
  let closed = false
  const inProgress = createPart(createLoad())
  const nextId = createRequestIds()
  const stalls = watchStalls({ onStall })
  const admission = createAdmission({ onOverload })
  const { inOrder, isOver } = createPipelines()

  const take = (raw: IncomingMessage, response: ServerResponse, ahead: boolean): void => {
    const exchange: Exchange = { id: nextId(), raw, response, embedded }
    inProgress.enter()
    if (closed) finish(exchange, unavailable)
    else if (essential(pathOf(raw))) read(exchange, () => {})
    else if (stalls.waited()) finish(exchange, unavailable)
    // For many clients, the next read shows whether they are still connected.
    else if (!admission.isOpen()) void nextRead().then(() => enter(exchange, ahead, true))
    else if (stalls.paused() || mayBeGone(raw.socket)) enter(exchange, ahead, false)
    else if (stalls.hesitated()) void nextRead().then(() => enter(exchange, ahead, true))
    else {
      admission.begin()
      read(exchange, admission.leave)
    }
  }

  /** Drops a request whose client hung up before it started. `present`: the client is connected unless the connection ends meanwhile. */
  const enter = (exchange: Exchange, ahead: boolean, present: boolean): void => {
    const { socket } = exchange.raw
    admission.enter({
      start() {
        if (present && !mayBeGone(socket)) read(exchange, admission.leave)
        else {
          // The check takes a while, so another request can be served meanwhile.
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
    else {
      socket.destroy()
      inProgress.leave()
    }
  }

  /** Reads the body, unless the request is refused regardless of it. */
  const read = (exchange: Exchange, over: () => void): void => {
    const { raw, response } = exchange
    const malformed = malformedStatus(exchange)
    if (malformed) {
      over()
      finish(exchange, plainError(malformed, 'invalid_request'))
      return
    }
    const request = plainRequest(exchange, readPeer)
    const bodyless = raw.method === 'GET' || raw.method === 'HEAD'
    const refusal = bodyless ? undefined : router.early?.(request)
    if (refusal) {
      over()
      finish(exchange, refusal)
    } else if (bodyless) answer({ exchange, request, over })
    else {
      // An application's server has sent it already.
      if (raw.headers.expect && !embedded) response.writeContinue()
      readBody(raw, bodyLimit, outcome => {
        if ('body' in outcome) {
          request.body = outcome.body
          answer({ exchange, request, over })
          return
        }
        over()
        if ('tooLarge' in outcome) refuse(exchange, request, plainError(413, 'invalid_request'))
        else if ('alreadyRead' in outcome) {
          onBodyRead(exchange.id, request.path)
          finish(exchange, plainError(500, 'server_error'))
        } else inProgress.leave()
      })
    }
  }

  const answer = batchPerTick(({ exchange, request, over }: Ready) => {
    if (exchange.raw.socket.destroyed) {
      over()
      inProgress.leave()
      return
    }
    const end = (response: HttpResponse): void => {
      over()
      finish(exchange, response)
    }
    const response = router(request)
    if (response instanceof Promise) response.then(end)
    else end(response)
  })

  const finish = (exchange: Exchange, response: HttpResponse): void => {
    sendOr500(exchange, response, draining || isEndless(exchange.raw, bodyLimit), onUnsendable)
    inProgress.leave()
  }

  /** Sends an error of the edge itself. */
  const refuse = (exchange: Exchange, request: HttpRequest, error: HttpResponse): void => {
    const response = router.present?.(request, error) ?? error
    if (response instanceof Promise) void response.then(shown => finish(exchange, shown))
    else finish(exchange, response)
  }

  /** Stops reading the connection immediately, because parsing tiny chunks is the expensive part. */
  const refuseParts = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    if (response.headersSent || response.socket === null) socket.destroy()
    else {
      refuseBytes(Object.assign(new Error('too many parts'), { code: tooManyParts }), socket, nextId())
      socket.pause()
    }
  }

  return {
    handle(raw, response) {
      if (isOver(raw.socket)) return
      if (raw.headers['transfer-encoding'] && !embedded) limitParts(raw, () => refuseParts(raw, response))
      inOrder(response, raw.socket, ahead => take(raw, response, ahead))
    },
    refuse: (error, socket) => refuseBytes(error, socket, nextId()),
    accepted: stalls.accepted,
    readPeer: (address, headers) => readPeer(address, headers),
    trust(peers) {
      readPeer = createPeerReader(peers)
    },
    drain() {
      draining = true
      stalls.stop()
    },
    idle: inProgress.unused,
    close() {
      closed = true
      admission.close()
    },
  }
}

/** Returns whether the rest of a body is too long to read and discard, which would keep the connection usable. */
const isEndless = (raw: IncomingMessage, bodyLimit: number): boolean =>
  !raw.complete &&
  !(Number(raw.headers['content-length'] ?? (raw.headers['transfer-encoding'] ? NaN : 0)) <= bodyLimit * 16)
