/** The edge for people who mount Tessera in another framework: a fetch handler (WHATWG Fetch). */

import { randomUUID } from 'node:crypto'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { plainError, type Router } from './router.ts'

export type FetchHandler = (request: Request, peer?: HttpRequest['peer']) => Promise<Response>

const bodyLimit = 65_536

/** @param peer who sent it, as the framework knows; limits by address need it. */
export const createFetchHandler =
  (router: Router): FetchHandler =>
  async (request, peer = { address: '' }) => {
    const body = await readBody(request)
    if (body === undefined) return responseOf(plainError(413, 'invalid_request'))
    const { pathname, search } = new URL(request.url)
    return responseOf(
      await router({
        id: randomUUID(),
        method: request.method,
        path: pathname,
        query: search.slice(1),
        headers: Object.fromEntries(request.headers),
        body,
        peer,
      }),
    )
  }

/** Undefined when it is larger than the limit, told so or not. */
async function readBody({ body, headers }: Request): Promise<string | undefined> {
  if (Number(headers.get('content-length') ?? 0) > bodyLimit) return undefined
  if (!body) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > bodyLimit) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function responseOf({ status, headers, body }: HttpResponse): Response {
  const list = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : value.map(one => [name, one] as const),
  )
  return new Response(status === 204 ? null : body, {
    status,
    headers: list.map(([name, value]) => [name, value]),
  })
}
