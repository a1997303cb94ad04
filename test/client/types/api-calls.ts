/** Calls of the API guard that compile, with the types that each framework infers. */

import { createServer } from 'node:http'
import { type ApiGuard, peerCertificate } from '@tessera/client/api'
import { accessOf, fastifyAccess, fastifyGuard } from '@tessera/client/api/fastify'
import { fetchGuard } from '@tessera/client/api/fetch'
import { type AccessVariables, honoGuard } from '@tessera/client/api/hono'
import { nextGuard, nextMiddleware } from '@tessera/client/api/next'
import { nodeGuard } from '@tessera/client/api/node'
import fastify from 'fastify'
import { Hono } from 'hono'

/** As in Next.js, whose requests have more members than web requests. */
type NextRequest = Request & { readonly nextUrl: URL }
type Context = { readonly params: Promise<{ readonly id: string }> }
type Worker = { fetch(request: Request, env: { readonly NAME: string }): Promise<Response> }

export const compiles = (guard: ApiGuard): readonly unknown[] => [
  fetchGuard(guard, { scope: 'read' }, (request, access) => Response.json([request.url, access.subject])),
  fetchGuard(guard, {}, (request: NextRequest, access) => Response.json([request.nextUrl, access]), {
    certificate: ({ headers }) => (headers.get('x') === null ? undefined : new Uint8Array()),
  }),
  {
    fetch: fetchGuard(guard, {}, (_, access, env) => Response.json([access.client_id, env.NAME])),
  } satisfies Worker,
  nextGuard(guard, {}, async (request: NextRequest, access, { params }: Context) =>
    Response.json([request.nextUrl, access.scopes, (await params).id]),
  ),
  nextMiddleware(guard) satisfies (request: NextRequest) => Promise<Response | undefined>,
  createServer(
    nodeGuard(guard, {}, (request, response, access) => response.end(request.url + access.issuer)),
  ),
  new Hono<{ Variables: AccessVariables }>().get('/', honoGuard(guard), context =>
    context.json(context.get('access').claims),
  ),
  fastify()
    .register(fastifyAccess(guard))
    .get<{ Params: { id: string } }>('/:id', { onRequest: fastifyGuard(guard) }, async request => [
      request.params.id,
      accessOf(request).scopes,
    ]),
  fastify().get('/', { preHandler: [fastifyGuard(guard)] }, async () => ''),
  fastify().route({ method: 'GET', url: '/', onRequest: fastifyGuard(guard), handler: async () => '' }),
  fastify().addHook(
    'onRequest',
    fastifyGuard(guard, {}, { certificate: request => peerCertificate(request.raw.socket) }),
  ),
]
