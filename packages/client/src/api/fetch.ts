/** The guard for handlers with web requests: the interface of `@tessera/client/api/fetch`. */

import type { Access } from './access.ts'
import { createFetchCheck, type FetchRequest, toResponse, withHeaders } from './fetch-message.ts'
import type { ApiGuard } from './guard.ts'
import { metadataResponse } from './metadata-response.ts'
import type { AdapterOptions } from './node-message.ts'
import type { Requirements } from './requirements.ts'

export type { Access } from './access.ts'
export type { FetchRequest } from './fetch-message.ts'
export type { AdapterOptions } from './node-message.ts'

/**
 * Returns a handler that calls yours only for requests that meet the requirements, and responds to all others itself.
 * More arguments, such as the environment of a worker, are passed after the access.
 */
export function fetchGuard<Incoming extends FetchRequest = Request, Rest extends readonly unknown[] = []>(
  guard: ApiGuard,
  requirements: Requirements,
  handler: (request: Incoming, access: Access, ...rest: Rest) => Response | Promise<Response>,
  options: AdapterOptions<NoInfer<Incoming>> = {},
): (request: Incoming, ...rest: Rest) => Promise<Response> {
  const check = createFetchCheck(guard, requirements)
  return async (request, ...rest) => {
    const decision = await check(request, await options.certificate?.(request))
    if (!decision.ok) return toResponse(decision.response)
    return withHeaders(await handler(request, decision.access, ...rest), decision.headers)
  }
}

/** Returns the response to a request for the protected-resource metadata; undefined for any other request. */
export function fetchMetadata(guard: ApiGuard, { method, url }: FetchRequest): Response | undefined {
  const response = metadataResponse(guard, method, url)
  return response && toResponse(response)
}
