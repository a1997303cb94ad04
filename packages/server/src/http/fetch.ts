/** The edge for frameworks with web requests: a fetch handler (Fetch Standard). */

import type { HttpRequest, HttpResponse, Peer } from '@tessera/protocol/http'
import { settlesWithin } from '../runtime/async/promises.ts'
import { mostParts } from './body.ts'
import { createLoad, createPart } from './load.ts'
import { createPeerReader, type PeerOptions } from './peer.ts'
import { plainError, unavailable } from './plain-error.ts'
import { createRequestIds, requestIdHeader } from './request-id.ts'
import type { Router } from './router.ts'

/** @param peer the sender, as the framework knows it. Limits by address and client certificates need it. */
type FetchHandler = (request: Request, peer?: Peer) => Promise<Response>

export type FetchEdge = {
  /** Handles a web request. Paths are compared as `URL` normalizes them. */
  readonly fetch: FetchHandler
  /** Returns whether a path is served; the application may serve another one itself. */
  readonly serves: (request: Request, peer?: Peer) => boolean
  /** Replaces the proxies that are trusted. */
  readonly trust: (peers: PeerOptions) => void
  /** Waits for requests in progress (`drainMs` at most), and refuses later ones. */
  readonly close: () => Promise<void>
}

/** A trusted proxy is recognized by the `address` of the peer that the framework states. */
type FetchOptions = PeerOptions & {
  /** Bytes; 65536 by default. A larger body is refused with 413. */
  readonly bodyLimit?: number
  /** For requests in progress to finish once `close` was called; 10 s by default. */
  readonly drainMs?: number
  /** Called when a middleware has already read the body of a request. The request gets 500. */
  readonly onBodyRead?: (requestId: string, path: string) => void
}

export function createFetchEdge(router: Router, options: FetchOptions = {}): FetchEdge {
  const { bodyLimit = 65_536, drainMs = 10_000, onBodyRead = () => {} } = options
  let readPeer = createPeerReader(options)
  let closed = false
  const inProgress = createPart(createLoad())
  const nextId = createRequestIds()

  const headOf = (id: string, request: Request, { address, ...known }: Peer): HttpRequest => {
    const { pathname, search, host } = new URL(request.url)
    const headers = { host, ...Object.fromEntries(request.headers) }
    return {
      id,
      method: request.method,
      path: pathname,
      query: search.slice(1),
      peer: { ...readPeer(address, headers), ...known },
      headers,
      body: '',
      async connected() {
        // The end of a connection is detected between two ticks of the event loop.
        await new Promise(resolve => setImmediate(resolve))
        return !request.signal.aborted
      },
    }
  }

  const answer = async (request: Request, head: HttpRequest): Promise<HttpResponse> => {
    if (closed) return unavailable
    const refusal = router.early?.(head)
    if (refusal) return refusal
    if (request.bodyUsed) {
      onBodyRead(head.id, head.path)
      return plainError(500, 'server_error')
    }
    const body = await readBody(request, bodyLimit)
    if (typeof body === 'number') {
      const error = plainError(body, 'invalid_request')
      return (await router.present?.(head, error)) ?? error
    }
    // The client is gone, so the request has no effect.
    if (request.signal.aborted) return plainError(400, 'invalid_request')
    return router({ ...head, body })
  }

  return {
    async fetch(request, peer = { address: '' }) {
      const id = nextId()
      inProgress.enter()
      try {
        const response = await answer(request, headOf(id, request, peer))
        return toWeb(response, id)
      } finally {
        inProgress.leave()
      }
    },
    serves: (request, peer = { address: '' }) => router.serves?.(headOf('', request, peer)) ?? true,
    trust(peers) {
      readPeer = createPeerReader(peers)
    },
    async close() {
      await settlesWithin(drainMs, inProgress.unused())
      closed = true
    },
  }
}

/** Resolves to the body's text; to 413 if it is larger than the limit or in too many parts; to 400 if it is incomplete. */
async function readBody({ body, headers }: Request, limit: number): Promise<string | 413 | 400> {
  if (Number(headers.get('content-length') ?? 0) > limit) return 413
  if (!body) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      size += chunk.length
      if (size > limit || chunks.length === mostParts) return 413
      chunks.push(chunk)
    }
  } catch {
    return 400
  }
  return Buffer.concat(chunks, size).toString('utf8')
}

function toWeb(response: HttpResponse, id: string): Response {
  try {
    return webResponse(response, id)
  } catch {
    // HTTP can't express the response, for example because a header contains a line end.
    return webResponse(plainError(500, 'server_error'), id)
  }
}

function webResponse({ status, headers, body, bytes }: HttpResponse, id: string): Response {
  const all: HttpResponse['headers'] = { [requestIdHeader]: id, ...headers }
  const list = Object.entries(all).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[name, value]] : value.map(one => [name, one]),
  )
  // Null rather than an empty text: `Response` would call that text/plain.
  return new Response(bytes ? new Uint8Array(bytes) : body === '' ? null : body, { status, headers: list })
}
