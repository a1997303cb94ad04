/** Web requests and responses (Fetch Standard). */

import type { ApiGuard, Decision } from './guard.ts'
import type { ApiResponse } from './request.ts'
import type { Requirements } from './requirements.ts'

/** The part of a web `Request` that the guard reads. Its body is left alone. */
export type FetchRequest = {
  readonly method: string
  readonly url: string
  readonly headers: { get(name: string): string | null }
}

/** Returns the check of web requests for a route. */
export function createFetchCheck(
  guard: ApiGuard,
  requirements: Requirements,
): (request: FetchRequest, certificate: Uint8Array | undefined) => Promise<Decision> {
  const check = guard.requires(requirements)
  return async ({ method, url, headers }, certificate) => {
    // Repeated headers are joined by commas, which no token contains.
    const header = (name: string): readonly string[] => [headers.get(name) ?? []].flat()
    return check({ method, url, header, certificate })
  }
}

export const toResponse = ({ status, headers, body }: ApiResponse): Response =>
  new Response(body === '' ? null : body, { status, headers })

/** Adds headers to a response, which may be one that can't be changed. */
export function withHeaders(response: Response, headers: ApiResponse['headers']): Response {
  if (Object.keys(headers).length === 0) return response
  const changed = new Response(response.body, response)
  for (const [name, value] of Object.entries(headers)) changed.headers.set(name, value)
  return changed
}
