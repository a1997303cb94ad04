/** The served edge: Fastify turns sockets into plain requests, and plain answers into bytes (RFC 9110, RFC 9112). */

import type { IncomingMessage, OutgoingHttpHeader, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { createTurn } from '../core/turn.ts'
import { createPeerReader, type PeerOptions, type ReadPeer } from './peer.ts'
import { plainError } from './plain-error.ts'
import { createRequestIds } from './request-id.ts'
import { isBodyless, type Router } from './router.ts'

export type ListenOptions = PeerOptions & {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Others listen on the same port, and the system spreads connections over all (`SO_REUSEPORT`). */
  readonly shared?: boolean
  /** Bytes; 65536 unless said otherwise. A larger body is answered 413. */
  readonly bodyLimit?: number
  /** Bytes of the request line and all headers; 16384 unless said otherwise. More are answered 431. */
  readonly headerLimit?: number
  /** For the headers of a request to arrive; 10 s unless said otherwise. Then 408, so that slow senders hold nothing for long. */
  readonly headersMs?: number
  /** For a whole request to arrive; 15 s unless said otherwise. */
  readonly requestMs?: number
  /** For an idle connection; 72 s unless said otherwise: longer than the proxies in front, which keep theirs for 60. */
  readonly keepAliveMs?: number
  /** For requests under way to finish once `close` was called; 10 s unless said otherwise. */
  readonly drainMs?: number
  /** An endpoint answered what HTTP can't say, such as a header with a line end; the client got 500 instead. */
  readonly onUnsendable?: (requestId: string, error: unknown) => void
}

export type Listening = {
  /** `http://HOST:PORT` with the real port. */
  readonly url: string
  /** From now on these proxies are believed. */
  readonly trust: (peers: PeerOptions) => void
  /** Stops accepting, finishes what is under way (`drainMs` at most), closes every connection. */
  readonly close: () => Promise<void>
}

export async function listen(
  router: Router,
  {
    host,
    port,
    shared = false,
    bodyLimit = 65_536,
    drainMs = 10_000,
    onUnsendable = () => {},
    ...options
  }: ListenOptions,
): Promise<Listening> {
  let readPeer = createPeerReader(options)
  let draining = false
  const nextId = createRequestIds()

  const answerInTurn = createTurn(({ request, response }: Asked) => {
    const answer = router(request)
    if (answer instanceof Promise) answer.then(value => sendOr500(response, value, request.id))
    else sendOr500(response, answer, request.id)
  })

  /** What has no body needs nothing of Fastify: its routing and its reply were a tenth of such a request (docs/decisions/0004-hot-path.md). */
  const takeBodyless = (raw: IncomingMessage, response: ServerResponse): boolean => {
    const { method } = raw
    if (method !== 'GET' && method !== 'HEAD') return false
    const id = nextId()
    answerInTurn({ request: plainRequest(raw, { id, method, body: '' }, readPeer), response })
    return true
  }

  /** The answer goes past Fastify's reply, which would look at every header and at the body's kind again. */
  const answer = ({ id, method, body, raw }: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack()
    const text = typeof body === 'string' ? body : ''
    answerInTurn({ request: plainRequest(raw, { id, method, body: text }, readPeer), response: reply.raw })
  }

  /** Never throws: an answer that comes later has nobody to catch it, and would end the process. */
  const sendOr500 = (response: ServerResponse, answer: HttpResponse, id: string): void => {
    try {
      send(response, answer, draining)
    } catch (error) {
      onUnsendable(id, error)
      // What is left of it: else the phrase of its status would stand beside 500.
      response.statusMessage = ''
      for (const name of response.getHeaderNames()) response.removeHeader(name)
      send(response, plainError(500, 'server_error'), draining)
    }
  }

  const app = Fastify({
    ...connectionOptions(options),
    logger: false,
    bodyLimit,
    genReqId: nextId,
    requestIdHeader: false,
    exposeHeadRoutes: false,
    // No route has a schema: without these Fastify would load its compilers, a sixth of all modules of a start.
    schemaController: { compilersFactory: { buildValidator: neverCompiles, buildSerializer: neverCompiles } },
    // While draining, a request on a kept connection is still answered.
    return503OnClosing: false,
    clientErrorHandler: refuseBytes,
    // A path that can't be decoded is one that no route has.
    frameworkErrors: (_, request, reply) => answer(request, reply),
  })
  app.removeAllContentTypeParsers()
  // Forms by their name, since what only `*` takes has its media type parsed anew for each request.
  const bodies = ['application/x-www-form-urlencoded', '*']
  app.addContentTypeParser(bodies, { parseAs: 'string' }, (_, body, done) => done(null, body))
  // The router knows the routes: one for each here would be made for each method too, 15 ms of every start.
  app.all('*', answer)
  app.setNotFoundHandler(answer)
  app.setErrorHandler((error: FastifyError, request, reply) => {
    // A media type that is none: endpoints say what they take, and refuse the rest unread.
    if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return answer(request, reply)
    const status = error.statusCode ?? 500
    // Fastify would close the connection under a client that is still sending, and the answer would be lost with it.
    const last = draining || !(Number(request.headers['content-length']) <= bodyLimit * 16)
    reply.hijack()
    send(reply.raw, plainError(status, status < 500 ? 'invalid_request' : 'server_error'), last)
  })
  askFirst(app.server, takeBodyless)

  await app.listen({ host, port, ...(shared && canShare && { reusePort: true }) } as ListenTarget)
  const bound = app.server.address()
  const actualPort = typeof bound === 'object' && bound ? bound.port : port
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    trust(peers) {
      readPeer = createPeerReader(peers)
    },
    async close() {
      draining = true
      const force = setTimeout(() => app.server.closeAllConnections(), drainMs)
      await app.close()
      clearTimeout(force)
    },
  }
}

