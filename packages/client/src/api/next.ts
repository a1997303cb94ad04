/** The guard for route handlers and middleware of Next.js: the interface of `@tessera/client/api/next`. */

import type { Access } from './access.ts'
import { createFetchCheck, type FetchRequest, toResponse, withHeaders } from './fetch-message.ts'
import type { ApiGuard } from './guard.ts'
import { metadataResponse } from './metadata-response.ts'
import type { AdapterOptions } from './node-message.ts'
import type { Requirements } from './requirements.ts'

export type { Access } from './access.ts'
export type { AdapterOptions } from './node-message.ts'

/**
 * Returns a route handler that calls yours only for requests that meet the requirements, and responds to all others
 * itself. Your handler gets the access, then the context of Next.js with its `params`.
 */
export function nextGuard<Incoming extends FetchRequest = Request, Context = unknown>(
  guard: ApiGuard,
  requirements: Requirements,
  handler: (request: Incoming, access: Access, context: Context) => Response | Promise<Response>,
  options: AdapterOptions<NoInfer<Incoming>> = {},
): (request: Incoming, context: Context) => Promise<Response> {
  const check = createFetchCheck(guard, requirements)
  return async (request, context) => {
    const decision = await check(request, await options.certificate?.(request))
    if (!decision.ok) return toResponse(decision.response)
    return withHeaders(await handler(request, decision.access, context), decision.headers)
  }
}

/**
 * Returns a middleware that lets a request through if it meets the requirements, and otherwise refuses it. Guard the
 * route handlers as well: a matcher that misses a path leaves it open.
 */
export function nextMiddleware<Incoming extends FetchRequest = Request>(
  guard: ApiGuard,
  requirements: Requirements = {},
  options: AdapterOptions<Incoming> = {},
): (request: Incoming) => Promise<Response | undefined> {
  const check = createFetchCheck(guard, requirements)
  return async request => {
    const decision = await check(request, await options.certificate?.(request))
    return decision.ok ? undefined : toResponse(decision.response)
  }
}

/** Returns the `GET` and `OPTIONS` handler of `app/.well-known/oauth-protected-resource/…/route.ts`: the protected-resource metadata. */
export const nextMetadata =
  (guard: ApiGuard) =>
  async ({ method, url }: FetchRequest): Promise<Response> => {
    const response = metadataResponse(guard, method, url)
    return response ? toResponse(response) : new Response(null, { status: 404 })
  }
