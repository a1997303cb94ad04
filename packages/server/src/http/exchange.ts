/** Converts Node's request into ours, and our response into bytes (RFC 9110, RFC 9112). */

import type { IncomingMessage, OutgoingHttpHeader, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { STATUS_CODES, validateHeaderValue } from './node-http.ts'
import type { ReadPeer } from './peer.ts'
import { plainError } from './plain-error.ts'
import { createPresence, observePresence, type Presence } from './presence.ts'
import { requestIdHeader } from './request-id.ts'
import { isBodyless } from './router.ts'

export type Exchange = {
  readonly id: string
  readonly raw: IncomingMessage
  readonly response: ServerResponse
  /** The server belongs to an application. */
  readonly embedded: boolean
  /** Created when it is first needed. */
  presence?: Presence
}

export const presenceOf = (exchange: Exchange): Presence => {
  const { raw, embedded } = exchange
  exchange.presence ??= embedded ? observePresence(raw.socket) : createPresence(raw.socket)
  return exchange.presence
}

/** Returns the request of an exchange. Its body is filled in later. */
export const plainRequest = (exchange: Exchange, readPeer: ReadPeer): HttpRequest & { body: string } =>
  // Passed in. Assigning it to the finished object made V8 keep each request until a major garbage collection.
  requestOf(exchange, readPeer, () => presenceOf(exchange).connected())

/** Removes the certificate of a proxy from the headers, so the served edge must call it only once per request. */
export function requestOf(
  { id, raw, embedded = true }: Pick<Exchange, 'id' | 'raw'> & { readonly embedded?: boolean },
  readPeer: ReadPeer,
  connected?: HttpRequest['connected'],
): HttpRequest & { body: string } {
  const target = targetOf(raw)
  const url = originForm(target)
  const mark = url.indexOf('?')
  const headers = embedded ? ownHeaders(raw) : raw.headers
  const authority = authorityOf(target)
  if (authority !== undefined) headers.host = authority
  const peer = readPeer(raw.socket.remoteAddress, headers)
  return {
    id,
    method: raw.method ?? '',
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    headers: headers as SingleHeaders,
    body: '',
    peer,
    connected,
  }
}

/**
 * Returns a copy, so that the application's headers don't change. By default Node silently drops a second
 * `authorization` header and a few others. They are joined here, as in the served edge, so that the value is malformed.
 */
function ownHeaders({ headers, headersDistinct }: IncomingMessage): IncomingMessage['headers'] {
  const own = { ...headers }
  for (const name in headersDistinct) {
    const values = headersDistinct[name]!
    if (values.length > 1 && name !== 'set-cookie' && name !== 'cookie' && own[name] !== undefined)
      own[name] = values.join(', ')
  }
  return own
}

/**
 * Returns the status of a refusal of the headers alone; undefined if they are valid. To be called before `plainRequest`,
 * which can replace the `host` header.
 */
export function malformedStatus(exchange: Exchange): 400 | 417 | 431 | undefined {
  if (hasTooManyHeaders(exchange)) return 431
  if (hasSeveralHosts(exchange) || lacksHost(exchange)) return 400
  return expectsOther(exchange) ? 417 : undefined
}

/** RFC 9112 §3.2. The server of an application refuses such requests itself. */
const lacksHost = ({ raw: { headers, httpVersion }, embedded }: Exchange): boolean =>
  !embedded && headers.host === undefined && httpVersion === '1.1'

/** RFC 9110 §10.1.1: the only expectation is that of `100 Continue`. */
const expectsOther = ({ raw: { headers }, embedded }: Exchange): boolean =>
  !embedded && headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue'

/** Returns whether there are several `host` headers, of which a proxy may have checked another one (RFC 9112 §3.2). */
const hasSeveralHosts = ({ raw: { headers, headersDistinct }, embedded }: Exchange): boolean =>
  // The served edge joins them.
  embedded ? (headersDistinct.host?.length ?? 0) > 1 : (headers.host?.includes(',') ?? false)

/**
 * Returns whether the request has so many headers that Node.js 22 would drop the last ones: those that a proxy appends.
 * It keeps 1,000.
 */
const hasTooManyHeaders = ({ raw: { rawHeaders } }: Exchange): boolean => rawHeaders.length > 2 * mostHeaders

const mostHeaders = 500

/** Returns the whole target: Express removes the mount path of a listener from `url`. */
const targetOf = (raw: IncomingMessage & { readonly originalUrl?: unknown }): string | undefined =>
  typeof raw.originalUrl === 'string' ? raw.originalUrl : raw.url

/** Returns the path of a request, without its query. */
export const pathOf = (raw: IncomingMessage): string => withoutQuery(originForm(targetOf(raw)))

/** Returns the path below the one at which an application mounted the listener. */
export const pathBelowMount = ({ url }: IncomingMessage): string => withoutQuery(originForm(url))

function withoutQuery(target: string): string {
  const mark = target.indexOf('?')
  return mark < 0 ? target : target.slice(0, mark)
}

/** RFC 9112 §3.2.2: the authority of a target in absolute form replaces the `host` header. */
const authorityOf = (target = ''): string | undefined =>
  target.startsWith('/') ? undefined : /^https?:\/\/([^/?#]+)/i.exec(target)?.[1]

/** RFC 9112 §3.2.2: the absolute form of a target must be accepted. */
const originForm = (target = ''): string => {
  if (target.startsWith('/')) return target
  const [, path] = /^https?:\/\/[^/?#]+(.*)$/i.exec(target) ?? []
  return path === undefined || path.startsWith('/') ? (path ?? target) : `/${path}`
}

/** Node joins repeated headers, except `set-cookie`, which requests don't use. */
type SingleHeaders = Readonly<Record<Exclude<keyof IncomingMessage['headers'], 'set-cookie'>, string>>

/**
 * Sends a response, or 500 if HTTP can't express it. Does not throw, because an error would end the process. `last`:
 * closes the connection.
 */
export function sendOr500(
  exchange: Exchange,
  answer: HttpResponse,
  last: boolean,
  onUnsendable: (requestId: string, error: unknown) => void,
): void {
  const { response, id } = exchange
  try {
    send(exchange, answer, last)
  } catch (error) {
    onUnsendable(id, error)
    // Resets the response, so that 500 is not sent with the reason phrase of the earlier status.
    response.statusMessage = ''
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    send(exchange, plainError(500, 'server_error'), last)
  }
}

/** Throws before anything is sent if HTTP can't express the response. */
function send(exchange: Exchange, answer: HttpResponse, last: boolean): void {
  const begun = exchange.presence?.begun() ?? ''
  if (begun === '') {
    exchange.response.writeHead(answer.status, headerLines(exchange.id, answer, last))
    exchange.response.end(answer.bytes ?? answer.body)
  } else sendRest(exchange, answer, begun)
}

function headerLines(
  id: string,
  { status, headers, body, bytes }: HttpResponse,
  last: boolean,
): OutgoingHttpHeader[] {
  const lines: OutgoingHttpHeader[] = []
  for (const name in headers) lines.push(name, headers[name] as string | string[])
  // Responses of the edge itself lack it.
  if (headers[requestIdHeader] === undefined) lines.push(requestIdHeader, id)
  if (last) lines.push('connection', 'close')
  // A response to HEAD contains the length of the response to GET.
  if (!isBodyless(status) && headers['content-length'] === undefined)
    lines.push('content-length', String(bytes?.length ?? Buffer.byteLength(body)))
  return lines
}

/** Sends the rest of a response whose first bytes the probe has written. Node's own response would repeat them. */
function sendRest({ id, raw }: Exchange, answer: HttpResponse, begun: string): void {
  const { method, socket } = raw
  const head = headOf(answer.status, headerLines(id, answer, true))
  socket.cork()
  socket.write(head.slice(begun.length))
  if (method !== 'HEAD' && !isBodyless(answer.status)) socket.write(answer.bytes ?? answer.body)
  socket.uncork()
  hangUp(socket)
}

function headOf(status: number, lines: readonly OutgoingHttpHeader[]): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\ndate: ${new Date().toUTCString()}\r\n`
  for (let at = 0; at < lines.length; at += 2)
    for (const value of [lines[at + 1]].flat()) {
      validateHeaderValue(String(lines[at]), String(value))
      head += `${lines[at]}: ${value}\r\n`
    }
  return `${head}\r\n`
}

/** The code of the error of a body in too many parts. */
export const tooManyParts = 'TOO_MANY_PARTS'

const statusOfBytes: Readonly<Record<string, number>> = {
  [tooManyParts]: 413,
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/**
 * Responds to bytes that are not a request, or to a request that is not complete in time, and closes the connection.
 */
export function refuseBytes(error: Error & { code?: string }, socket: Socket, id: string): void {
  if (error.code === 'ECONNRESET') socket.destroy()
  if (!socket.writable) return
  const { status, headers, body } = plainError(statusOfBytes[error.code ?? ''] ?? 400, 'invalid_request')
  const own = { [requestIdHeader]: id, connection: 'close', 'content-length': String(body.length) }
  const lines = Object.entries({ ...headers, ...own })
  socket.write(headOf(status, lines.flat()) + body)
  hangUp(socket)
}

/**
 * Closing immediately would reset the connection while the client is still sending, and the client would lose the
 * response.
 */
function hangUp(socket: Socket): void {
  socket.end()
  setTimeout(() => socket.destroy(), 500).unref()
}
