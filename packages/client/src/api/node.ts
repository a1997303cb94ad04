/** The guard for `node:http` and everything built on it: the interface of `@tessera/client/api/node`. */

import type { Access } from './access.ts'
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

export type { AdapterOptions, NodeRequest, NodeResponse } from './node-message.ts'

export type NodeOptions<Request> = AdapterOptions<Request> & {
  /**
   * Called with an error of the handler, of a check or of a hook, once the request got 500 if nothing was sent before.
   * Without it, the promise of the listener rejects, which ends a process that does not handle the rejection.
   */
  readonly failed?: ((error: unknown, request: Request) => void) | undefined
}

/**
 * Returns a request listener that calls the handler only for requests that meet the requirements, and responds to all
 * others itself. It rejects if the handler fails, unless there is `failed`.
 */
export function nodeGuard<Request extends NodeRequest, Response extends NodeResponse>(
  guard: ApiGuard,
  requirements: Requirements,
  handler: (request: Request, response: Response, access: Access) => unknown,
  options: NodeOptions<NoInfer<Request>> = {},
): (request: Request, response: Response) => Promise<void> {
  const check = guard.requires(requirements)

  async function respond(request: Request, response: Response): Promise<void> {
    const decision = await check(nodeApiRequest(request, await options.certificate?.(request)))
    if (!decision.ok) return writeNodeResponse(response, decision.response)
    writeHeaders(response, decision.headers)
    await handler(request, response, decision.access)
  }

  return async (request, response) => {
    try {
      await respond(request, response)
    } catch (error) {
      if (!options.failed) throw error
      if (!response.headersSent) response.statusCode = 500
      response.end()
      options.failed(error, request)
    }
  }
}

/** Responds to a request for the protected-resource metadata. Returns false for any other request. */
export const nodeMetadata = (guard: ApiGuard, request: NodeRequest, response: NodeResponse): boolean =>
  serveMetadata(guard, request, response)