type Asked = { readonly request: HttpRequest; readonly response: ServerResponse }

/** From now on those who listen to the server's requests get only what `take` does not take. */
function askFirst(
  server: FastifyInstance['server'],
  take: (request: IncomingMessage, response: ServerResponse) => boolean,
): void {
  const others = server.listeners('request') as RequestListener[]
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response) => {
    if (take(request, response)) return
    for (const other of others) other.call(server, request, response)
  })
}

const neverCompiles = () => () => {
  throw new Error('no route has a schema')
}

/** Fastify hands on what it has no type for. */
type ListenTarget = { host: string; port: number; reusePort?: true }

/** Where the system spreads connections (https://nodejs.org/api/net.html#serverlistenoptions-callback); elsewhere the primary hands them out. */
const canShare = process.platform === 'linux' || process.platform === 'freebsd'

function connectionOptions({
  headerLimit = 16_384,
  headersMs = 10_000,
  requestMs = 15_000,
  keepAliveMs = 72_000,
}: Pick<ListenOptions, 'headerLimit' | 'headersMs' | 'requestMs' | 'keepAliveMs'>) {
  return {
    http: {
      maxHeaderSize: headerLimit,
      headersTimeout: headersMs,
      connectionsCheckingInterval: Math.min(headersMs, 5_000),
      // Else the first of two `Authorization` headers would win silently: joined, they are malformed.
      joinDuplicateHeaders: true,
    },
    requestTimeout: requestMs,
    connectionTimeout: 60_000,
    keepAliveTimeout: keepAliveMs,
    forceCloseConnections: 'idle',
  } as const
}

function plainRequest(
  { url: target, headers, socket }: IncomingMessage,
  read: Pick<HttpRequest, 'id' | 'method' | 'body'>,
  readPeer: ReadPeer,
): HttpRequest {
  const url = originForm(target)
  const mark = url.indexOf('?')
  const peer = readPeer(socket.remoteAddress, headers)
  return {
    id: read.id,
    method: read.method,
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    headers: headers as SingleHeaders,
    body: read.body,
    peer,
  }
}

/** RFC 9112 §3.2.2: a whole URI must be accepted; its authority decides nothing here, as `host` does not. */
const originForm = (target = ''): string => {
  if (target.startsWith('/')) return target
  const [, path] = /^https?:\/\/[^/?#]+(.*)$/i.exec(target) ?? []
  return path === undefined || path.startsWith('/') ? (path ?? target) : `/${path}`
}

/** Node joins repeated headers, all but `set-cookie`, which no request has a use for. */
type SingleHeaders = Readonly<Record<Exclude<keyof IncomingMessage['headers'], 'set-cookie'>, string>>

/** Throws, having sent nothing, for what HTTP can't say. */
function send(response: ServerResponse, { status, headers, body, bytes }: HttpResponse, last: boolean): void {
  const lines: OutgoingHttpHeader[] = []
  for (const name in headers) lines.push(name, headers[name] as string | string[])
  if (last) lines.push('connection', 'close')
  // The answer to HEAD says the length of GET's itself.
  if (!isBodyless(status) && headers['content-length'] === undefined)
    lines.push('content-length', String(bytes?.length ?? Buffer.byteLength(body)))
  response.writeHead(status, lines)
  response.end(bytes ?? body)
}

/** By name rather than from `node:http`: importing values from there loads its WebSocket too, 20 ms of every start. */
const statusOfBytes: Readonly<Record<string, readonly [status: number, phrase: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
}
const badRequest = [400, 'Bad Request'] as const

/** Answers bytes that are no request, or none in time, and hangs up. */
function refuseBytes(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET') socket.destroy()
  if (!socket.writable) return
  const [status, phrase] = statusOfBytes[error.code ?? ''] ?? badRequest
  const { headers, body } = plainError(status, 'invalid_request', { connection: 'close' })
  const lines = Object.entries({ ...headers, 'content-length': String(body.length) })
  socket.end(
    `HTTP/1.1 ${status} ${phrase}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  )
  // Closing at once would reset the connection under a client that is still sending, and the answer would be lost with it.
  setTimeout(() => socket.destroy(), 500).unref()
}
