/** The edge for frameworks with web requests: a fetch handler (Fetch Standard). */

import type { HttpRequest, HttpResponse, Peer } from '@tessera/protocol/http'
import { mostParts } from './body.ts'
import { plainError } from './plain-error.ts'
import { createRequestIds, requestIdHeader } from './request-id.ts'
import type { Router } from './router.ts'

/** @param peer the sender, as the framework knows it. Limits by address and client certificates need it. */
export type FetchHandler = (request: Request, peer?: Peer) => Promise<Response>

type FetchOptions = {
  /** Bytes; 65536 by default. A larger body is refused with 413. */
  readonly bodyLimit?: number
}

/** Handles web requests. Paths are compared as `URL` normalizes them. */
export function createFetchHandler(router: Router, { bodyLimit = 65_536 }: FetchOptions = {}): FetchHandler {
  const nextId = createRequestIds()
  return async (request, peer = { address: '' }) => {
    const id = nextId()
    const responseOf = (response: HttpResponse): Response => webResponse(response, id)
    const { pathname, search, host } = new URL(request.url)
    const head: HttpRequest = {
      id,
      method: request.method,
      path: pathname,
      query: search.slice(1),
      headers: { host, ...Object.fromEntries(request.headers) },
      body: '',
      peer,
      async connected() {
        // The end of a connection is noticed between two ticks of the event loop.
        await new Promise(resolve => setImmediate(resolve))
        return !request.signal.aborted
      },
    }
    const refusal = router.early?.(head)
    if (refusal) return responseOf(refusal)
    const body = await readBody(request, bodyLimit)
    if (typeof body === 'number') {
      const error = plainError(body, 'invalid_request')
      return responseOf((await router.present?.(head, error)) ?? error)
    }
    // The client is gone, so the request has no effect.
    if (request.signal.aborted) return responseOf(plainError(400, 'invalid_request'))
    const answer = await router({ ...head, body })
    try {
      return responseOf(answer)
    } catch {
      // HTTP can't express it, such as a header with a line end.
      return responseOf(plainError(500, 'server_error'))
    }
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

function webResponse({ status, headers, body, bytes }: HttpResponse, id: string): Response {
  const all: HttpResponse['headers'] = { [requestIdHeader]: id, ...headers }
  const list = Object.entries(all).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[name, value]] : value.map(one => [name, one]),
  )
  // Null rather than an empty text: `Response` would call that text/plain.
  return new Response(bytes ? new Uint8Array(bytes) : body === '' ? null : body, { status, headers: list })
}
