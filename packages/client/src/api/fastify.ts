/** The guard for Fastify: the interface of `@tessera/client/api/fastify`. */

import type { ApiGuard } from './guard.ts'
import { metadataResponse } from './metadata-response.ts'
import { type AdapterOptions, type NodeRequest, nodeApiRequest } from './node-message.ts'
import type { ApiResponse } from './request.ts'
import type { Requirements } from './requirements.ts'

export type { Access } from './access.ts'
export { type AdapterOptions, accessOf } from './node-message.ts'

/** The part of a Fastify request that the guard reads. */
export type FastifyRequest = {
  readonly raw: NodeRequest & { readonly socket: object }
  readonly originalUrl?: string
  readonly body?: unknown
}

/** The part of a Fastify reply that the guard writes. */
export type FastifyReply = {
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
  send(body?: string): unknown
}

/** The part of a Fastify instance that the plugin uses. */
export type FastifyInstance = {
  decorateRequest(name: string, value: null): unknown
  get(path: string, handler: FastifyHandler): unknown
  options(path: string, handler: FastifyHandler): unknown
}

type FastifyHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/**
 * Returns a hook that attaches `access` to a request that meets the requirements, and otherwise refuses it. Use it as
 * `onRequest` of a route or an instance. Handlers read the access with {@link accessOf}. As `preHandler` it also
 * refuses tokens in forms, since Fastify has parsed the body by then.
 */
export function fastifyGuard<Request extends FastifyRequest = FastifyRequest>(
  guard: ApiGuard,
  requirements: Requirements = {},
  options: AdapterOptions<Request> = {},
  // Fastify's overloads would infer `never` from the type of a route's hooks.
): (request: NoInfer<Request>, reply: FastifyReply) => Promise<unknown> {
  const check = guard.requires(requirements)
  return async (request, reply) => {
    const { raw, originalUrl, body } = request
    // A hook of the instance also runs before the route of the metadata, which needs no token (RFC 9728 §3).
    const served = metadataResponse(guard, raw.method ?? 'GET', originalUrl ?? raw.url ?? '')
    if (served) return sendReply(reply, served)
    const certificate = await options.certificate?.(request)
    const decision = await check(nodeApiRequest(raw, certificate, originalUrl, body))
    if (!decision.ok) return sendReply(reply, decision.response)
    reply.headers({ ...decision.headers })
    Object.assign(request, { access: decision.access })
    return undefined
  }
}

/**
 * Returns a plugin that serves the protected-resource metadata, and declares `access` as a property of requests, so that
 * they keep their shape.
 */
export function fastifyAccess(guard: ApiGuard): (instance: FastifyInstance) => Promise<void> {
  const plugin = async (instance: FastifyInstance): Promise<void> => {
    instance.decorateRequest('access', null)
    const { metadata } = guard
    if (!metadata) return
    const path = metadata.path.replace(/\?.*$/s, '')
    const serve: FastifyHandler = async ({ raw }, reply) =>
      sendReply(reply, metadataResponse(guard, raw.method ?? 'GET', raw.url ?? '') ?? notFound)
    instance.get(path, serve)
    instance.options(path, serve)
  }
  // Fastify's mark of a plugin that applies to the instance itself, not to a child of it.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}

const notFound: ApiResponse = { status: 404, headers: {}, body: '' }

/** Returns the reply, which tells Fastify that it was sent. */
function sendReply(reply: FastifyReply, { status, headers, body }: ApiResponse): FastifyReply {
  reply.code(status)
  reply.headers({ ...headers })
  reply.send(body === '' ? undefined : body)
  return reply
}
