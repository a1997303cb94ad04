/** The served edge: Fastify turns sockets into plain requests, and plain answers into bytes. */

import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { HttpRequest, HttpResponse, Route } from '@tessera/protocol/http'
import Fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify'
import { type ForwardedCertificates, forwardedCertificate } from './client-certificate.ts'
import { plainError, type Router } from './router.ts'

export type ListenOptions = {
  readonly host: string
  readonly port: number
  readonly mtls?: ForwardedCertificates
  /** Requests under way at once; beyond it 503 with `Retry-After`. */
  readonly mostRequests?: number
}

export type Listening = {
  /** `http://HOST:PORT` with the real port. */
  readonly url: string
  /** Stops accepting, finishes what is under way (ten seconds at most), closes every socket. */
  readonly close: () => Promise<void>
}

const bodyLimit = 65_536
const drainMs = 10_000

export async function listen(
  router: Router,
  routes: readonly Route[],
  { host, port, mtls, mostRequests = 5000 }: ListenOptions,
): Promise<Listening> {
  const app = Fastify({
    logger: false,
    bodyLimit,
    // A client that sends slowly holds nothing for long.
    connectionTimeout: 30_000,
    requestTimeout: 15_000,
    keepAliveTimeout: 72_000,
    genReqId: requestIds(),
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: false, caseSensitive: true },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body))

  let underWay = 0
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (underWay >= mostRequests) return send(reply, overloaded)
    underWay += 1
    try {
      return send(reply, await router(plainRequest(request, mtls)))
    } finally {
      underWay -= 1
    }
  }
  for (const { path } of routes) app.all(path, answer)
  app.setNotFoundHandler(answer)
  app.setErrorHandler((error: FastifyError, _, reply) =>
    send(reply, plainError(error.statusCode ?? 500, errorOf(error))),
  )

  await app.listen({ host, port })
  const address = app.server.address()
  const actual = typeof address === 'object' && address ? address.port : port
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    async close() {
      const force = setTimeout(() => app.server.closeAllConnections(), drainMs)
      await app.close()
      clearTimeout(force)
    },
  }
}

const overloaded = plainError(503, 'temporarily_unavailable', { 'retry-after': '1' })

const errorOf = ({ statusCode = 500 }: FastifyError): string =>
  statusCode < 500 ? 'invalid_request' : 'server_error'

function plainRequest(request: FastifyRequest, mtls: ForwardedCertificates | undefined): HttpRequest {
  const { url } = request
  const mark = url.indexOf('?')
  const headers = joined(request.headers)
  const address = request.socket.remoteAddress ?? ''
  const certificate = mtls && forwardedCertificate(headers, address, mtls)
  return {
    id: request.id,
    method: request.method,
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    headers,
    body: typeof request.body === 'string' ? request.body : '',
    peer: certificate === undefined ? { address } : { address, certificate },
  }
}

/** Node joins repeated headers already, all but `set-cookie`, which no request has a use for. */
const joined = (headers: IncomingHttpHeaders): Readonly<Record<string, string | undefined>> =>
  headers as Readonly<Record<string, string | undefined>>

function send(reply: FastifyReply, { status, headers, body }: HttpResponse): FastifyReply {
  reply.code(status)
  for (const name in headers) reply.header(name, headers[name] as string)
  return reply.send(body)
}

/** Unique for each request, on every node, at the price of a count. */
function requestIds(): () => string {
  const prefix = randomBytes(6).toString('base64url')
  let count = 0
  return () => `${prefix}-${(++count).toString(36)}`
}
