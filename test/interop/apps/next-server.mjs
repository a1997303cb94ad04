// Calls the route handlers of examples/embedding/next as Next 16 does, without Next: a web request, parameters as a
// promise, the sender's address in x-forwarded-for unless the client sent that header, HEAD by GET, 405 for a method
// without a handler, and other routes before the catch-all.
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import {
  DELETE,
  GET,
  HEAD,
  OPTIONS,
  POST,
  PUT,
} from '../../../examples/embedding/next/app/[...path]/route.js'

const handlers = { DELETE, GET, HEAD, OPTIONS, POST, PUT }

/** A route of the application, which is more specific. */
const own = { '/orders': () => new Response('your orders') }

const server = createServer({ joinDuplicateHeaders: true }, async (incoming, outgoing) => {
  incoming.headers['x-forwarded-for'] ??= incoming.socket.remoteAddress
  const ended = new AbortController()
  outgoing.once('close', () => ended.abort())
  // Next states the address that it listens on, whatever the client's host.
  const url = new URL(incoming.url, `http://localhost:${process.env.PORT}`)
  const bodyless = incoming.method === 'GET' || incoming.method === 'HEAD'
  const request = new Request(url, {
    method: incoming.method,
    headers: incoming.headers,
    signal: ended.signal,
    ...(!bodyless && { body: Readable.toWeb(incoming), duplex: 'half' }),
  })
  const handle = own[url.pathname] ?? handlers[incoming.method]
  const response = handle
    ? await handle(request, { params: Promise.resolve({ path: url.pathname.slice(1).split('/') }) })
    : new Response(null, { status: 405 })
  outgoing.statusCode = response.status
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value)
  outgoing.end(Buffer.from(await response.arrayBuffer()))
})
server.listen(process.env.PORT, '127.0.0.1')

process.once('SIGTERM', () => server.close())
