/** The guard for Express 4 and 5: the interface of `@tessera/client/api/express`. */

import type { ApiGuard } from './guard.ts'
import {
  type AdapterOptions,
  type NodeRequest,
  type NodeResponse,
  nodeApiRequest,
  serveMetadata,
  writeHeaders,
  writeNodeResponse,
} from './node-message.ts'
import type { Requirements } from './requirements.ts'

export type { Access } from './access.ts'
export { type AdapterOptions, accessOf } from './node-message.ts'

/** The part of an Express request that the guard reads. */
export type ExpressRequest = NodeRequest & {
  /** Unlike `url`, it contains the path of the router. */
  readonly originalUrl?: string
  readonly body?: unknown
  readonly socket: object
}

type Middleware<Request> = (request: Request, response: NodeResponse, next: (error?: unknown) => void) => void

/**
 * Returns a middleware that attaches `access` to a request that meets the requirements, and otherwise refuses it.
 * Handlers read it with {@link accessOf}. Unexpected errors go to `next`.
 */
export function expressGuard<Request extends ExpressRequest>(
  guard: ApiGuard,
  requirements: Requirements = {},
  options: AdapterOptions<Request> = {},
): Middleware<Request> {
  const check = guard.requires(requirements)

  async function isAllowed(request: Request, response: NodeResponse): Promise<boolean> {
    const certificate = await options.certificate?.(request)
    const { originalUrl, body } = request
    const decision = await check(nodeApiRequest(request, certificate, originalUrl, body))
    if (!decision.ok) {
      writeNodeResponse(response, decision.response)
      return false
    }
    writeHeaders(response, decision.headers)
    Object.assign(request, { access: decision.access })
    return true
  }

  return (request, response, next) => {
    isAllowed(request, response).then(allowed => {
      if (allowed) next()
    }, next)
  }
}

/** Returns a middleware that serves the protected-resource metadata. Use it at the root of the application. */
export const expressMetadata =
  (guard: ApiGuard): Middleware<ExpressRequest> =>
  (request, response, next) => {
    const { method, originalUrl: url = request.url } = request
    if (!serveMetadata(guard, { method, url }, response)) next()
  }
