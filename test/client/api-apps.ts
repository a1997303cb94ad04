/** One API in each framework that the guard has an adapter for, listening on loopback. */

import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  request as send,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'
import { getRequestListener } from '@hono/node-server'
import { type Access, type ApiGuard, forwardedCertificate, type Requirements } from '@tessera/client/api'
import { accessOf, expressGuard, expressMetadata } from '@tessera/client/api/express'
import { fastifyAccess, accessOf as fastifyAccessOf, fastifyGuard } from '@tessera/client/api/fastify'
import { fetchGuard, fetchMetadata } from '@tessera/client/api/fetch'
import { type AccessVariables, honoGuard, honoMetadata } from '@tessera/client/api/hono'
import { nextGuard, nextMetadata, nextMiddleware } from '@tessera/client/api/next'
import { nodeGuard, nodeMetadata } from '@tessera/client/api/node'
import express from 'express'
import express4 from 'express-4'
import fastify from 'fastify'
import { Hono } from 'hono'

/** Requirements of each route, which each application serves by GET. */
export const routes = {
  '/orders': { scope: 'read' },
  '/admin': { scope: 'admin' },
  '/broken': {
    check: () => {
      throw new Error('the database is unreachable')
    },
  },
} as const satisfies Readonly<Record<string, Requirements>>

const paths = Object.keys(routes) as (keyof typeof routes)[]

/** The response of each route: who calls. */
const described = ({ subject, client_id, scopes }: Access) => ({ subject, client_id, scopes })

/** A proxy sets this header, in tests the client. */
const certificateHeader = 'client-cert'

export type Application = {
  readonly create: (guard: ApiGuard) => RequestListener | Server | Promise<Server>
}

const ofFetch = (handler: (request: Request) => Response | Promise<Response>): RequestListener =>
  // Other files of the run share this process and its `Request`.
  getRequestListener(handler, {
    overrideGlobalObjects: false,
    errorHandler: () => new Response('failed', { status: 500 }),
  })

const webCertificate = ({ headers }: { readonly headers: Headers }): Uint8Array | undefined =>
  forwardedCertificate(headers.get(certificateHeader))

const expressOf =
  (create: typeof express) =>
  (guard: ApiGuard): RequestListener => {
    const app = create()
    app.use(expressMetadata(guard))
    app.use(create.urlencoded({ extended: true }))
    const router = create.Router()
    for (const path of paths)
      router.all(
        path,
        expressGuard(guard, routes[path], {
          certificate: ({ headers }) => forwardedCertificate(headers[certificateHeader]),
        }),
        (request: object, response: { json: (body: object) => void }) =>
          response.json(described(accessOf(request))),
      )
    app.use('/', router)
    app.use((error: Error, _: object, response: any, __: unknown) =>
      response.status(500).send(error.constructor.name),
    )
    return app as RequestListener
  }

export const applications: Readonly<Record<string, Application>> = {
  'node:http': {
    create(guard) {
      const handlers = new Map(
        paths.map(path => [
          path as string,
          nodeGuard(
            guard,
            routes[path],
            (_, response: ServerResponse, access) =>
              response.setHeader('content-type', 'application/json').end(JSON.stringify(described(access))),
            { certificate: ({ headers }) => forwardedCertificate(headers[certificateHeader]) },
          ),
        ]),
      )
      return (request, response) => {
        if (nodeMetadata(guard, request, response)) return
        const handle = handlers.get((request.url ?? '').replace(/\?.*$/, ''))
        if (handle) handle(request, response).catch(() => response.writeHead(500).end())
        else response.writeHead(404).end()
      }
    },
  },
  'Express 5': { create: expressOf(express) },
  'Express 4': { create: expressOf(express4) },
  Fastify: {
    async create(guard) {
      const app = fastify()
      app.register(fastifyAccess(guard))
      for (const path of paths) {
        const options = {
          certificate: ({ raw }: { raw: IncomingMessage }) =>
            forwardedCertificate(raw.headers[certificateHeader]),
        }
        app.route({
          method: ['GET', 'POST'],
          url: path,
          onRequest: fastifyGuard(guard, routes[path], options),
          handler: async request => described(fastifyAccessOf(request)),
        })
      }
      await app.ready()
      return app.server
    },
  },
  Hono: {
    create(guard) {
      const app = new Hono<{ Variables: AccessVariables }>()
      app.use(honoMetadata(guard))
      for (const path of paths)
        app.get(
          path,
          honoGuard(guard, routes[path], {
            certificate: context => forwardedCertificate(context.req.raw.headers.get(certificateHeader)),
          }),
          context => context.json(described(context.get('access'))),
        )
      app.onError((_, context) => context.text('failed', 500))
      return ofFetch(request => app.fetch(request))
    },
  },
  'fetch handlers': {
    create(guard) {
      const handlers = new Map(
        paths.map(path => [
          path as string,
          fetchGuard(guard, routes[path], (_: Request, access) => Response.json(described(access)), {
            certificate: webCertificate,
          }),
        ]),
      )
      return ofFetch(request => {
        const handle = handlers.get(new URL(request.url).pathname)
        return fetchMetadata(guard, request) ?? handle?.(request) ?? new Response(null, { status: 404 })
      })
    },
  },
  'Next.js route handlers': {
    create(guard) {
      const handlers = new Map(
        paths.map(path => [
          path as string,
          nextGuard(
            guard,
            routes[path],
            async (_: Request, access, { params }: { params: Promise<{ id: string }> }) =>
              Response.json({ ...described(access), ...(await params) }),
            { certificate: webCertificate },
          ),
        ]),
      )
      const metadata = nextMetadata(guard)
      return ofFetch(async request => {
        const handle = handlers.get(new URL(request.url).pathname)
        return handle ? handle(request, { params: Promise.resolve({ id: '1' }) }) : metadata(request)
      })
    },
  },
  'Next.js middleware': {
    create(guard) {
      const certificate = webCertificate
      const middleware = new Map(
        paths.map(path => [path as string, nextMiddleware<Request>(guard, routes[path], { certificate })]),
      )
      const metadata = nextMetadata(guard)
      return ofFetch(async request => {
        const check = middleware.get(new URL(request.url).pathname)
        if (!check) return metadata(request)
        return (await check(request)) ?? Response.json({ passed: true })
      })
    },
  },
}

export type Reply = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type RunningApi = {
  /** Sends a request as it is; a list of values becomes several lines. */
  readonly get: (
    path: string,
    headers?: Readonly<Record<string, string | readonly string[]>>,
    options?: { readonly method?: string; readonly body?: string },
  ) => Promise<Reply>
}

/** Listens until the tests of this file end. */
export async function runApi(application: Application, guard: ApiGuard): Promise<RunningApi> {
  const created = await application.create(guard)
  const server = typeof created === 'function' ? createServer(created) : created
  await once(server.listen(0, '127.0.0.1'), 'listening')
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const get: RunningApi['get'] = async (path, headers = {}, { method = 'GET', body } = {}) => {
    const outgoing = send({ port, host: '127.0.0.1', path, method })
    for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value)
    outgoing.end(body)
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    let text = ''
    for await (const part of response.setEncoding('utf8')) text += part
    return { status: response.statusCode ?? 0, headers: response.headers, body: text }
  }
  return { get }
}
