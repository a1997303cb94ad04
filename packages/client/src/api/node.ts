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

/**
 * Returns a request listener that calls the handler only for requests that meet the requirements, and responds to all
 * others itself. It rejects if the handler fails.
 */
export function nodeGuard<Request extends NodeRequest, Response extends NodeResponse>(
  guard: ApiGuard,
  requirements: Requirements,
  handler: (request: Request, response: Response, access: Access) => unknown,
  options: AdapterOptions<NoInfer<Request>> = {},
): (request: Request, response: Response) => Promise<void> {
  const check = guard.requires(requirements)
  return async (request, response) => {
    const decision = await check(nodeApiRequest(request, await options.certificate?.(request)))
    if (!decision.ok) return writeNodeResponse(response, decision.response)
    writeHeaders(response, decision.headers)
    await handler(request, response, decision.access)
  }
}

/** Responds to a request for the protected-resource metadata. Returns false for any other request. */
export const nodeMetadata = (guard: ApiGuard, request: NodeRequest, response: NodeResponse): boolean =>
  serveMetadata(guard, request, response)
